// SPDX-License-Identifier: MIT
/** Looking for children: finds what lives at a sample, misses what is shorter. */
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "profiler/procinfo.h"
#include "profiler/tracker.h"

struct search {
	struct mw_job *job;
	struct mw_process *parent;
	uint64_t now_ns;
};

static bool runs_what(const struct mw_process *process, const char *exe)
{
	const char *before = process->exe;

	if (!before && process->parent)
		before = process->parent->exe;
	return before && exe && !strcmp(before, exe);
}

/** An exec nobody reported shows as another executable than before, or than the parent's. */
static void notice_exec(struct mw_job *job, struct mw_process *process, uint64_t now_ns)
{
	mw_auto_free char *exe = mw_task_exe_read(process->pid);

	if (!exe || runs_what(process, exe))
		return;
	mw_job_process_exec(job, process, NULL, now_ns);
}

static void found_child(void *arg, pid_t child)
{
	const struct search *search = arg;
	struct mw_process *process;

	if (mw_job_find_live(search->job, child))
		return;
	process = mw_job_process_begin(search->job, child, search->parent, search->now_ns);
	/* Nobody told about this orphan, so nobody will about its children. */
	if (process && !search->parent)
		mw_job_process_untrack(search->job, process);
}

void mw_tracker_poll(struct mw_job *job, bool everybody)
{
	struct search search = {.job = job, .now_ns = mw_clock_now_ns()};
	bool any = everybody || job->has_untracked;

	/* New ones join at the end and are searched in their turn. */
	for (size_t i = 0; i < job->live.count; i++) {
		search.parent = job->live.items[i];
		if (!everybody && !search.parent->untracked)
			continue;
		notice_exec(job, search.parent, search.now_ns);
		mw_task_children_visit(search.parent->pid, found_child, &search);
	}
	/* Orphans become ours: PR_SET_CHILD_SUBREAPER. */
	search.parent = NULL;
	if (any)
		mw_task_children_visit(getpid(), found_child, &search);
}
