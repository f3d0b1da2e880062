// SPDX-License-Identifier: MIT
#include "profiler/supervise.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "profiler/cgroup.h"
#include "profiler/deliver.h"
#include "profiler/launch.h"
#include "profiler/oom.h"
#include "profiler/sampler.h"
#include "profiler/start.h"

/** Wait statuses taken in before the clocks are looked at again. */
#define REAP_BATCH 256
/** Longest time between two drains of a tracker's buffers. */
#define DRAIN_NS UINT64_C(50000000)
#define EXEC_CHECK_MS 1
#define LEFTOVER_NOTICE_NS UINT64_C(1000000000)

static void drain(struct mw_supervisor *supervisor)
{
	const struct mw_tracker *tracker = supervisor->tracker;

	supervisor->next_drain_ns = mw_clock_now_ns() + DRAIN_NS;
	if (tracker && tracker->ops->drain)
		tracker->ops->drain(supervisor->tracker);
}

static void take_end(struct mw_supervisor *supervisor, pid_t pid, int status,
		     const struct rusage *usage)
{
	struct mw_job *job = supervisor->job;
	uint64_t now_ns = mw_clock_now_ns();
	struct mw_process *process;

	/* What is in the buffers happened before this end. */
	drain(supervisor);
	process = mw_job_find(job, pid);
	if (!process)
		return;
	mw_job_process_reaped(job, process, status, usage, now_ns);
	if (process != job->root)
		return;
	supervisor->root_ended_ns = now_ns;
	/* Who else is gone? */
	supervisor->sampler.next_ns = now_ns;
}

/** Takes in wait statuses of children and tracees. @return true when more may be there. */
static bool take_wait_statuses(struct mw_supervisor *supervisor)
{
	struct mw_tracker *tracker = supervisor->tracker;

	for (int i = 0; i < REAP_BATCH; i++) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG | __WALL, &usage);

		if (pid <= 0)
			return false;
		if (WIFSTOPPED(status)) {
			if (tracker && tracker->ops->stopped)
				tracker->ops->stopped(tracker, pid, status);
			continue;
		}
		if (tracker && tracker->ops->reaped && tracker->ops->reaped(tracker, pid))
			continue;
		take_end(supervisor, pid, status, &usage);
	}
	return true;
}

/** The terminal sends its signals to the whole group: the job has had them already. */
static bool came_from_terminal(const siginfo_t *info)
{
	return info->si_code == SI_KERNEL;
}

static void take_signal(struct mw_supervisor *supervisor, const siginfo_t *info)
{
	struct mw_job *job = supervisor->job;
	bool polite = info->si_signo == SIGTERM || info->si_signo == SIGHUP;

	/* Somebody else's process: we just stop looking. */
	if (supervisor->settings->attach_pid) {
		supervisor->give_up = true;
		return;
	}
	/* A second request to end, or one while only leftovers are waited for, is for us. */
	if (supervisor->root_ended_ns || (polite && supervisor->asked_to_end))
		supervisor->give_up = true;
	supervisor->asked_to_end |= polite;
	job->interrupted = info->si_signo;
	if (!came_from_terminal(info) && !supervisor->root_ended_ns)
		mw_job_deliver(job, info->si_signo, MW_DELIVER_GROUP);
}

static uint64_t next_deadline(const struct mw_supervisor *supervisor)
{
	uint64_t next_ns = mw_min(supervisor->sampler.next_ns, supervisor->next_drain_ns);

	if (supervisor->settings->tick)
		next_ns = mw_min(next_ns, supervisor->next_tick_ns);
	if (supervisor->job->limits.kill_ns)
		next_ns = mw_min(next_ns, supervisor->job->limits.kill_ns);
	return next_ns;
}

static void wait_for_signal(struct mw_supervisor *supervisor)
{
	uint64_t now_ns = mw_clock_now_ns();
	uint64_t next_ns = next_deadline(supervisor);
	uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000u),
				   .tv_nsec = (long)(wait_ns % 1000000000u)};
	siginfo_t info;
	int signal = sigtimedwait(&supervisor->signals, &info, &timeout);

	if (signal > 0 && signal != SIGCHLD)
		take_signal(supervisor, &info);
}

static void sample_if_due(struct mw_supervisor *supervisor)
{
	uint64_t now_ns = mw_clock_now_ns();

	if (now_ns >= supervisor->sampler.next_ns) {
		drain(supervisor);
		mw_tracker_poll(supervisor->job, supervisor->poll_everybody);
		mw_sampler_sample(&supervisor->sampler);
	} else if (now_ns >= supervisor->next_drain_ns) {
		drain(supervisor);
	}
	mw_limits_enforce(supervisor->job, now_ns);
	if (supervisor->settings->tick && now_ns >= supervisor->next_tick_ns) {
		supervisor->settings->tick(supervisor->settings->arg, supervisor->job);
		supervisor->next_tick_ns =
			mw_clock_now_ns() + (uint64_t)supervisor->settings->tick_ms * 1000000u;
	}
}

static void announce_leftovers(struct mw_supervisor *supervisor, uint64_t now_ns)
{
	const struct mw_job *job = supervisor->job;
	char command[80];

	if (supervisor->leftovers_announced || !job->live.count ||
	    now_ns < supervisor->root_ended_ns + LEFTOVER_NOTICE_NS)
		return;
	supervisor->leftovers_announced = true;
	mw_process_command(job->live.items[0], command, sizeof(command));
	mw_log_warning(
		job->settings->log,
		"the command has ended; waiting for the %zu process%s it left running (pid %d, "
		"%s): --wait=root or Ctrl-C ends without them",
		job->live.count, job->live.count == 1 ? "" : "es", job->live.items[0]->pid,
		command);
}

/**
 * Buffers of several CPUs are not read at one moment: the end of a process may be in what was read
 * of one, the fork it did before in what was not yet read of another. Reading them again settles
 * that. Orphans nobody told about are our children by now.
 */
static bool anybody_left(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;

	if (!job->live.count)
		drain(supervisor);
	if (!job->live.count)
		mw_tracker_poll(job, supervisor->poll_everybody);
	return job->live.count > 0;
}

static bool is_over(struct mw_supervisor *supervisor)
{
	const struct mw_job *job = supervisor->job;

	if (supervisor->give_up)
		return true;
	if (!supervisor->root_ended_ns && job->root->ended)
		supervisor->root_ended_ns = job->root->last_seen_ns;
	if (!supervisor->root_ended_ns ||
	    (supervisor->settings->attach_pid == 0 && !job->has_root_status))
		return false;
	if (!supervisor->settings->wait_tree)
		return true;
	if (!anybody_left(supervisor))
		return true;
	announce_leftovers(supervisor, mw_clock_now_ns());
	return false;
}

/** The child of ours became the command, or told why it could not. */
static void check_exec(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;
	bool tells_execs = supervisor->tracker && supervisor->tracker->ops->complete;
	int errnum;

	if (!job->before_exec || !mw_launch_check(&supervisor->launch, EXEC_CHECK_MS, &errnum))
		return;
	job->before_exec = false;
	if (errnum) {
		job->not_started = true;
		job->start_errnum = errnum;
		return;
	}
	drain(supervisor);
	if (!tells_execs || (!job->root->execed && !supervisor->tracker->ops->stopped))
		mw_job_process_exec(job, job->root, NULL, mw_clock_now_ns());
}

static void loop(struct mw_supervisor *supervisor)
{
	bool more = false;

	while (!is_over(supervisor)) {
		if (!more && !supervisor->job->before_exec)
			wait_for_signal(supervisor);
		check_exec(supervisor);
		more = take_wait_statuses(supervisor);
		if (!supervisor->job->before_exec)
			sample_if_due(supervisor);
	}
}

static uint64_t process_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Processes alive at the end without a tracker's word may be gone since the last sample. */
static void finish(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;

	drain(supervisor);
	mw_tracker_poll(job, supervisor->poll_everybody);
	if (job->not_started)
		mw_job_forget_processes(job);
	if (job->live.count)
		mw_sampler_sample(&supervisor->sampler);
	mw_sampler_finish(&supervisor->sampler);
	job->end_ns = mw_clock_now_ns();
	if (!job->live.count) {
		job->end_ns = job->start_ns;
		mw_vec_foreach (process, &job->processes)
			job->end_ns = mw_max(job->end_ns, (*process)->last_seen_ns);
	}
	job->cgroup_peak_kib = mw_cgroup_peak_kib(&supervisor->cgroup);
	mw_oom_watch_finish(&supervisor->oom, &supervisor->cgroup, job);
	job->own_cpu_ns = process_cpu_ns() - supervisor->cpu_before_ns;
	job->complete = true;
}

struct mw_error *mw_supervise(const struct mw_supervise_settings *settings, struct mw_job **ret)
{
	struct mw_supervisor supervisor = {.settings = settings};
	struct mw_error *err = mw_supervisor_start(&supervisor);

	if (!err) {
		supervisor.cpu_before_ns = process_cpu_ns();
		loop(&supervisor);
		finish(&supervisor);
		*ret = supervisor.job;
		supervisor.job = NULL;
	}
	mw_supervisor_stop(&supervisor);
	return err;
}
