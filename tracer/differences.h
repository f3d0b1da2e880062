// SPDX-License-Identifier: MIT
/** Where two copies of the same memory differ. Pure. */
#ifndef MW_TRACER_DIFFERENCES_H
#define MW_TRACER_DIFFERENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes [start, end) of a block. */
struct mw_run {
	size_t start;
	size_t end;
};

/**
 * Finds the next run of differing bytes. Aligned words that follow each other and all differ are
 * one run, so that a value that carries over, or a copied array, isn't cut to pieces.
 *
 * @param addr the address of the blocks' first byte: what is aligned is decided by it.
 * @param run where the run before ended, {0, 0} at first; filled with the next one.
 * @return false when nothing more differs.
 */
bool mw_run_next(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t size, uint64_t addr,
		 struct mw_run *run);

#endif
