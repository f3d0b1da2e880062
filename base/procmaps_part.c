// SPDX-License-Identifier: MIT
/* Reads the mappings of a few ranges: of a process with many mappings the whole file is long. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/procmap_query.h"
#include "base/procmaps.h"
#include "base/vec.h"

/** The answer that grows; paths are kept as offsets while their memory may move. */
struct part {
	int fd;
	MW_VEC(struct mw_mapping) mappings;
	MW_VEC(char) text;
};

static int to_prot(uint64_t flags)
{
	return (flags & MW_PROCMAP_READABLE ? PROT_READ : 0) |
	       (flags & MW_PROCMAP_WRITABLE ? PROT_WRITE : 0) |
	       (flags & MW_PROCMAP_EXECUTABLE ? PROT_EXEC : 0);
}

static struct mw_error *add(struct part *part, const struct mw_procmap_query *query,
			    const char *name)
{
	const char *path = query->name_size ? name : "";
	size_t size = strlen(path) + 1;
	struct mw_mapping mapping = {
		.range = {mw_addr_make(query->start), query->end - query->start},
		.prot = to_prot(query->vma_flags),
		.shared = query->vma_flags & MW_PROCMAP_SHARED,
		.offset = query->offset,
		.dev_major = query->dev_major,
		.dev_minor = query->dev_minor,
		.inode = query->inode,
		.path = (const char *)part->text.count,
	};

	return mw_vec_push(&part->mappings, mapping) && mw_vec_append(&part->text, path, size)
		       ? NULL
		       : mw_err_nomem;
}

/* @return false when the kernel doesn't answer such questions. */
static bool query_range(struct part *part, struct mw_range range, struct mw_error **ret_err)
{
	char name[PATH_MAX];
	uint64_t at = range.start.v;

	while (at < mw_range_end(range) && !*ret_err) {
		struct mw_procmap_query query = {
			.size = sizeof(query),
			.flags = MW_PROCMAP_OR_NEXT,
			.addr = at,
			.name_size = sizeof(name),
			.name = (uintptr_t)name,
		};

		if (ioctl(part->fd, MW_PROCMAP_QUERY, &query) < 0)
			return errno == ENOENT;
		if (query.start >= mw_range_end(range))
			break;
		*ret_err = add(part, &query, name);
		at = query.end;
	}
	return true;
}

static int by_address(const void *left, const void *right)
{
	const struct mw_mapping *a = left, *b = right;

	return (a->range.start.v > b->range.start.v) - (a->range.start.v < b->range.start.v);
}

/* Ranges may ask for the same mapping. */
static void settle(struct part *part)
{
	size_t kept = 0;

	if (!part->mappings.count)
		return;
	qsort(part->mappings.items, part->mappings.count, sizeof(*part->mappings.items),
	      by_address);
	mw_vec_foreach (mapping, &part->mappings) {
		if (kept && part->mappings.items[kept - 1].range.start.v == mapping->range.start.v)
			continue;
		mapping->path = part->text.items + (size_t)mapping->path;
		part->mappings.items[kept++] = *mapping;
	}
	part->mappings.count = kept;
}

struct mw_error *mw_procmaps_read_part(pid_t pid, const struct mw_range *ranges, size_t count,
				       struct mw_procmaps *ret)
{
	struct part part = {.fd = -1};
	struct mw_error *err = NULL;
	bool answers = true;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	part.fd = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < count && answers && !err; i++)
		answers = part.fd >= 0 && query_range(&part, ranges[i], &err);
	if (part.fd >= 0)
		close(part.fd);
	if (answers && !err) {
		settle(&part);
		*ret = (struct mw_procmaps){part.mappings.items, part.mappings.count,
					    part.text.items};
		return NULL;
	}
	mw_vec_deinit(&part.mappings);
	mw_vec_deinit(&part.text);
	return err ? err : mw_procmaps_read(pid, ret);
}
