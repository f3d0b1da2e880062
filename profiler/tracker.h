// SPDX-License-Identifier: MIT
/** A tracker tells the job about forks, execs and exits. */
#ifndef MW_PROFILER_TRACKER_H
#define MW_PROFILER_TRACKER_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "profiler/job.h"

struct mw_tracker;

struct mw_tracker_ops {
	const char *name;
	/** Sees every fork and exit: nobody has to look for processes. */
	bool complete;
	/** Reads the high-water mark at each exit. */
	bool exact;
	/** Gets ready; fails when the kernel or a policy forbids it. */
	struct mw_error *(*create)(struct mw_job *job, struct mw_tracker **ret);
	/** Follows a process: a child of ours that waits before its exec, or a running one. */
	struct mw_error *(*follow)(struct mw_tracker *tracker, struct mw_process *process);
	/** Takes in what has happened, without blocking. May be NULL. */
	void (*drain)(struct mw_tracker *tracker);
	/** Handles a stop of a task it traces. May be NULL. @return false when it isn't its task.
	 */
	bool (*stopped)(struct mw_tracker *tracker, pid_t tid, int status);
	/** A task was reaped. May be NULL. @return true when it was a thread, not a process. */
	bool (*reaped)(struct mw_tracker *tracker, pid_t tid);
	/** Lets go of every process; what could not be assigned until now is counted as lost. */
	void (*destroy)(struct mw_tracker *tracker);
};

/** Head of each tracker's own struct. */
struct mw_tracker {
	const struct mw_tracker_ops *ops;
	struct mw_job *job;
};

extern const struct mw_tracker_ops mw_tracker_taskstats;
extern const struct mw_tracker_ops mw_tracker_ptrace;
extern const struct mw_tracker_ops mw_tracker_perf;

/** Looks for new children of the processes that no tracker follows. */
void mw_tracker_poll(struct mw_job *job, bool everybody);

#endif
