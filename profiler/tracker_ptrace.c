// SPDX-License-Identifier: MIT
/** ptrace: stops each task at fork, exec and exit, where the high-water mark can be read exactly.
 * No EXITKILL: the job outlives memwatch. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/intmap.h"
#include "base/procfs.h"
#include "profiler/exec_rules.h"
#include "profiler/procinfo.h"
#include "profiler/tracker.h"

/* CLONE sees a process that a thread forks; an exit stop for each thread would triple its cost. */
#define THREAD_OPTIONS                                                                             \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define PROCESS_OPTIONS (THREAD_OPTIONS | PTRACE_O_TRACEEXIT)

struct tracee {
	pid_t tid;
	struct mw_process *process;
	/** Its options are to change at its next stop. */
	bool new_options;
	unsigned long options;
};

struct ptrace_tracker {
	struct mw_tracker base;
	struct mw_intmap tracees;
	struct mw_exec_rules rules;
	/** Follows what must not be traced; NULL where perf is not to be had. */
	struct mw_tracker *perf;
};

static struct ptrace_tracker *ptrace_tracker(struct mw_tracker *tracker)
{
	return (struct ptrace_tracker *)tracker;
}

static struct tracee *find_tracee(const struct ptrace_tracker *tracker, pid_t tid)
{
	return mw_intmap_get(&tracker->tracees, (uint64_t)tid);
}

/** A new task has its creator's options: they are set anew at its first stop if they differ. */
static struct tracee *add_tracee(struct ptrace_tracker *tracker, pid_t tid,
				 struct mw_process *process, unsigned long options_now)
{
	struct tracee *tracee = calloc(1, sizeof(*tracee));
	struct mw_error *err;

	if (!tracee)
		return NULL;
	tracee->tid = tid;
	tracee->process = process;
	tracee->options = process->pid == tid ? PROCESS_OPTIONS : THREAD_OPTIONS;
	tracee->new_options = tracee->options != options_now;
	err = mw_intmap_set(&tracker->tracees, (uint64_t)tid, tracee);
	if (!err)
		return tracee;
	mw_error_destroy(err);
	free(tracee);
	return NULL;
}

static void remove_tracee(struct ptrace_tracker *tracker, pid_t tid)
{
	free(mw_intmap_remove(&tracker->tracees, (uint64_t)tid));
}

static struct mw_error *ptrace_create(struct mw_job *job, struct mw_tracker **ret)
{
	struct ptrace_tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return mw_err_nomem;
	tracker->base = (struct mw_tracker){&mw_tracker_ptrace, job};
	mw_error_destroy(mw_tracker_perf.create(job, &tracker->perf));
	*ret = &tracker->base;
	return NULL;
}

static struct mw_error *seize(struct ptrace_tracker *tracker, pid_t tid, struct mw_process *process)
{
	unsigned long options = tid == process->pid ? PROCESS_OPTIONS : THREAD_OPTIONS;

	if (find_tracee(tracker, tid))
		return NULL;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options))
		return errno == ESRCH ? NULL : mw_error_os(errno, "cannot trace pid %d", tid);
	return add_tracee(tracker, tid, process, options) ? NULL : mw_err_nomem;
}

/** Seizes the threads of a process until no new ones turn up. */
static struct mw_error *ptrace_follow(struct mw_tracker *base, struct mw_process *process)
{
	struct ptrace_tracker *tracker = ptrace_tracker(base);
	size_t before;

	do {
		mw_auto_free pid_t *tids = NULL;
		size_t count;
		struct mw_error *err = mw_proc_threads(process->pid, &tids, &count);

		before = tracker->tracees.count;
		for (size_t i = 0; !err && i < count; i++)
			err = seize(tracker, tids[i], process);
		if (err)
			return err;
	} while (tracker->tracees.count != before);
	return NULL;
}

static void release(struct ptrace_tracker *tracker, struct mw_process *process)
{
	struct mw_error *err = NULL;

	mw_job_process_untrack(tracker->base.job, process);
	if (tracker->perf)
		err = tracker->perf->ops->follow(tracker->perf, process);
	mw_error_destroy(err);
	ptrace(PTRACE_DETACH, process->pid, NULL, NULL);
	remove_tracee(tracker, process->pid);
}

/** Applies the rules for programs that don't work when traced. @return true when it was let go. */
static bool release_by_rule(struct ptrace_tracker *tracker, struct mw_process *process)
{
	enum mw_exec_rule rule = mw_exec_rules_find(&tracker->rules, process->pid);
	struct mw_error *err;

	if (rule == MW_EXEC_TRACE)
		return false;
	if (rule == MW_EXEC_PRIVILEGED) {
		err = mw_exec_again(process->pid);
		if (err) {
			mw_job_note(tracker->base.job,
				    "%s has set-id bits or file capabilities and ran without them "
				    "(use --track=perf): %s",
				    process->name, err->message);
			mw_error_destroy(err);
			return false;
		}
		process->identity_stale = true;
	}
	mw_job_note(tracker->base.job, "%s", mw_exec_rule_note(rule));
	if (rule == MW_EXEC_UNREADABLE)
		return false;
	release(tracker, process);
	return true;
}

/** The pid keeps, whichever thread called exec; that thread's own id and the others are gone. */
static bool take_exec(struct ptrace_tracker *tracker, struct tracee *tracee, uint64_t now_ns)
{
	struct mw_process *process = tracee->process;
	unsigned long former = 0;

	ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &former);
	if (former && (pid_t)former != tracee->tid) {
		remove_tracee(tracker, (pid_t)former);
		tracee->new_options = true;
	}
	mw_job_process_exec(tracker->base.job, process, NULL, now_ns);
	return release_by_rule(tracker, process);
}

static bool is_thread_of(const struct mw_process *process, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", process->pid, tid);
	return !access(path, F_OK);
}

static void take_new_task(struct ptrace_tracker *tracker, const struct tracee *parent, int event,
			  uint64_t now_ns)
{
	struct mw_process *process = parent->process;
	unsigned long message = 0;
	struct tracee *known;
	pid_t tid;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &message) || !message)
		return;
	tid = (pid_t)message;
	known = find_tracee(tracker, tid);
	if (event == PTRACE_EVENT_CLONE && !known && is_thread_of(process, tid)) {
		if (!add_tracee(tracker, tid, process, parent->options))
			tracker->base.job->events_lost++;
		return;
	}
	if (known && known->process == process)
		return;
	process = mw_job_process_begin(tracker->base.job, tid, process, now_ns);
	if (!process || (!known && !add_tracee(tracker, tid, process, parent->options))) {
		tracker->base.job->events_lost++;
		return;
	}
	if (event == PTRACE_EVENT_FORK && !process->execed)
		process->owner = MW_MEMORY_OWN;
	else if (event == PTRACE_EVENT_VFORK && !process->execed)
		process->owner = MW_MEMORY_BORROWED;
}

/** A task that stopped before its creator's event came: finds out itself whose it is. */
static struct tracee *meet_stranger(struct ptrace_tracker *tracker, pid_t tid, uint64_t now_ns)
{
	struct mw_job *job = tracker->base.job;
	struct mw_process *process;
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(tid, &status);

	if (err) {
		mw_error_destroy(err);
		return NULL;
	}
	if (status.tgid != tid)
		process = mw_job_find_live(job, status.tgid);
	else
		process = mw_job_process_begin(job, tid, mw_job_find(job, status.ppid), now_ns);
	return process ? add_tracee(tracker, tid, process, 0) : NULL;
}

/** Whether thread @tid goes on although its leader ends: it has memory and no SIGKILL waiting. */
static bool outlives_leader(pid_t pid, pid_t tid)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	const char *pending;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	err = mw_file_read(path, &text, NULL);
	mw_error_destroy(err);
	pending = text ? strstr(text, "\nSigPnd:") : NULL;
	return pending && strstr(text, "\nVmHWM:") &&
	       !(strtoull(pending + 8, NULL, 16) & (1u << (SIGKILL - 1)));
}

/** The leader called pthread_exit(): its threads must tell the high-water mark at their exits. */
static void watch_threads(struct ptrace_tracker *tracker, const struct mw_process *process)
{
	mw_auto_free pid_t *tids = NULL;
	size_t count = 0;

	mw_error_destroy(mw_proc_threads(process->pid, &tids, &count));
	for (size_t i = 0; i < count; i++) {
		struct tracee *tracee = find_tracee(tracker, tids[i]);

		if (!tracee || tids[i] == process->pid || tracee->options == PROCESS_OPTIONS)
			continue;
		if (!outlives_leader(process->pid, tids[i]))
			return;
		tracee->options = PROCESS_OPTIONS;
		tracee->new_options = true;
		ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL);
	}
}

static void take_exit(struct ptrace_tracker *tracker, const struct tracee *tracee, uint64_t now_ns)
{
	struct mw_process *process = tracee->process;
	struct mw_task_memory memory;
	struct mw_task_stat stat;
	struct mw_task_io io;
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	if (process->owner == MW_MEMORY_BORROWED && !process->execed)
		mw_process_note_peak(process, 0, MW_HWM_SHARED, now_ns);
	else if (mw_task_memory_read(process->pid, tracee->tid, &memory)) {
		mw_process_note_peak(process, memory.hwm_kib, MW_HWM_EXIT, now_ns);
		process->max_swap_kib = mw_max(process->max_swap_kib, memory.swap_kib);
		if (memory.threads > 1 && tracee->tid == process->pid)
			watch_threads(tracker, process);
	}
	if (mw_task_io_read(process->pid, &io)) {
		process->has_io = true;
		process->io_read_bytes = io.read_bytes;
		process->io_write_bytes = io.write_bytes;
	}
	/* Without children, the usage at its reaping is finer than ticks. */
	if (process->has_children && mw_task_stat_read(process->pid, &stat)) {
		process->has_times = true;
		process->utime_ns = stat.utime_ticks * tick_ns;
		process->stime_ns = stat.stime_ticks * tick_ns;
	}
}

static bool is_group_stop(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/** @return false when the task was let go and must not be resumed. */
static bool handle_event(struct ptrace_tracker *tracker, struct tracee *tracee, int event,
			 uint64_t now_ns)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		take_new_task(tracker, tracee, event, now_ns);
		return true;
	case PTRACE_EVENT_EXEC:
		return !take_exec(tracker, tracee, now_ns);
	case PTRACE_EVENT_EXIT:
		take_exit(tracker, tracee, now_ns);
		return true;
	default:
		return true;
	}
}

static bool ptrace_stopped(struct mw_tracker *base, pid_t tid, int status)
{
	struct ptrace_tracker *tracker = ptrace_tracker(base);
	uint64_t now_ns = mw_clock_now_ns();
	struct tracee *tracee = find_tracee(tracker, tid);
	int event = status >> 16;
	int signal = WSTOPSIG(status);

	if (!tracee)
		tracee = meet_stranger(tracker, tid, now_ns);
	if (!tracee) {
		/* Being killed, or memory is short: it must not stay stopped. */
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		return false;
	}
	if (event && event != PTRACE_EVENT_STOP) {
		signal = 0;
		if (!handle_event(tracker, tracee, event, now_ns))
			return true;
	}
	if (tracee->new_options) {
		tracee->new_options = false;
		ptrace(PTRACE_SETOPTIONS, tid, NULL, (void *)tracee->options);
	}
	if (event == PTRACE_EVENT_STOP && is_group_stop(signal))
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
	else
		ptrace(PTRACE_CONT, tid, NULL, (void *)(long)(event ? 0 : signal));
	return true;
}

static bool ptrace_reaped(struct mw_tracker *base, pid_t tid)
{
	struct ptrace_tracker *tracker = ptrace_tracker(base);
	const struct tracee *tracee = find_tracee(tracker, tid);
	bool thread = tracee && tracee->process->pid != tid;

	remove_tracee(tracker, tid);
	return thread;
}

static void ptrace_drain(struct mw_tracker *base)
{
	struct mw_tracker *perf = ptrace_tracker(base)->perf;

	if (perf)
		perf->ops->drain(perf);
}

/** Stops a task to let it go; a signal it stopped for is handed over. */
static void detach(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) || waitpid(tid, &status, __WALL) != tid ||
	    !WIFSTOPPED(status))
		return;
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
}

static void ptrace_destroy(struct mw_tracker *base)
{
	struct ptrace_tracker *tracker = ptrace_tracker(base);
	struct tracee *tracee;
	size_t cursor = 0;

	while ((tracee = mw_intmap_next(&tracker->tracees, &cursor))) {
		detach(tracee->tid);
		free(tracee);
	}
	mw_intmap_deinit(&tracker->tracees);
	mw_exec_rules_deinit(&tracker->rules);
	if (tracker->perf)
		tracker->perf->ops->destroy(tracker->perf);
	free(tracker);
}

const struct mw_tracker_ops mw_tracker_ptrace = {
	.name = "ptrace",
	.complete = true,
	.exact = true,
	.create = ptrace_create,
	.follow = ptrace_follow,
	.drain = ptrace_drain,
	.stopped = ptrace_stopped,
	.reaped = ptrace_reaped,
	.destroy = ptrace_destroy,
};
