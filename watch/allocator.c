// SPDX-License-Identifier: MIT
#include "watch/allocator.h"

#include <string.h>

/* glibc, musl, jemalloc, tcmalloc, mimalloc and the C++ operators, by their whole names… */
static const char *const names[] = {
	"free",
	"cfree",
	"realloc",
	"malloc",
	"calloc",
	"reallocarray",
	"memalign",
	"aligned_alloc",
	"posix_memalign",
	"valloc",
	"__libc_free",
	"__libc_malloc",
	"__libc_calloc",
	"__libc_realloc",
	"__libc_memalign",
	"_int_free",
	"_int_malloc",
	"_int_realloc",
	"_int_memalign",
	"_int_free_merge_chunk",
	"_int_free_create_chunk",
	"tcache_put",
	"tcache_get",
	"tcache_thread_shutdown",
	"malloc_consolidate",
	"unlink_chunk",
	"sysmalloc",
	"systrim",
	"operator delete",
	"operator delete[]",
	"operator new",
	"operator new[]",
};

/* … and by how they begin. */
static const char *const prefixes[] = {
	"je_",
	"tc_",
	"mi_",
	"tcmalloc::",
	"__GI___libc_",
	"operator delete(",
	"operator delete[](",
	"operator new(",
	"operator new[](",
};

static bool is_allocator(const char *function)
{
	/* Debian's glibc names its functions so where it calls them itself. */
	if (!strncmp(function, "__GI_", strlen("__GI_")))
		function += strlen("__GI_");
	for (size_t i = 0; i < mw_array_size(names); i++)
		if (!strcmp(function, names[i]))
			return true;
	for (size_t i = 0; i < mw_array_size(prefixes); i++)
		if (!strncmp(function, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

bool mw_place_is_allocator(const struct mw_place *place)
{
	if (place->function && is_allocator(place->function))
		return true;
	for (unsigned i = 0; i < place->inlined_count; i++)
		if (place->inlined_into[i] && is_allocator(place->inlined_into[i]))
			return true;
	return false;
}
