// SPDX-License-Identifier: MIT
#ifndef MW_REPL_PLACE_H
#define MW_REPL_PLACE_H

#include "repl/row.h"
#include "symbols/symbols.h"

/**
 * Appends where an instruction is, as well as it is known: `reload() server.c:212`,
 * `memcpy()+0x1a libc.so.6`, `libfoo.so+0x1234`, `0x7f0012345678`.
 */
void mw_place_put(struct mw_row *row, const struct mw_place *place, mw_addr ip);

/** Appends the function alone, with parentheses; the address when it isn't known. */
void mw_place_put_function(struct mw_row *row, const struct mw_place *place, mw_addr ip);

/** Writes `server.c:212` or `libfoo.so+0x1234` to @ret, "" if neither is known. */
void mw_place_source(const struct mw_place *place, char *ret, size_t size);

/** Prints frames, one to a line: `#0 reload() server.c:212`. */
void mw_stack_print(const struct mw_frame *frames, size_t count, unsigned indent,
		    const struct mw_style *style, FILE *out);

#endif
