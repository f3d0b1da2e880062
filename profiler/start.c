// SPDX-License-Identifier: MIT
#include "profiler/start.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "profiler/procinfo.h"

static const struct {
	const char *name;
	const struct mw_tracker_ops *ops;
} trackers[] = {
	[MW_TRACK_AUTO] = {"auto", NULL},
	[MW_TRACK_TASKSTATS] = {"taskstats", &mw_tracker_taskstats},
	[MW_TRACK_PTRACE] = {"ptrace", &mw_tracker_ptrace},
	[MW_TRACK_PERF] = {"perf", &mw_tracker_perf},
	[MW_TRACK_POLL] = {"poll", NULL},
};

const char *mw_track_name(enum mw_track track)
{
	return trackers[track].name;
}

static void block_signals(struct mw_supervisor *supervisor)
{
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action;

	sigemptyset(&supervisor->signals);
	sigaddset(&supervisor->signals, SIGCHLD);
	for (size_t i = 0; i < mw_array_size(forwarded); i++) {
		/* nohup and shells ignore some for the job and us alike. */
		if (sigaction(forwarded[i], NULL, &action) || action.sa_handler == SIG_IGN)
			continue;
		sigaddset(&supervisor->signals, forwarded[i]);
	}
	sigprocmask(SIG_BLOCK, &supervisor->signals, &supervisor->before.mask);
	/* An inherited SIG_IGN would let children vanish without a wait status. */
	action = (struct sigaction){.sa_handler = SIG_DFL};
	sigaction(SIGCHLD, &action, &supervisor->before.on_child);
}

/** One descriptor stays open for each process. The command gets the old limit. */
static void raise_file_limit(struct mw_supervisor *supervisor)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &supervisor->before.files);
	files = supervisor->before.files;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void prepare(struct mw_supervisor *supervisor)
{
	block_signals(supervisor);
	raise_file_limit(supervisor);
	/* Daemons and other orphans become our children instead of init's. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	supervisor->before.silent = supervisor->settings->silent;
	supervisor->prepared = true;
}

static void put_back(const struct mw_supervisor *supervisor)
{
	if (!supervisor->prepared)
		return;
	setrlimit(RLIMIT_NOFILE, &supervisor->before.files);
	sigaction(SIGCHLD, &supervisor->before.on_child, NULL);
	sigprocmask(SIG_SETMASK, &supervisor->before.mask, NULL);
}

static struct mw_error *try_tracker(struct mw_supervisor *supervisor, enum mw_track track)
{
	const struct mw_tracker_ops *ops = trackers[track].ops;
	struct mw_error *err;

	supervisor->job->tracker_name = trackers[track].name;
	if (!ops)
		return NULL;
	err = ops->create(supervisor->job, &supervisor->tracker);
	if (err)
		return err;
	err = ops->follow(supervisor->tracker, supervisor->job->root);
	if (!err)
		return NULL;
	ops->destroy(supervisor->tracker);
	supervisor->tracker = NULL;
	return err;
}

/** Takes the first tracker that works; ptrace of a running program is only for who asks for it. */
static struct mw_error *choose_tracker(struct mw_supervisor *supervisor)
{
	enum mw_track track = supervisor->settings->track;
	struct mw_error *err;

	if (track != MW_TRACK_AUTO) {
		err = try_tracker(supervisor, track);
		return err ? mw_error_prefix(err, "--track=%s does not work here",
					     trackers[track].name)
			   : NULL;
	}
	for (track = MW_TRACK_TASKSTATS; track < MW_TRACK_POLL; track++) {
		if (track == MW_TRACK_PTRACE && supervisor->settings->attach_pid)
			continue;
		err = try_tracker(supervisor, track);
		if (!err)
			return NULL;
		mw_job_note(supervisor->job, "not %s: %s", trackers[track].name, err->message);
		mw_error_destroy(err);
	}
	return try_tracker(supervisor, MW_TRACK_POLL);
}

static struct mw_error *start_command(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;
	struct mw_error *err;

	err = mw_launch_begin(supervisor->settings->argv, &supervisor->before, &supervisor->launch);
	if (err)
		return err;
	if (supervisor->cgroup.path[0]) {
		err = mw_cgroup_add(&supervisor->cgroup, supervisor->launch.pid);
		if (err) {
			mw_job_note(job, "no control group: %s", err->message);
			mw_error_destroy(err);
			mw_cgroup_destroy(&supervisor->cgroup);
		}
	}
	job->before_exec = true;
	job->root = mw_job_process_begin(job, supervisor->launch.pid, NULL, mw_clock_now_ns());
	return job->root ? NULL : mw_err_nomem;
}

static struct mw_error *attach(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;
	pid_t pid = supervisor->settings->attach_pid;
	struct mw_task_stat stat;

	if (!mw_task_stat_read(pid, &stat))
		return mw_error_create(MW_ERROR_USAGE, "there is no process %d", pid);
	job->root = mw_job_process_begin(job, pid, NULL, mw_clock_now_ns());
	if (!job->root)
		return mw_err_nomem;
	return NULL;
}

/** Finds the tree below the process attached to; everybody in it has run its program already. */
static struct mw_error *follow_tree(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;
	struct mw_error *err = NULL;

	job->root->attached = true;
	mw_tracker_poll(job, true);
	for (size_t i = 0; i < job->live.count; i++) {
		struct mw_process *process = job->live.items[i];

		process->attached = true;
		mw_job_process_refresh(job, process);
		if (process == job->root || !supervisor->tracker)
			continue;
		err = supervisor->tracker->ops->follow(supervisor->tracker, process);
		if (err)
			mw_job_note(job, "pid %d: %s", process->pid, err->message);
		if (err)
			mw_job_process_untrack(job, process);
		mw_error_destroy(err);
	}
	return NULL;
}

static void make_cgroup(struct mw_supervisor *supervisor)
{
	struct mw_error *err;

	if (!supervisor->settings->use_cgroup || supervisor->settings->attach_pid)
		return;
	err = mw_cgroup_create(&supervisor->cgroup);
	/* Without privileges that is what everybody expects. */
	if (err && !geteuid())
		mw_job_note(supervisor->job, "no control group: %s", err->message);
	mw_error_destroy(err);
}

static void let_go(struct mw_supervisor *supervisor)
{
	struct mw_job *job = supervisor->job;
	const struct mw_tracker *tracker = supervisor->tracker;

	job->sees_everybody = tracker && tracker->ops->complete && !job->root->untracked;
	supervisor->poll_everybody = !tracker || !tracker->ops->complete;
	mw_sampler_init(&supervisor->sampler, job);
	supervisor->sampler.read_marks = !tracker || !tracker->ops->exact;
	supervisor->sampler.detect_ends = !tracker || !tracker->ops->stopped;
	job->start_ns = mw_clock_now_ns();
	clock_gettime(CLOCK_REALTIME, &job->start_time);
	if (supervisor->settings->attach_pid)
		return;
	job->root->start_ns = job->root->first_seen_ns = job->start_ns;
	mw_launch_go(&supervisor->launch);
}

struct mw_error *mw_supervisor_start(struct mw_supervisor *supervisor)
{
	const struct mw_supervise_settings *settings = supervisor->settings;
	struct mw_error *err;

	supervisor->launch.go_fd = supervisor->launch.error_fd = supervisor->oom.kmsg_fd = -1;
	prepare(supervisor);
	err = mw_job_create(settings->job, &supervisor->job);
	if (err)
		return err;
	make_cgroup(supervisor);
	mw_oom_watch_init(&supervisor->oom, &supervisor->cgroup);
	err = settings->attach_pid ? attach(supervisor) : start_command(supervisor);
	if (!err)
		err = choose_tracker(supervisor);
	if (!err && settings->attach_pid)
		err = follow_tree(supervisor);
	if (!err)
		let_go(supervisor);
	return err;
}

static void end_child(const struct mw_launch *launch)
{
	/* It still waits for us to let it go, so it is surely ours. */
	if (launch->pid <= 0 || launch->go_fd < 0)
		return;
	kill(launch->pid, SIGKILL);
	waitpid(launch->pid, NULL, 0);
}

void mw_supervisor_stop(struct mw_supervisor *supervisor)
{
	end_child(&supervisor->launch);
	mw_launch_deinit(&supervisor->launch);
	if (supervisor->tracker)
		supervisor->tracker->ops->destroy(supervisor->tracker);
	if (supervisor->oom.kmsg_fd >= 0)
		close(supervisor->oom.kmsg_fd);
	mw_cgroup_destroy(&supervisor->cgroup);
	mw_job_destroy(supervisor->job);
	put_back(supervisor);
}
