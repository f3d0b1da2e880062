// SPDX-License-Identifier: MIT
#include "tracer/orphan.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/procmaps.h"
#include "base/vec.h"
#include "tracer/annex.h"
#include "tracer/mem.h"
#include "tracer/spans.h"

#define MOST_SEGMENTS 64

static bool is_annex(const struct mw_mem *mem, mw_addr code)
{
	mw_addr header = mw_addr_add(code, MW_ANNEX_CODE_SIZE);
	uint64_t words[2];

	return mw_mem_read_some(mem, header, words, sizeof(words)) == sizeof(words) &&
	       words[0] == MW_ANNEX_MAGIC && words[1] >= sizeof(struct mw_annex);
}

struct mw_error *mw_orphan_find_annex(const struct mw_mem *mem, mw_addr *ret)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(mem->pid, &maps);

	if (err)
		return err;
	err = mw_err_not_found;
	for (size_t i = 0; i < maps.count && err; i++) {
		const struct mw_mapping *mapping = &maps.items[i];

		/* Where it may not have code, its first page is writable like the rest. */
		if (mapping->inode || mapping->shared || !is_annex(mem, mapping->range.start))
			continue;
		*ret = mapping->range.start;
		err = NULL;
	}
	mw_procmaps_deinit(&maps);
	return err;
}

/* Reading such a file can't change anything: the segments say how it wants to be mapped. */
static size_t read_segments(const char *path, Elf64_Phdr ret[MOST_SEGMENTS])
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	Elf64_Ehdr header;
	size_t count;

	if (fd < 0 || mw_pread_full(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(*ret))
		return 0;
	count = mw_min((size_t)header.e_phnum, (size_t)MOST_SEGMENTS);
	if (mw_pread_full(fd, ret, count * sizeof(*ret), (off_t)header.e_phoff) !=
	    (ssize_t)(count * sizeof(*ret)))
		return 0;
	return count;
}

/* What the dynamic linker has made read-only after relocation is meant to be so. */
static bool is_relro(const Elf64_Phdr *segments, size_t count, uint64_t vaddr)
{
	for (size_t i = 0; i < count; i++)
		if (segments[i].p_type == PT_GNU_RELRO &&
		    mw_page_floor(vaddr) >= mw_page_floor(segments[i].p_vaddr) &&
		    vaddr < mw_page_floor(segments[i].p_vaddr + segments[i].p_memsz))
			return true;
	return false;
}

static bool file_wants_writable(const struct mw_mapping *mapping)
{
	Elf64_Phdr segments[MOST_SEGMENTS];
	size_t count = read_segments(mapping->path, segments);

	for (size_t i = 0; i < count; i++) {
		const Elf64_Phdr *segment = &segments[i];
		uint64_t start = mw_page_floor(segment->p_offset);

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W) ||
		    mapping->offset < start ||
		    mapping->offset >= segment->p_offset + segment->p_filesz)
			continue;
		return !is_relro(segments, count,
				 mw_page_floor(segment->p_vaddr) + mapping->offset - start);
	}
	return false;
}

static bool is_same_kind(const struct mw_mapping *a, const struct mw_mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && strcmp(a->path, b->path) == 0;
}

/* .bss has no file behind it: it is the anonymous memory directly behind a file's writable data. */
static bool is_bss(const struct mw_procmaps *maps, size_t index)
{
	while (index > 0 && !maps->items[index].inode && !*maps->items[index].path) {
		if (mw_range_end(maps->items[index - 1].range) != maps->items[index].range.start.v)
			return false;
		index--;
	}
	return maps->items[index].inode &&
	       (maps->items[index].prot & PROT_WRITE || file_wants_writable(&maps->items[index]));
}

static bool touches_writable(const struct mw_procmaps *maps, size_t index)
{
	const struct mw_mapping *mapping = &maps->items[index];
	const struct mw_mapping *before = index ? mapping - 1 : NULL;
	const struct mw_mapping *after = index + 1 < maps->count ? mapping + 1 : NULL;

	if (before && mw_range_end(before->range) == mapping->range.start.v &&
	    is_same_kind(before, mapping) && before->prot & PROT_WRITE)
		return true;
	return after && mw_range_end(mapping->range) == after->range.start.v &&
	       is_same_kind(after, mapping) && after->prot & PROT_WRITE;
}

/** @return what says that the mapping should be writable, or NULL. */
static const char *reason(const struct mw_procmaps *maps, size_t index)
{
	const struct mw_mapping *mapping = &maps->items[index];

	if (mapping->shared || mapping->prot != PROT_READ)
		return NULL;
	if (!strcmp(mapping->path, "[heap]"))
		return "its being the heap";
	if (mapping->inode)
		return file_wants_writable(mapping) ? "its file" : NULL;
	if (!*mapping->path && touches_writable(maps, index) && is_bss(maps, index))
		return "its place behind a file's data";
	return NULL;
}

struct mw_error *mw_orphan_guess(pid_t pid, struct mw_orphan_span **ret, size_t *ret_count)
{
	MW_VEC(struct mw_orphan_span) found = {0};
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(pid, &maps);

	if (err)
		return err;
	for (size_t i = 0; i < maps.count && !err; i++) {
		struct mw_orphan_span span = {
			.range = maps.items[i].range,
			.prot = PROT_READ | PROT_WRITE,
			.why = reason(&maps, i),
		};

		if (span.why && !mw_vec_push(&found, span))
			err = mw_err_nomem;
	}
	mw_procmaps_deinit(&maps);
	if (err) {
		mw_vec_deinit(&found);
		return err;
	}
	*ret = found.items;
	*ret_count = found.count;
	return NULL;
}
