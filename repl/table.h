// SPDX-License-Identifier: MIT
/** Columns of text that line up: filled cell by cell, printed at the end. */
#ifndef MW_REPL_TABLE_H
#define MW_REPL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/vec.h"
#include "repl/style.h"

#define MW_TABLE_COLUMNS_MAX 12

struct mw_cell {
	char *text;
	enum mw_hue hue;
};

struct mw_column {
	const char *title;
	/** Numbers stand at the right. */
	bool right;
};

struct mw_table {
	const struct mw_column *columns;
	size_t column_count;
	/** Set by mw_table_print(). */
	size_t widths[MW_TABLE_COLUMNS_MAX];
	MW_VEC(struct mw_cell) cells;
};

/** @param columns @column_count of them, at most MW_TABLE_COLUMNS_MAX; outlive the table. */
void mw_table_init(struct mw_table *table, const struct mw_column *columns, size_t column_count);
void mw_table_deinit(struct mw_table *table);

/** Adds the next cell, row by row from the left. */
void mw_table_cell(struct mw_table *table, enum mw_hue hue, const char *format, ...)
	MW_PRINTF(3, 4);

/** Prints the titles and the rows, each behind @indent blanks; nothing without rows. */
void mw_table_print(struct mw_table *table, const struct mw_style *style, unsigned indent,
		    FILE *out);

#endif
