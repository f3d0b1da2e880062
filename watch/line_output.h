// SPDX-License-Identifier: MIT
/**
 * Where a sink writes its lines: a buffered file that is flushed when idle, and that remembers
 * the first failure (disk full, pipe closed) so that the session can end with one message.
 */
#ifndef MW_WATCH_LINE_OUTPUT_H
#define MW_WATCH_LINE_OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"

/** Longest time that a line waits in the buffer, ns. */
#define MW_LINE_OUTPUT_DELAY_NS 100000000u

struct mw_line_output {
	FILE *file;
	/** For messages; not owned. */
	const char *name;
	/** Somebody watches: flush each line. */
	bool eager;
	/** Closed by mw_line_output_close(). */
	bool owned;
	atomic_bool dirty;
	/** errno of the first failure, else 0. */
	atomic_int errnum;
	_Atomic uint64_t flushed_ns;
};

/** Opens @path for writing, emptying it; NULL means standard output. @path must outlive @ret. */
struct mw_error *mw_line_output_open(const char *path, struct mw_line_output *ret) MW_MUST_CHECK;

/**
 * Writes @size bytes, whole lines. Any thread.
 *
 * @return false when this or an earlier write failed.
 */
bool mw_line_output_write(struct mw_line_output *output, const void *text, size_t size);

/**
 * Writes out what waits in the buffer, if anything does and it can be done without waiting for
 * the reader. Any thread.
 *
 * @return as above.
 */
bool mw_line_output_flush(struct mw_line_output *output);

/** Makes @errnum the failure, if it is the first. */
void mw_line_output_fail(struct mw_line_output *output, int errnum);

/** @return the first failure as an error of the caller's, or NULL. */
struct mw_error *mw_line_output_error(const struct mw_line_output *output) MW_MUST_CHECK;

/** Flushes and closes. @return the first failure of all. A zeroed output is fine. */
struct mw_error *mw_line_output_close(struct mw_line_output *output) MW_MUST_CHECK;

#endif
