// SPDX-License-Identifier: MIT
#include "repl/processes.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "base/error.h"
#include "repl/row.h"
#include "repl/table.h"

/* Those with the most changes; nobody reads on. */
#define ROWS_MAX 30

static const struct mw_column columns[] = {
	{"process", true}, {"child of", true}, {"name", false},
	{"changes", true}, {"silent", true},   {"state", false},
};

static int by_changes(const void *left, const void *right)
{
	const struct mw_process_info *a = left, *b = right;

	if (a->changes != b->changes)
		return a->changes < b->changes ? 1 : -1;
	if (a->silent != b->silent)
		return a->silent < b->silent ? 1 : -1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static void add_state(struct mw_table *table, const struct mw_process_info *process)
{
	int status = process->wait_status;

	if (process->state == MW_TARGET_DETACHED)
		mw_table_cell(table, MW_HUE_LIMITED, "let go");
	else if (process->state != MW_TARGET_EXITED)
		mw_table_cell(table, MW_HUE_PLAIN, "watched");
	else if (WIFSIGNALED(status))
		mw_table_cell(table, MW_HUE_LIMITED, "killed by signal %d", WTERMSIG(status));
	else
		mw_table_cell(table, MW_HUE_PLAIN, "exited with code %d", WEXITSTATUS(status));
}

static void add_process(struct mw_table *table, const struct mw_process_info *process)
{
	char count[MW_COUNT_SIZE];

	mw_table_cell(table, MW_HUE_PLAIN, "%d", (int)process->pid);
	mw_table_cell(table, MW_HUE_DIM, "%d", (int)process->parent);
	mw_table_cell(table, MW_HUE_NAME, "%s", process->name);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(process->changes, count));
	mw_table_cell(table, MW_HUE_DIM, "%s", mw_count_text(process->silent, count));
	add_state(table, process);
}

static void print_rest(const struct mw_process_list *list, FILE *out)
{
	size_t more = list->count - mw_min(list->count, (size_t)ROWS_MAX) + list->forgotten;
	char count[MW_COUNT_SIZE];

	if (more)
		fprintf(out, "  … and %s more process%s\n", mw_count_text(more, count),
			more == 1 ? "" : "es");
}

void mw_processes_print(struct mw_session *session, const struct mw_style *style, FILE *out)
{
	struct mw_process_list list = {0};
	struct mw_error *err = mw_session_processes(session, &list);
	struct mw_table table;

	if (err) {
		fprintf(out, "%s\n", err->message);
		mw_error_destroy(err);
	} else if (list.count) {
		qsort(list.items, list.count, sizeof(*list.items), by_changes);
		mw_table_init(&table, columns, mw_array_size(columns));
		for (size_t i = 0; i < mw_min(list.count, (size_t)ROWS_MAX); i++)
			add_process(&table, &list.items[i]);
		mw_table_print(&table, style, 2, out);
		mw_table_deinit(&table);
		print_rest(&list, out);
	}
	mw_vec_deinit(&list);
}
