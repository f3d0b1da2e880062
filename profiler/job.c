// SPDX-License-Identifier: MIT
#include "profiler/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "profiler/procinfo.h"

/** A pid read late may belong to a newcomer: its start must be this close to the known one. */
#define START_SLACK_TICKS 2

const char *mw_job_verdict_name(enum mw_job_verdict verdict)
{
	static const char *const names[] = {
		[MW_VERDICT_RUNNING] = "running",
		[MW_VERDICT_OK] = "ok",
		[MW_VERDICT_EXIT_NONZERO] = "exit-nonzero",
		[MW_VERDICT_SIGNAL] = "killed-by-signal",
		[MW_VERDICT_OOM] = "oom-killed",
		[MW_VERDICT_LIMIT] = "limit-exceeded",
		[MW_VERDICT_LEAK] = "leak-suspected",
		[MW_VERDICT_INTERRUPTED] = "interrupted",
		[MW_VERDICT_NOT_STARTED] = "not-started",
	};

	return names[verdict];
}

struct mw_error *mw_job_create(const struct mw_job_settings *settings, struct mw_job **ret)
{
	struct mw_job *job = calloc(1, sizeof(*job));
	struct timespec boot;

	if (!job)
		return mw_err_nomem;
	job->settings = settings;
	job->start_ns = mw_clock_now_ns();
	clock_gettime(CLOCK_REALTIME, &job->start_time);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	job->boot_offset_ns =
		boot.tv_sec * INT64_C(1000000000) + boot.tv_nsec - (int64_t)mw_clock_now_ns();
	job->totals.max_pss_kib = -1;
	job->cgroup_peak_kib = -1;
	job->tracker_name = "poll";
	*ret = job;
	return NULL;
}

void mw_job_destroy(struct mw_job *job)
{
	if (!job)
		return;
	mw_vec_foreach (process, &job->processes)
		mw_process_destroy(*process);
	mw_vec_deinit(&job->processes);
	mw_vec_deinit(&job->live);
	mw_vec_deinit(&job->totals.at_peak);
	mw_series_deinit(&job->totals.timeline);
	mw_series_deinit(&job->totals.pss_timeline);
	mw_vec_foreach (note, &job->notes)
		free(*note);
	mw_vec_deinit(&job->notes);
	mw_groups_deinit(&job->groups);
	mw_intmap_deinit(&job->by_pid);
	free(job);
}

void mw_job_forget_processes(struct mw_job *job)
{
	mw_vec_foreach (process, &job->processes)
		mw_process_destroy(*process);
	job->processes.count = job->live.count = job->totals.at_peak.count = 0;
	job->root = NULL;
	mw_intmap_deinit(&job->by_pid);
	mw_groups_deinit(&job->groups);
}

void mw_job_note(struct mw_job *job, const char *format, ...)
{
	va_list args;
	char *note;

	va_start(args, format);
	if (vasprintf(&note, format, args) < 0)
		note = NULL;
	va_end(args);
	if (!note)
		return;
	mw_vec_foreach (known, &job->notes) {
		if (!strcmp(*known, note)) {
			free(note);
			return;
		}
	}
	if (!mw_vec_push(&job->notes, note))
		free(note);
}

struct mw_process *mw_job_find(const struct mw_job *job, pid_t pid)
{
	return pid > 0 ? mw_intmap_get(&job->by_pid, (uint64_t)pid) : NULL;
}

struct mw_process *mw_job_find_live(const struct mw_job *job, pid_t pid)
{
	struct mw_process *process = mw_job_find(job, pid);

	return process && !process->ended ? process : NULL;
}

static uint64_t ticks_at(const struct mw_job *job, uint64_t ns)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	return (uint64_t)((int64_t)ns + job->boot_offset_ns) / tick_ns;
}

static uint64_t ns_of_ticks(const struct mw_job *job, uint64_t ticks)
{
	uint64_t tick_ns = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	return (uint64_t)((int64_t)(ticks * tick_ns) - job->boot_offset_ns);
}

/** What /proc says about @pid, if that is still the process that began at @now_ns. */
static bool read_start(const struct mw_job *job, pid_t pid, uint64_t now_ns,
		       struct mw_task_stat *ret)
{
	return mw_task_stat_read(pid, ret) &&
	       ret->start_ticks <= ticks_at(job, now_ns) + START_SLACK_TICKS;
}

static bool insert_process(struct mw_job *job, struct mw_process *process)
{
	struct mw_error *err;

	if (!mw_vec_push(&job->processes, process))
		return false;
	process->live_index = job->live.count;
	if (!mw_vec_push(&job->live, process)) {
		job->processes.count--;
		return false;
	}
	err = mw_intmap_set(&job->by_pid, (uint64_t)process->pid, process);
	if (!err)
		return true;
	mw_error_destroy(err);
	job->processes.count--;
	job->live.count--;
	return false;
}

static void describe_new(const struct mw_job *job, struct mw_process *process,
			 struct mw_process *parent, const struct mw_task_stat *stat,
			 uint64_t now_ns)
{
	process->parent = parent;
	process->ppid = parent ? parent->pid : stat->ppid;
	process->first_seen_ns = process->last_seen_ns = process->peak_ns = now_ns;
	process->start_ns = now_ns;
	if (stat->start_ticks + START_SLACK_TICKS < ticks_at(job, now_ns))
		process->start_ns = ns_of_ticks(job, stat->start_ticks);
	snprintf(process->name, sizeof(process->name), "%.15s", stat->name);
	if (!parent)
		return;
	parent->has_children = true;
	process->untracked = parent->untracked;
	/* A fork is a copy of its parent until it runs a program of its own. */
	if (!process->name[0])
		memcpy(process->name, parent->name, sizeof(process->name));
}

struct mw_process *mw_job_process_begin(struct mw_job *job, pid_t pid, struct mw_process *parent,
					uint64_t now_ns)
{
	struct mw_process *known = mw_job_find(job, pid);
	struct mw_task_stat stat = {.start_ticks = ticks_at(job, now_ns)};
	struct mw_process *process;
	bool readable = read_start(job, pid, now_ns, &stat);

	if (!readable)
		stat = (struct mw_task_stat){.start_ticks = ticks_at(job, now_ns)};
	if (known && readable && known->start_ticks == stat.start_ticks)
		return known;
	if (known && !readable && !known->ended)
		return known;
	if (known)
		mw_job_process_end(job, known, now_ns);
	process = mw_process_create(pid, stat.start_ticks);
	if (!process || !insert_process(job, process)) {
		mw_process_destroy(process);
		job->events_lost++;
		return NULL;
	}
	describe_new(job, process, parent, &stat, now_ns);
	mw_groups_assign(job, process);
	return process;
}

static bool matches(const regex_t *regex, const char *command)
{
	return !regexec(regex, command, 0, NULL, 0);
}

static void apply_filter(const struct mw_job *job, struct mw_process *process)
{
	const struct mw_job_settings *settings = job->settings;
	char command[MW_ARGV_SIZE];

	if (!settings->include && !settings->exclude)
		return;
	mw_process_command(process, command, sizeof(command));
	process->filtered = (settings->include && !matches(settings->include, command)) ||
			    (settings->exclude && matches(settings->exclude, command));
}

void mw_job_process_refresh(struct mw_job *job, struct mw_process *process)
{
	if (process->identity_stale && !mw_process_identify(process))
		return;
	apply_filter(job, process);
	mw_groups_assign(job, process);
}

void mw_job_process_exec(struct mw_job *job, struct mw_process *process, const char *name,
			 uint64_t now_ns)
{
	if (!mw_process_exec(process, name, now_ns))
		job->events_lost++;
	process->last_seen_ns = mw_max(process->last_seen_ns, now_ns);
	if (!name)
		mw_process_identify(process);
	apply_filter(job, process);
	mw_groups_assign(job, process);
}

void mw_job_process_untrack(struct mw_job *job, struct mw_process *process)
{
	process->untracked = true;
	job->has_untracked = true;
}

void mw_job_process_end(struct mw_job *job, struct mw_process *process, uint64_t now_ns)
{
	struct mw_process *last;

	if (process->ended)
		return;
	process->ended = true;
	mw_process_tell_parent(process);
	process->last_seen_ns = now_ns;
	process->rss_kib = 0;
	job->totals.interval_ended_kib += process->max_rss_kib;
	if (process->statm_fd >= 0) {
		close(process->statm_fd);
		process->statm_fd = -1;
		job->kept_files--;
	}
	last = job->live.items[--job->live.count];
	job->live.items[process->live_index] = last;
	last->live_index = process->live_index;
	apply_filter(job, process);
	mw_limits_check(job, MW_LIMIT_PROCESS_RSS, process->max_rss_kib, process, now_ns);
}

static uint64_t timeval_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

/** The largest peak @process may have taken over from whom it was forked by; ~0 when unknown. */
static uint64_t spawner_kib(const struct mw_process *process)
{
	const struct mw_process *parent = process->parent;
	pid_t pid = parent ? parent->pid : getpid();
	struct mw_task_memory memory;

	if (parent && parent->ended && mw_process_is_exact(parent))
		return parent->max_rss_kib;
	if ((parent && parent->exec_ns > process->start_ns) ||
	    !mw_task_memory_read(pid, pid, &memory))
		return UINT64_MAX;
	return memory.hwm_kib;
}

/**
 * ru_maxrss holds the peaks of every program the process ran, but also those of children it waited
 * for and, after a fork, of its spawner. It tells something new only when it is above all of these.
 */
static void use_rusage(const struct mw_job *job, struct mw_process *process,
		       const struct rusage *usage, uint64_t now_ns)
{
	uint64_t others;

	process->rusage_kib = (uint64_t)usage->ru_maxrss;
	if (!process->has_times && !process->has_children) {
		process->has_times = true;
		process->utime_ns = timeval_ns(usage->ru_utime);
		process->stime_ns = timeval_ns(usage->ru_stime);
	}
	if (!job->sees_everybody || process->has_vague_child || process->attached ||
	    process->owner == MW_MEMORY_BORROWED ||
	    (mw_process_is_exact(process) && process->exec_chain.count < 2))
		return;
	others = mw_max(process->children_kib, process->max_rss_kib);
	/* The kernel's batched counters are some pages apart from the marks. */
	if (process->rusage_kib <= others + others / 50 + 256)
		return;
	others = spawner_kib(process);
	if (others != UINT64_MAX && process->rusage_kib > others + others / 50 + 256)
		mw_process_note_peak(process, process->rusage_kib, MW_HWM_RUSAGE, now_ns);
}

void mw_job_process_reaped(struct mw_job *job, struct mw_process *process, int wait_status,
			   const struct rusage *usage, uint64_t now_ns)
{
	process->has_wait_status = true;
	process->wait_status = wait_status;
	use_rusage(job, process, usage, now_ns);
	if (process == job->root) {
		job->has_root_status = true;
		job->root_status = wait_status;
	}
	mw_job_process_end(job, process, now_ns);
}

struct timespec mw_job_wall_time(const struct mw_job *job, uint64_t ns)
{
	int64_t since = (int64_t)(ns - job->start_ns) + job->start_time.tv_nsec;
	struct timespec wall = job->start_time;

	wall.tv_sec += since / 1000000000;
	wall.tv_nsec = since % 1000000000;
	if (wall.tv_nsec < 0) {
		wall.tv_nsec += 1000000000;
		wall.tv_sec--;
	}
	return wall;
}

double mw_job_seconds(const struct mw_job *job, uint64_t ns)
{
	return (double)(int64_t)(ns - job->start_ns) / 1e9;
}
