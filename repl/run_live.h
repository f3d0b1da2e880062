// SPDX-License-Identifier: MIT
#ifndef MW_REPL_RUN_LIVE_H
#define MW_REPL_RUN_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "profiler/job.h"

/** The progress line of --live: rewritten on a terminal, else one every ten seconds. */
struct mw_run_live {
	bool enabled;
	bool terminal;
	bool shown;
	uint64_t next_ns;
};

void mw_run_live_init(struct mw_run_live *live, bool enabled);

/** Shows the job as it is now, if it's time to. */
void mw_run_live_show(struct mw_run_live *live, const struct mw_job *job);

/** Takes the line away, so that something else can be printed. */
void mw_run_live_clear(struct mw_run_live *live);

#endif
