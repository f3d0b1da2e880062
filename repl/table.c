// SPDX-License-Identifier: MIT
#include "repl/table.h"

#include <stdarg.h>
#include <stdlib.h>

#include "repl/row.h"

void mw_table_init(struct mw_table *table, const struct mw_column *columns, size_t column_count)
{
	*table = (struct mw_table){.columns = columns, .column_count = column_count};
}

void mw_table_deinit(struct mw_table *table)
{
	mw_vec_foreach (cell, &table->cells)
		free(cell->text);
	mw_vec_deinit(&table->cells);
}

void mw_table_cell(struct mw_table *table, enum mw_hue hue, const char *format, ...)
{
	struct mw_cell cell = {.hue = hue};
	va_list args;

	va_start(args, format);
	if (vasprintf(&cell.text, format, args) < 0)
		cell.text = NULL;
	va_end(args);
	if (!mw_vec_push(&table->cells, cell))
		free(cell.text);
}

static const char *cell_text(const struct mw_cell *cell)
{
	return cell->text ? cell->text : "";
}

static size_t column_width(const struct mw_table *table, size_t column)
{
	size_t width = mw_text_width(table->columns[column].title);

	for (size_t i = column; i < table->cells.count; i += table->column_count)
		width = mw_max(width, mw_text_width(cell_text(&table->cells.items[i])));
	return width;
}

/** Writes one field of a line, @start being its left column; no blanks behind the last one. */
static void put_field(const struct mw_table *table, size_t column, size_t start, enum mw_hue hue,
		      const char *text, struct mw_row *row)
{
	size_t blanks = table->widths[column] - mw_text_width(text);

	if (!text[0] && column + 1 == table->column_count)
		return;
	if (column > 0)
		mw_row_pad(row, start);
	if (table->columns[column].right && blanks > 0)
		mw_row_put(row, MW_HUE_PLAIN, "%*s", (int)blanks, "");
	mw_row_put(row, hue, "%s", text);
}

/** Prints one line of the table; @cells NULL means the titles. */
static void print_line(const struct mw_table *table, const struct mw_cell *cells, unsigned indent,
		       struct mw_row *row)
{
	size_t start = indent;

	if (indent)
		mw_row_put(row, MW_HUE_PLAIN, "%*s", (int)indent, "");
	for (size_t i = 0; i < table->column_count; i++) {
		put_field(table, i, start, cells ? cells[i].hue : MW_HUE_DIM,
			  cells ? cell_text(&cells[i]) : table->columns[i].title, row);
		start += table->widths[i] + 2;
	}
	mw_row_end(row);
}

void mw_table_print(struct mw_table *table, const struct mw_style *style, unsigned indent,
		    FILE *out)
{
	struct mw_row row = {.out = out, .style = style};

	if (table->cells.count < table->column_count)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		table->widths[i] = column_width(table, i);
	print_line(table, NULL, indent, &row);
	for (size_t i = 0; i + table->column_count <= table->cells.count; i += table->column_count)
		print_line(table, &table->cells.items[i], indent, &row);
}
