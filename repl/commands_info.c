// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/error.h"
#include "repl/command.h"
#include "repl/features.h"
#include "repl/front.h"
#include "repl/lookup.h"
#include "repl/place.h"
#include "repl/processes.h"
#include "repl/stats.h"
#include "repl/table.h"

static const struct mw_column watch_columns[] = {
	{"watch", true},  {"name", false},  {"type", false},  {"address", false},
	{"bytes", true},  {"by", false},    {"pages", true},  {"changes", true},
	{"silent", true}, {"beside", true}, {"state", false},
};

static void add_watch_state(struct mw_table *table, const struct mw_watch_info *watch)
{
	if (watch->ended)
		mw_table_cell(table, MW_HUE_LIMITED, "ended: %s", watch->ended);
	else if (!watch->enabled)
		mw_table_cell(table, MW_HUE_LIMITED, "disabled");
	else
		mw_table_cell(table, MW_HUE_PLAIN, "%s",
			      watch->backend_note && watch->backend_note[0] ? watch->backend_note
									    : "armed");
}

static void add_watch(void *arg, const struct mw_watch_info *watch)
{
	struct mw_table *table = arg;
	char count[MW_COUNT_SIZE];

	mw_table_cell(table, MW_HUE_PLAIN, "%u", watch->id);
	mw_table_cell(table, MW_HUE_NAME, "%s", watch->name);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", watch->type_name);
	mw_table_cell(table, MW_HUE_PLAIN, "0x%" PRIx64, watch->object.addr.v);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(watch->object.size, count));
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_backend_name(watch->backend));
	mw_table_cell(table, MW_HUE_PLAIN, "%zu", watch->pages);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(watch->changes, count));
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(watch->silent, count));
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(watch->foreign, count));
	add_watch_state(table, watch);
}

static struct mw_error *info_watches(struct mw_front *front)
{
	struct mw_table table;

	mw_table_init(&table, watch_columns, mw_array_size(watch_columns));
	mw_session_watches(front->session, add_watch, &table);
	if (table.cells.count)
		mw_table_print(&table, &front->style, 0, front->out);
	else
		fputs("no watches\n", front->out);
	mw_table_deinit(&table);
	return NULL;
}

static const struct mw_column thread_columns[] = {
	{"thread", true},
	{"name", false},
	{"state", false},
	{"at", false},
};

static void add_thread(void *arg, const struct mw_thread_info *thread)
{
	struct mw_table *table = arg;
	char where[256];

	mw_place_source(&thread->place, where, sizeof(where));
	mw_table_cell(table, MW_HUE_PLAIN, "%d", (int)thread->tid);
	mw_table_cell(table, MW_HUE_NAME, "%.*s", MW_COMM_SIZE, thread->name);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", thread->state);
	mw_table_cell(table, MW_HUE_PLAIN, "%s%s%s",
		      thread->place.function ? thread->place.function : "",
		      thread->place.function ? " " : "", where);
}

static struct mw_error *info_threads(struct mw_front *front)
{
	struct mw_error *err;
	struct mw_table table;

	mw_table_init(&table, thread_columns, mw_array_size(thread_columns));
	err = mw_session_threads(front->session, add_thread, &table);
	if (!err)
		mw_table_print(&table, &front->style, 0, front->out);
	mw_table_deinit(&table);
	return err;
}

static const struct mw_column module_columns[] = {
	{"module", false},
	{"start", false},
	{"bytes", true},
	{"debug information", false},
};

static void add_module(void *arg, const struct mw_module_info *module)
{
	struct mw_table *table = arg;
	char count[MW_COUNT_SIZE];

	mw_table_cell(table, MW_HUE_NAME, "%s", module->path);
	mw_table_cell(table, MW_HUE_PLAIN, "0x%" PRIx64, module->range.start.v);
	mw_table_cell(table, MW_HUE_PLAIN, "%s", mw_count_text(module->range.size, count));
	mw_table_cell(table, module->has_dwarf ? MW_HUE_GOOD : MW_HUE_LIMITED, "%s%s%s%s",
		      module->has_dwarf    ? "types and lines"
		      : module->has_symtab ? "symbols only"
					   : "none",
		      module->debug_file ? " (" : "", module->debug_file ? module->debug_file : "",
		      module->debug_file ? ")" : "");
}

static const char *const state_names[] = {
	[MW_TARGET_NONE] = "none",         [MW_TARGET_RUNNING] = "running",
	[MW_TARGET_STOPPED] = "stopped",   [MW_TARGET_EXITED] = "exited",
	[MW_TARGET_DETACHED] = "detached",
};

static struct mw_error *info_target(struct mw_front *front)
{
	struct mw_row row = {.out = front->out, .style = &front->style};
	struct mw_target_info target;
	struct mw_table table;

	mw_session_target(front->session, &target);
	mw_row_put(&row, MW_HUE_PLAIN, "target %d (%s): %s, %u thread%s, %s", (int)target.pid,
		   target.name, state_names[target.state], target.threads,
		   target.threads == 1 ? "" : "s", target.launched ? "launched" : "attached");
	mw_row_end(&row);
	mw_processes_print(front->session, &front->style, front->out);
	mw_table_init(&table, module_columns, mw_array_size(module_columns));
	mw_session_modules(front->session, add_module, &table);
	mw_table_print(&table, &front->style, 0, front->out);
	mw_table_deinit(&table);
	return NULL;
}

static struct mw_error *info_features(struct mw_front *front)
{
	mw_features_print(&front->style, front->out);
	return NULL;
}

static struct mw_error *info_stats(struct mw_front *front)
{
	mw_stats_print(front->session, front->out);
	return NULL;
}

static const struct mw_topic topic_table[] = {
	{"watches", "the watches, what guards them, what they have seen", info_watches},
	{"threads", "the threads of the target", info_threads},
	{"target", "the process, followed children, modules, their debug information", info_target},
	{"features", "what this kernel and these permissions allow", info_features},
	{"stats", "what was seen, dropped, and how stores were carried out", info_stats},
};

const struct mw_topic *mw_topic_table(size_t *ret_count)
{
	*ret_count = mw_array_size(topic_table);
	return topic_table;
}

struct mw_error *mw_topic_find(const char *word, const struct mw_topic **ret)
{
	struct mw_lookup lookup = mw_lookup_start("subject", word, "help info");
	struct mw_error *err;
	size_t index;

	for (size_t i = 0; i < mw_array_size(topic_table); i++)
		mw_lookup_offer(&lookup, topic_table[i].name, i);
	err = mw_lookup_finish(&lookup, &index);
	if (!err)
		*ret = &topic_table[index];
	return err;
}

struct mw_error *mw_command_info(struct mw_front *front, const struct mw_arguments *arguments)
{
	const struct mw_topic *topic;
	struct mw_error *err = mw_topic_find(arguments->operand, &topic);

	return err ? err : topic->run(front);
}
