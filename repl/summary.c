// SPDX-License-Identifier: MIT
#include "repl/summary.h"

#include "base/error.h"
#include "repl/processes.h"
#include "repl/stats.h"
#include "repl/watch_ref.h"
#include "repl/writers.h"

void mw_summary_print(struct mw_session *session, const struct mw_style *style, FILE *out)
{
	struct mw_watch_ids ids = {0};
	struct mw_error *err = mw_watch_list(session, &ids);

	for (size_t i = 0; !err && i < ids.count; i++)
		err = mw_writers_print(session, ids.items[i], style, out);
	if (err)
		fprintf(out, "the summary ends here: %s\n", err->message);
	mw_error_destroy(err);
	mw_vec_deinit(&ids);
	mw_processes_print(session, style, out);
	mw_stats_print(session, out);
}
