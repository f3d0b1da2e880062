// SPDX-License-Identifier: MIT
#include "watch/json_sink.h"

#include <errno.h>
#include <jansson.h>

#include "base/error.h"
#include "base/vec.h"
#include "watch/change_json.h"

struct mw_json_sink {
	struct mw_line_output *output;
	uint64_t max_events;
	/** The line being made; kept, so that an event allocates no text. */
	MW_VEC(char) line;
};

struct mw_error *mw_json_sink_create(struct mw_line_output *output, uint64_t max_events,
				     struct mw_json_sink **ret)
{
	struct mw_json_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return mw_err_nomem;
	sink->output = output;
	sink->max_events = max_events;
	*ret = sink;
	return NULL;
}

void mw_json_sink_destroy(struct mw_json_sink *sink)
{
	if (!sink)
		return;
	mw_vec_deinit(&sink->line);
	free(sink);
}

static int append(const char *text, size_t size, void *arg)
{
	struct mw_json_sink *sink = arg;

	if (!mw_vec_reserve(&sink->line, sink->line.count + size))
		return -1;
	memcpy(sink->line.items + sink->line.count, text, size);
	sink->line.count += size;
	return 0;
}

static bool make_line(struct mw_json_sink *sink, const struct mw_change *change)
{
	json_t *event = mw_change_to_json(change);
	bool made;

	sink->line.count = 0;
	made = event && json_dump_callback(event, append, sink, JSON_COMPACT) == 0 &&
	       append("\n", 1, sink) == 0;
	json_decref(event);
	return made;
}

static bool write_change(void *arg, const struct mw_change *change)
{
	struct mw_json_sink *sink = arg;

	if (sink->max_events && change->seq > sink->max_events)
		return false;
	if (!make_line(sink, change)) {
		mw_line_output_fail(sink->output, ENOMEM);
		return false;
	}
	return mw_line_output_put(sink->output, sink->line.items, sink->line.count);
}

static void settle(void *arg)
{
	struct mw_json_sink *sink = arg;

	mw_line_output_settle(sink->output);
}

static void ignore_notice(void *arg MW_UNUSED, const char *message MW_UNUSED)
{
}

static void ignore_state(void *arg MW_UNUSED, enum mw_target_state state MW_UNUSED)
{
}

struct mw_sink mw_json_sink_callbacks(struct mw_json_sink *sink)
{
	return (struct mw_sink){
		.change = write_change,
		.notice = ignore_notice,
		.state = ignore_state,
		.settle = settle,
		.arg = sink,
	};
}
