// SPDX-License-Identifier: MIT
/**
 * A line of text being written: counts the columns of the terminal it takes, colours aside, and
 * lets no control character of the target through.
 */
#ifndef MW_REPL_ROW_H
#define MW_REPL_ROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "repl/style.h"

struct mw_row {
	FILE *out;
	const struct mw_style *style;
	/** Columns written so far. */
	size_t width;
};

/** Columns that @text takes, as mw_row_put() writes it. */
size_t mw_text_width(const char *text);

/** Appends text; control characters and malformed bytes come out as \xHH. */
void mw_row_put(struct mw_row *row, enum mw_hue hue, const char *format, ...) MW_PRINTF(3, 4);
/** Appends blanks: two at least, and as many as it takes to reach @column. */
void mw_row_pad(struct mw_row *row, size_t column);
/** Ends the line; the row is then a fresh one. */
void mw_row_end(struct mw_row *row);

/** Room for a number with separators. */
#define MW_COUNT_SIZE 32

/** Writes @value with separators: "1,234,567". @return @ret. */
const char *mw_count_text(uint64_t value, char ret[MW_COUNT_SIZE]);

#endif
