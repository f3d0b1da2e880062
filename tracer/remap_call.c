// SPDX-License-Identifier: MIT
#include "tracer/remap_call.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/procmaps.h"
#include "tracer/mem.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
/* Newer than Debian 12's headers; the same on every architecture. */
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define HIGHEST_ADDRESS UINT64_C(0x7ffffffffffff000)

typedef struct mw_error *call_lister(pid_t pid, struct mw_remap_call *call);

static struct mw_error *affect(struct mw_remap_call *call, uint64_t start, uint64_t size)
{
	struct mw_span span = {.range.start = mw_addr_make(mw_page_floor(start))};
	uint64_t end = start + size;
	struct mw_error *err;

	if (!size || start >= HIGHEST_ADDRESS)
		return NULL;
	end = end < start || end > HIGHEST_ADDRESS ? HIGHEST_ADDRESS : mw_page_ceil(end);
	span.range.size = end - span.range.start.v;
	err = mw_spans_cut(&call->affected, span.range);
	return err ? err : mw_spans_add(&call->affected, &span);
}

/* munmap, mprotect, madvise and others: (start, size, …). */
static struct mw_error *list_range(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	return affect(call, call->args[0], call->args[1]);
}

static struct mw_error *list_mmap(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	uint64_t flags = call->args[3];

	if (!(flags & MAP_FIXED) || (flags & MAP_FIXED_NOREPLACE))
		return NULL;
	call->makes_stack = flags & (MAP_STACK | MAP_GROWSDOWN);
	return affect(call, call->args[0], call->args[1]);
}

static struct mw_error *list_mremap(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	uint64_t start = call->args[0];
	uint64_t old_size = mw_page_ceil(call->args[1]), new_size = mw_page_ceil(call->args[2]);
	struct mw_error *err = affect(call, start, old_size);

	call->kept = (struct mw_range){mw_addr_make(start), mw_min(old_size, new_size)};
	if (!err && (call->args[3] & MREMAP_FIXED))
		err = affect(call, call->args[4], new_size);
	return err;
}

/* Harmless advice leaves content and mappings alone, and asks for no writable pages. */
static bool is_harmless(uint64_t advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case 23 /* MADV_POPULATE_WRITE, since 5.14 */:
	case 24 /* MADV_DONTNEED_LOCKED, since 5.18 */:
	case 102 /* MADV_GUARD_INSTALL, since 6.13 */:
		return false;
	default:
		return true;
	}
}

static struct mw_error *list_madvise(pid_t pid, struct mw_remap_call *call)
{
	return is_harmless(call->args[2]) ? NULL : list_range(pid, call);
}

/* (pidfd, iovec, count, advice): what empties, the kernel only lets be said of oneself. */
static struct mw_error *list_process_madvise(pid_t pid, struct mw_remap_call *call)
{
	struct iovec parts[IOV_MAX];
	uint64_t size = mw_min(call->args[2] * sizeof(*parts), sizeof(parts));
	struct mw_mem mem;
	struct mw_error *err;

	if (is_harmless(call->args[3]) || call->args[2] > IOV_MAX)
		return NULL;
	err = mw_mem_init(&mem, pid);
	if (err)
		return err;
	size = mw_mem_read_some(&mem, mw_addr_make(call->args[1]), parts, size);
	mw_mem_deinit(&mem);
	for (size_t i = 0; i < size / sizeof(*parts) && !err; i++)
		err = affect(call, (uintptr_t)parts[i].iov_base, parts[i].iov_len);
	return err;
}

/* The kernel names every mapping between the program's first break and the present one so. */
static struct mw_error *list_brk(pid_t pid, struct mw_remap_call *call)
{
	uint64_t start = UINT64_MAX, end = 0, wanted = mw_page_ceil(call->args[0]);
	struct mw_procmaps maps;
	struct mw_error *err = NULL;

	if (!wanted)
		return NULL;
	err = mw_procmaps_read(pid, &maps);
	if (err)
		return err;
	for (size_t i = 0; i < maps.count; i++) {
		if (strcmp(maps.items[i].path, "[heap]"))
			continue;
		start = mw_min(start, maps.items[i].range.start.v);
		end = mw_max(end, mw_range_end(maps.items[i].range));
	}
	mw_procmaps_deinit(&maps);
	return wanted >= start && wanted < end ? affect(call, wanted, end - wanted) : NULL;
}

static bool same_file(const struct mw_mapping *left, const struct mw_mapping *right)
{
	return left->inode == right->inode && left->dev_major == right->dev_major &&
	       left->dev_minor == right->dev_minor;
}

static struct mw_error *list_shmdt(pid_t pid, struct mw_remap_call *call)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(pid, &maps);
	const struct mw_mapping *first;
	uint64_t end;

	if (err)
		return err;
	first = mw_procmaps_find(&maps, mw_addr_make(call->args[0]));
	if (first) {
		end = mw_range_end(first->range);
		for (const struct mw_mapping *next = first + 1;
		     next < maps.items + maps.count && next->range.start.v == end &&
		     same_file(first, next);
		     next++)
			end = mw_range_end(next->range);
		err = affect(call, call->args[0], end - call->args[0]);
	}
	mw_procmaps_deinit(&maps);
	return err;
}

/* ftruncate, fallocate: every mapping of the file. */
static struct mw_error *list_file(pid_t pid, struct mw_remap_call *call)
{
	struct mw_procmaps maps;
	struct mw_error *err;
	struct stat file;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, (int)call->args[0]);
	if (stat(path, &file) < 0)
		return NULL;
	err = mw_procmaps_read(pid, &maps);
	if (err)
		return err;
	for (size_t i = 0; i < maps.count && !err; i++) {
		const struct mw_mapping *mapping = &maps.items[i];

		if (mapping->inode == file.st_ino && mapping->dev_major == major(file.st_dev) &&
		    mapping->dev_minor == minor(file.st_dev))
			err = affect(call, mapping->range.start.v, mapping->range.size);
	}
	mw_procmaps_deinit(&maps);
	return err;
}

/* No address of a mapping, and no descriptor. */
#define UNALIGNED 1
#define NO_DESCRIPTOR ((uint64_t)-1)

static const struct {
	int64_t number;
	call_lister *list;
	uint64_t dud;
} calls[] = {
	{SYS_mmap, list_mmap, UNALIGNED},
	{SYS_mprotect, list_range, UNALIGNED},
	{SYS_munmap, list_range, UNALIGNED},
	{SYS_brk, list_brk, UNALIGNED},
	{SYS_mremap, list_mremap, UNALIGNED},
	{SYS_madvise, list_madvise, UNALIGNED},
	{SYS_shmdt, list_shmdt, UNALIGNED},
	{SYS_pkey_mprotect, list_range, UNALIGNED},
	{SYS_ftruncate, list_file, NO_DESCRIPTOR},
	{SYS_fallocate, list_file, NO_DESCRIPTOR},
	{SYS_mseal, list_range, UNALIGNED},
	{SYS_remap_file_pages, list_range, UNALIGNED},
	{SYS_process_madvise, list_process_madvise, NO_DESCRIPTOR},
};

bool mw_remap_call_is_known(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return true;
	return false;
}

struct mw_error *mw_remap_call_init(pid_t pid, int64_t number, const uint64_t args[6],
				    struct mw_remap_call *ret)
{
	*ret = (struct mw_remap_call){.number = number};
	memcpy(ret->args, args, sizeof(ret->args));
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return calls[i].list(pid, ret);
	return NULL;
}

void mw_remap_call_deinit(struct mw_remap_call *call)
{
	mw_spans_deinit(&call->affected);
}

uint64_t mw_remap_call_dud(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return calls[i].dud;
	return 0;
}
