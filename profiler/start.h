// SPDX-License-Identifier: MIT
/** Setting up what the supervision of a job needs, and putting it back. */
#ifndef MW_PROFILER_START_H
#define MW_PROFILER_START_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/compiler.h"
#include "profiler/cgroup.h"
#include "profiler/launch.h"
#include "profiler/oom.h"
#include "profiler/sampler.h"
#include "profiler/supervise.h"
#include "profiler/tracker.h"

struct mw_supervisor {
	const struct mw_supervise_settings *settings;
	struct mw_job *job;
	struct mw_sampler sampler;
	/** NULL when processes are only looked for. */
	struct mw_tracker *tracker;
	bool poll_everybody;
	struct mw_launch launch;
	struct mw_cgroup cgroup;
	struct mw_oom_watch oom;

	/** What the loop waits for; blocked meanwhile. */
	sigset_t signals;
	struct mw_launch_setup before;
	bool prepared;

	uint64_t cpu_before_ns;
	uint64_t next_drain_ns;
	uint64_t next_tick_ns;
	/** 0 while the command runs. */
	uint64_t root_ended_ns;
	bool leftovers_announced;
	bool asked_to_end;
	bool give_up;
};

/** Creates the job, chooses the tracker and starts the command or attaches. */
struct mw_error *mw_supervisor_start(struct mw_supervisor *supervisor) MW_MUST_CHECK;

/** Undoes what start did, after a failed one too. Destroys the job if it is still there. */
void mw_supervisor_stop(struct mw_supervisor *supervisor);

#endif
