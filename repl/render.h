// SPDX-License-Identifier: MIT
#ifndef MW_REPL_RENDER_H
#define MW_REPL_RENDER_H

#include <stdio.h>

#include "repl/style.h"
#include "watch/change.h"

/**
 * Writes the report of one change as people read it: a line, below it the members when several
 * changed, then the call stack.
 *
 * @param start_ns CLOCK_MONOTONIC of the session's start; times are printed relative to it.
 */
void mw_render_change(const struct mw_change *change, uint64_t start_ns,
		      const struct mw_style *style, FILE *out);

#endif
