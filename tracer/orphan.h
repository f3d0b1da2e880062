// SPDX-License-Identifier: MIT
/** Finds in a process what a memwatch that is gone has left in it. */
#ifndef MW_TRACER_ORPHAN_H
#define MW_TRACER_ORPHAN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/target.h"

struct mw_mem;

/** Memory that is read-only and probably shouldn't be. */
struct mw_orphan_span {
	struct mw_range range;
	/** What it should have. */
	int prot;
	/** What says so. */
	const char *why;
};

/** Finds the annex. @param ret its code page. @return mw_err_not_found when there is none. */
struct mw_error *mw_orphan_find_annex(const struct mw_mem *mem, mw_addr *ret) MW_MUST_CHECK;

/**
 * Without an annex: private memory that is read-only between writable pages of the same kind, where
 * the program's file or the kernel's name for it says that all of it is writable.
 *
 * @param ret heap array owned by the caller.
 */
struct mw_error *mw_orphan_guess(pid_t pid, struct mw_orphan_span **ret,
				 size_t *ret_count) MW_MUST_CHECK;

#endif
