// SPDX-License-Identifier: MIT
#include "tracer/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "tracer/mem.h"

/* A text this large is searched at most; libc has a system call within its first megabyte. */
#define SEARCH_SIZE (2u << 20)

static bool find_in_mapping(const struct mw_mem *mem, const struct mw_mapping *mapping,
			    int64_t (*find)(const uint8_t *code, size_t size), mw_addr *ret)
{
	size_t size = mw_min(mapping->range.size, (uint64_t)SEARCH_SIZE);
	mw_auto_free uint8_t *code = malloc(size);
	int64_t offset;

	if (!code)
		return false;
	size = mw_mem_read_some(mem, mapping->range.start, code, size);
	offset = find(code, size);
	if (offset >= 0)
		*ret = mw_addr_add(mapping->range.start, (uint64_t)offset);
	return offset >= 0;
}

static bool find_in_mappings(const struct mw_mem *mem, const struct mw_procmaps *maps, bool vdso,
			     int64_t (*find)(const uint8_t *code, size_t size), mw_addr *ret)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct mw_mapping *mapping = &maps->items[i];

		/* Code without a file may go, as the annex does. The vsyscall page looks like code,
		 * but can't be entered in its middle. */
		if (mapping->prot & PROT_EXEC &&
		    (vdso ? !strcmp(mapping->path, "[vdso]") : mapping->inode != 0) &&
		    find_in_mapping(mem, mapping, find, ret))
			return true;
	}
	return false;
}

bool mw_text_find(const struct mw_mem *mem, const struct mw_procmaps *maps,
		  int64_t (*find)(const uint8_t *code, size_t size), mw_addr *ret)
{
	return find_in_mappings(mem, maps, true, find, ret) ||
	       find_in_mappings(mem, maps, false, find, ret);
}
