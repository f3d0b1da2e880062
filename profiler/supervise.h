// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_SUPERVISE_H
#define MW_PROFILER_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "profiler/job.h"

enum mw_track {
	MW_TRACK_AUTO,
	MW_TRACK_TASKSTATS,
	MW_TRACK_PTRACE,
	MW_TRACK_PERF,
	MW_TRACK_POLL,
};

const char *mw_track_name(enum mw_track track);

/** How to run a job. */
struct mw_supervise_settings {
	const struct mw_job_settings *job;
	/** The command; ignored with a pid to attach to. */
	char *const *argv;
	pid_t attach_pid;
	enum mw_track track;
	/** Stay until the last process is gone, not only the command itself. */
	bool wait_tree;
	bool use_cgroup;
	/** What the command prints goes nowhere. */
	bool silent;
	/** Called between events, not more often than each @tick_ms; for progress and checkpoints.
	 */
	void (*tick)(void *arg, struct mw_job *job);
	void *arg;
	unsigned tick_ms;
};

/**
 * Runs a command, or attaches to a process, and follows the job to its end.
 *
 * Blocks SIGCHLD and the signals it forwards while it runs.
 *
 * @param ret the job with everything that became known; also when the command could not be
 * started (not_started, root_status). Owned by the caller.
 */
struct mw_error *mw_supervise(const struct mw_supervise_settings *settings,
			      struct mw_job **ret) MW_MUST_CHECK;

#endif
