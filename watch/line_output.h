// SPDX-License-Identifier: MIT
/**
 * Where a sink puts its lines. Putting one never waits: lines gather in memory until somebody who
 * holds no lock that others need writes them out. The first failure (disk full, pipe closed) is
 * remembered, so that the session can end with one message.
 */
#ifndef MW_WATCH_LINE_OUTPUT_H
#define MW_WATCH_LINE_OUTPUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/vec.h"

/** Longest time that a line waits in memory, ns. */
#define MW_LINE_OUTPUT_DELAY_NS 100000000u

struct mw_lines {
	MW_VEC(char) text;
};

struct mw_line_output {
	FILE *file;
	/** For messages; not owned. */
	const char *name;
	/** Somebody watches: each line goes out at once. */
	bool eager;
	/** Closed by mw_line_output_close(). */
	bool owned;
	/** Guards `lines`; held for moments only. */
	pthread_mutex_t lock;
	struct mw_lines lines;
	/** Held by whoever writes, maybe for long: the bytes being written, and how many are. */
	pthread_mutex_t writing;
	struct mw_lines taken;
	size_t written;
	/** Bytes in both. */
	atomic_size_t waiting;
	/** errno of the first failure, else 0. */
	atomic_int errnum;
	_Atomic uint64_t flushed_ns;
};

/** Opens @path for writing, emptying it. @path must outlive @ret. */
struct mw_error *mw_line_output_open(const char *path, struct mw_line_output *ret) MW_MUST_CHECK;

/** Writes to an open stream that stays the caller's. @name as in "cannot write NAME". */
void mw_line_output_use(FILE *file, const char *name, struct mw_line_output *ret);

/**
 * Takes in @size bytes, whole lines. Any thread; never waits for the reader.
 *
 * @return false when this or an earlier write failed.
 */
bool mw_line_output_put(struct mw_line_output *output, const void *text, size_t size);

/**
 * Writes out what waits, if it is worth it or has waited long enough. May wait for the reader:
 * for the thread that makes the lines, which thereby makes no more of them than are read.
 *
 * @return as above.
 */
bool mw_line_output_settle(struct mw_line_output *output);

/**
 * Writes out what can be written without waiting for the reader. Any thread.
 *
 * @return as above.
 */
bool mw_line_output_flush(struct mw_line_output *output);

/** Makes @errnum the failure, if it is the first. */
void mw_line_output_fail(struct mw_line_output *output, int errnum);

/** @return the first failure as an error of the caller's, or NULL. */
struct mw_error *mw_line_output_error(const struct mw_line_output *output) MW_MUST_CHECK;

/** Writes out what waits, and closes what was opened. @return the first failure of all. A zeroed
 * output is fine. */
struct mw_error *mw_line_output_close(struct mw_line_output *output) MW_MUST_CHECK;

#endif
