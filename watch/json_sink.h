// SPDX-License-Identifier: MIT
/** The sink behind --json: one object for each change event, one line for each object. */
#ifndef MW_WATCH_JSON_SINK_H
#define MW_WATCH_JSON_SINK_H

#include "watch/line_output.h"
#include "watch/session.h"

struct mw_json_sink;

/**
 * Creates a sink that writes to @output, which must outlive it.
 *
 * @param max_events events after this many are left out; 0 for no limit.
 */
struct mw_error *mw_json_sink_create(struct mw_line_output *output, uint64_t max_events,
				     struct mw_json_sink **ret) MW_MUST_CHECK;
/** Only after the session that knows the sink is destroyed. NULL is fine. */
void mw_json_sink_destroy(struct mw_json_sink *sink);

/** @return what to give to mw_session_add_sink(). */
struct mw_sink mw_json_sink_callbacks(struct mw_json_sink *sink);

#endif
