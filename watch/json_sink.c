// SPDX-License-Identifier: MIT
#include "watch/json_sink.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "watch/change_line.h"

struct mw_json_sink {
	struct mw_line_output *output;
	uint64_t max_events;
	struct mw_change_line line;
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
	mw_change_line_deinit(&sink->line);
	free(sink);
}

static bool write_change(void *arg, const struct mw_change *change)
{
	struct mw_json_sink *sink = arg;
	const struct mw_change_text *line = &sink->line.text;

	if (sink->max_events && change->seq > sink->max_events)
		return false;
	if (!mw_change_line_make(&sink->line, change)) {
		mw_line_output_fail(sink->output, ENOMEM);
		return false;
	}
	return mw_line_output_put(sink->output, line->bytes.items, line->bytes.count);
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
