// SPDX-License-Identifier: MIT
#include "repl/writers.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "repl/place.h"
#include "repl/row.h"
#include "repl/table.h"

static const struct mw_column columns[] = {
	{"changes", true}, {"silent", true},   {"function", false},
	{"where", false},  {"threads", false}, {"last change", false},
};

/** Thread ids as "4711, 4712, …". */
static void list_threads(const struct mw_writer *writer, char *ret, size_t size)
{
	size_t known = mw_min(writer->tid_count, mw_array_size(writer->tids));
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < known && used < size; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s%d", i ? ", " : "",
					 (int)writer->tids[i]);
	if (writer->tid_count > known && used < size)
		snprintf(ret + used, size - used, ", … (%zu)", writer->tid_count);
}

/** The function alone, as a string; freed by the caller. */
static char *function_text(const struct mw_writer *writer)
{
	static const struct mw_style plain = {.color = false};
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	struct mw_row row = {.out = memory, .style = &plain};

	if (!memory)
		return NULL;
	if (writer->ip.v)
		mw_place_put_function(&row, &writer->place, writer->ip);
	else
		mw_row_put(&row, MW_HUE_DIM, "nobody was seen");
	if (writer->syscall_name)
		mw_row_put(&row, MW_HUE_PLAIN, " by %s()", writer->syscall_name);
	fclose(memory);
	return text;
}

static void add_writer(void *arg, const struct mw_writer *writer)
{
	struct mw_table *table = arg;
	mw_auto_free char *function = function_text(writer);
	char count[MW_COUNT_SIZE], where[256], threads[128];

	mw_place_source(&writer->place, where, sizeof(where));
	list_threads(writer, threads, sizeof(threads));
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(writer->changes, count));
	mw_table_cell(table, MW_HUE_DIM, "%s", mw_count_text(writer->silent, count));
	mw_table_cell(table, MW_HUE_PLACE, "%s", function ? function : "");
	mw_table_cell(table, MW_HUE_PLAIN, "%s", where);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", threads);
	if (writer->last_old && writer->last_new)
		mw_table_cell(table, MW_HUE_PLAIN, "%s: %s → %s",
			      writer->last_path ? writer->last_path : "", writer->last_old,
			      writer->last_new);
	else
		mw_table_cell(table, MW_HUE_DIM, "%s", "-");
}

/** Looks up one watch and prints its totals. */
struct heading {
	unsigned id;
	struct mw_row row;
};

static void print_heading(void *arg, const struct mw_watch_info *watch)
{
	struct heading *heading = arg;
	struct mw_row *row = &heading->row;
	char changes[MW_COUNT_SIZE], silent[MW_COUNT_SIZE], foreign[MW_COUNT_SIZE];

	if (watch->id != heading->id)
		return;
	mw_row_put(row, MW_HUE_NAME, "%s", watch->name);
	mw_row_put(row, MW_HUE_PLAIN, " (watch %u, %s at 0x%" PRIx64 "): %s change%s", watch->id,
		   watch->type_name, watch->object.addr.v, mw_count_text(watch->changes, changes),
		   watch->changes == 1 ? "" : "s");
	mw_row_put(row, MW_HUE_DIM, ", %s silent, %s beside it",
		   mw_count_text(watch->silent, silent), mw_count_text(watch->foreign, foreign));
	if (watch->ended)
		mw_row_put(row, MW_HUE_LIMITED, "; ended: %s", watch->ended);
	mw_row_end(row);
}

struct mw_error *mw_writers_print(struct mw_session *session, unsigned id,
				  const struct mw_style *style, FILE *out)
{
	struct heading heading = {.id = id, .row = {.out = out, .style = style}};
	struct mw_table table;
	struct mw_error *err;

	mw_table_init(&table, columns, mw_array_size(columns));
	err = mw_session_writers(session, id, add_writer, &table);
	if (!err)
		err = mw_session_describe(session, id, print_heading, &heading);
	if (!err)
		mw_table_print(&table, style, 2, out);
	mw_table_deinit(&table);
	return err;
}
