// SPDX-License-Identifier: MIT
#include "base/procmaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/fdio.h"
#include "base/vec.h"

/* The kernel writes a newline in a path as \012 (seq_path). */
static void unescape_newlines(char *path)
{
	char *out = path;

	for (const char *in = path; *in; out++) {
		if (!strncmp(in, "\\012", 4)) {
			*out = '\n';
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

static int parse_prot(const char *perms)
{
	return (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
	       (perms[2] == 'x' ? PROT_EXEC : 0);
}

static bool parse_line(char *line, struct mw_mapping *ret)
{
	struct mw_mapping mapping = {0};
	uint64_t start, end;
	char perms[5];
	int path_at = -1;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx32 ":%" SCNx32 " %" SCNu64 " %n",
		   &start, &end, perms, &mapping.offset, &mapping.dev_major, &mapping.dev_minor,
		   &mapping.inode, &path_at) != 7 ||
	    path_at < 0 || end <= start || strlen(perms) != 4)
		return false;
	mapping.range = (struct mw_range){mw_addr_make(start), end - start};
	mapping.prot = parse_prot(perms);
	mapping.shared = perms[3] == 's';
	unescape_newlines(line + path_at);
	mapping.path = line + path_at;
	*ret = mapping;
	return true;
}

struct mw_error *mw_procmaps_parse(char *text, struct mw_procmaps *ret)
{
	MW_VEC(struct mw_mapping) mappings = {0};
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct mw_mapping mapping;

		if (!parse_line(line, &mapping)) {
			mw_vec_deinit(&mappings);
			return mw_error_create(MW_ERROR_OTHER, "unreadable line in maps: %s", line);
		}
		if (!mw_vec_push(&mappings, mapping)) {
			mw_vec_deinit(&mappings);
			return mw_err_nomem;
		}
	}
	*ret = (struct mw_procmaps){mappings.items, mappings.count, text};
	return NULL;
}

struct mw_error *mw_procmaps_read(pid_t pid, struct mw_procmaps *ret)
{
	struct mw_error *err;
	char path[64];
	char *text;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	err = mw_file_read(path, &text, &size);
	if (err)
		return err;
	/* A zombie and a kernel thread have an empty maps file. */
	if (!size) {
		free(text);
		return mw_err_gone;
	}
	err = mw_procmaps_parse(text, ret);
	if (err)
		free(text);
	return err;
}

void mw_procmaps_deinit(struct mw_procmaps *maps)
{
	free(maps->items);
	free(maps->text);
	*maps = (struct mw_procmaps){0};
}

const struct mw_mapping *mw_procmaps_find(const struct mw_procmaps *maps, mw_addr addr)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mw_range_end(maps->items[middle].range) <= addr.v)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < maps->count && mw_range_contains(maps->items[low].range, addr))
		return &maps->items[low];
	return NULL;
}
