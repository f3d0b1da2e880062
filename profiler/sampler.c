// SPDX-License-Identifier: MIT
#include "profiler/sampler.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/procfs.h"
#include "profiler/procinfo.h"

/** Dense sampling while a job is young: most jobs are short. */
#define DENSE_NS UINT64_C(2000000000)
#define DENSE_INTERVAL_NS UINT64_C(10000000)
/** A sample may take this part of the time: 1 % of a CPU with what surrounds it; more at first. */
#define COST_SHARE 200
#define DENSE_COST_SHARE 50
#define LONGEST_INTERVAL_NS UINT64_C(1000000000)
#define DENSE_LONGEST_NS UINT64_C(100000000)
#define DETAIL_INTERVAL_NS UINT64_C(1000000000)

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void mw_sampler_init(struct mw_sampler *sampler, struct mw_job *job)
{
	struct rlimit files;

	*sampler = (struct mw_sampler){.job = job};
	/* The other half is for everything else. */
	if (!getrlimit(RLIMIT_NOFILE, &files))
		sampler->kept_limit = files.rlim_cur / 2;
	mw_pss_init(&sampler->pss, job);
}

static void plan_next(struct mw_sampler *sampler, uint64_t now_ns)
{
	const struct mw_job_settings *settings = sampler->job->settings;
	uint64_t wish_ns = (uint64_t)settings->interval_ms * 1000000u;
	bool dense = now_ns - sampler->job->start_ns < DENSE_NS;
	uint64_t cost_ns = sampler->cost_ns * (dense ? DENSE_COST_SHARE : COST_SHARE);

	if (dense)
		wish_ns = mw_min(wish_ns, DENSE_INTERVAL_NS);
	cost_ns = mw_min(cost_ns, dense ? DENSE_LONGEST_NS : LONGEST_INTERVAL_NS);
	if (!settings->interval_fixed)
		wish_ns = mw_max(wish_ns, cost_ns);
	sampler->next_ns = now_ns + wish_ns;
}

/** What /proc says about the process; false when the pid belongs to nobody or to another one. */
static bool read_stat(const struct mw_process *process, struct mw_task_stat *ret)
{
	return mw_task_stat_read(process->pid, ret) && ret->start_ticks == process->start_ticks;
}

/** Finds a thread that still has the memory, for a process whose leader ended first. */
static bool open_through_thread(struct mw_process *process, uint64_t *ret_pages)
{
	mw_auto_free pid_t *tids = NULL;
	struct mw_task_stat stat;
	size_t count = 0;

	/* The pid may have gone to somebody else. */
	if (read_stat(process, &stat))
		mw_error_destroy(mw_proc_threads(process->pid, &tids, &count));
	for (size_t i = 0; i < count; i++) {
		int fd;

		if (tids[i] == process->pid)
			continue;
		fd = mw_task_statm_open(process->pid, tids[i]);
		if (fd >= 0 && mw_task_statm_read(fd, ret_pages)) {
			close(process->statm_fd);
			process->statm_fd = fd;
			process->memory_tid = tids[i];
			return true;
		}
		if (fd >= 0)
			close(fd);
	}
	return false;
}

/** Whether the process is there, as more than a zombie. */
static bool is_alive(const struct mw_process *process)
{
	struct mw_task_stat stat;

	return read_stat(process, &stat) && stat.state != 'Z' && stat.state != 'X';
}

static void open_statm(struct mw_job *job, struct mw_process *process)
{
	struct mw_task_stat stat;

	if (process->statm_fd >= 0 || !read_stat(process, &stat))
		return;
	process->statm_fd = mw_task_statm_open(process->pid, process->memory_tid);
	job->kept_files += process->statm_fd >= 0;
}

/** Keeps the file open for the next sample, as long as there are descriptors to spare. */
static void keep_statm(const struct mw_sampler *sampler, struct mw_process *process)
{
	if (sampler->job->kept_files <= sampler->kept_limit)
		return;
	close(process->statm_fd);
	process->statm_fd = -1;
	sampler->job->kept_files--;
}

/** Resident KiB; false when the process is gone. */
static bool read_rss(const struct mw_sampler *sampler, struct mw_process *process,
		     uint64_t *ret_kib)
{
	uint64_t pages = 0;

	open_statm(sampler->job, process);
	if (process->statm_fd < 0)
		return false;
	if (!mw_task_statm_read(process->statm_fd, &pages) &&
	    !open_through_thread(process, &pages) && !is_alive(process))
		return false;
	keep_statm(sampler, process);
	*ret_kib = pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return true;
}

/** Before its exec, a vforked child's memory is its parent's, counted there. */
static bool borrows_memory(struct mw_process *process)
{
	enum mw_same_memory same;

	if (process->owner != MW_MEMORY_UNKNOWN)
		return process->owner == MW_MEMORY_BORROWED;
	if (process->execed || !process->parent || process->parent->ended) {
		process->owner = MW_MEMORY_OWN;
		return false;
	}
	same = mw_task_same_memory(process->pid, process->parent->pid);
	if (same == MW_SAME_MEMORY_UNKNOWN)
		return false;
	process->owner = same == MW_SAME_MEMORY_YES ? MW_MEMORY_BORROWED : MW_MEMORY_OWN;
	return process->owner == MW_MEMORY_BORROWED;
}

static void take_detail(struct mw_process *process, uint64_t now_ns)
{
	struct mw_task_memory memory;

	if (!mw_task_memory_read(process->pid, process->memory_tid, &memory))
		return;
	mw_process_note_peak(process, memory.hwm_kib, MW_HWM_STATUS, now_ns);
	/* Counted to the page, unlike statm. */
	process->rss_kib = memory.rss_kib;
	process->interval_hwm_kib = memory.hwm_kib;
	process->swap_kib = memory.swap_kib;
	process->max_swap_kib = mw_max(process->max_swap_kib, memory.swap_kib);
	if (process->has_detail && memory.rss_kib < process->detailed_rss_kib)
		return;
	process->has_detail = true;
	process->detailed_rss_kib = memory.rss_kib;
	process->anon_kib = memory.anon_kib;
	process->file_kib = memory.file_kib;
	process->shmem_kib = memory.shmem_kib;
}

static void record_anon(struct mw_process *process, uint64_t now_ns)
{
	struct mw_task_memory memory;

	if (mw_task_memory_read(process->pid, process->memory_tid, &memory))
		mw_series_add(&process->anon_series, MW_LEAK_LIMIT, now_ns,
			      memory.anon_kib + memory.swap_kib, 0);
}

static void reset_mark(const struct mw_process *process)
{
	mw_auto_close int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "5", 1) < 0)
		return;
}

/** Samples one process. @return false when it is gone. */
static bool sample_process(struct mw_sampler *sampler, struct mw_process *process, uint64_t now_ns,
			   bool detail)
{
	const struct mw_job_settings *settings = sampler->job->settings;
	uint64_t rss_kib = 0;

	if (process->identity_stale)
		mw_job_process_refresh(sampler->job, process);
	if (borrows_memory(process)) {
		process->rss_kib = 0;
		return is_alive(process);
	}
	if (!read_rss(sampler, process, &rss_kib))
		return false;
	process->rss_kib = rss_kib;
	process->last_seen_ns = now_ns;
	process->samples++;
	mw_process_note_peak(process, rss_kib, MW_HWM_SAMPLED, now_ns);
	if (detail)
		record_anon(process, now_ns);
	if (detail || sampler->read_marks || process->untracked || settings->exact_intervals ||
	    rss_kib > process->detailed_rss_kib + process->detailed_rss_kib / 20)
		take_detail(process, now_ns);
	if (settings->exact_intervals)
		reset_mark(process);
	if (settings->keep_series)
		mw_series_add_change(&process->series, MW_SERIES_LIMIT, now_ns, process->rss_kib);
	return true;
}

static void remember_peak(struct mw_job *job, uint64_t now_ns)
{
	struct mw_totals *totals = &job->totals;

	if (totals->rss_kib <= totals->max_rss_kib)
		return;
	totals->max_rss_kib = totals->rss_kib;
	totals->max_rss_ns = now_ns;
	totals->at_peak.count = 0;
	mw_vec_foreach (process, &job->live) {
		struct mw_holder holder = {*process, (*process)->rss_kib, -1};

		if (holder.rss_kib && !mw_vec_push(&totals->at_peak, holder))
			return;
	}
}

static void sum_up(struct mw_job *job, uint64_t now_ns)
{
	struct mw_totals *totals = &job->totals;
	uint64_t interval_kib = totals->interval_ended_kib;
	uint64_t swap_kib = 0;

	totals->rss_kib = 0;
	mw_groups_sample_begin(&job->groups);
	mw_vec_foreach (item, &job->live) {
		const struct mw_process *process = *item;

		totals->rss_kib += process->rss_kib;
		interval_kib += process->interval_hwm_kib;
		swap_kib += process->swap_kib;
		if (process->group && !process->filtered)
			process->group->rss_kib += process->rss_kib;
	}
	mw_groups_sample_end(&job->groups);
	totals->max_swap_kib = mw_max(totals->max_swap_kib, swap_kib);
	totals->interval_ended_kib = 0;
	if (job->settings->exact_intervals)
		totals->interval_bound_kib = mw_max(totals->interval_bound_kib, interval_kib);
	totals->samples++;
	mw_series_add(&totals->timeline, MW_TIMELINE_LIMIT, now_ns, totals->rss_kib,
		      job->live.count);
	remember_peak(job, now_ns);
}

static void check_limits(struct mw_job *job, uint64_t now_ns)
{
	mw_limits_check(job, MW_LIMIT_TOTAL_RSS, job->totals.rss_kib, NULL, now_ns);
	if (!job->settings->limits.kib[MW_LIMIT_PROCESS_RSS])
		return;
	mw_vec_foreach (process, &job->live)
		mw_limits_check(job, MW_LIMIT_PROCESS_RSS, (*process)->max_rss_kib, *process,
				now_ns);
}

void mw_sampler_sample(struct mw_sampler *sampler)
{
	struct mw_job *job = sampler->job;
	uint64_t cpu_ns = cpu_now_ns();
	uint64_t now_ns = mw_clock_now_ns();
	bool detail = now_ns >= sampler->next_detail_ns;

	if (detail)
		sampler->next_detail_ns =
			now_ns + mw_max(DETAIL_INTERVAL_NS, sampler->cost_ns * COST_SHARE * 10);
	/* Backwards: the end of a process moves the last one into its place. */
	for (size_t i = job->live.count; i-- > 0;) {
		struct mw_process *process = job->live.items[i];

		if (job->before_exec && process == job->root)
			continue;
		if (sample_process(sampler, process, now_ns, detail))
			continue;
		process->rss_kib = 0;
		/* It was alive when the sample began, and may have forked since. */
		if (sampler->detect_ends || process->untracked)
			mw_job_process_end(job, process, mw_clock_now_ns());
	}
	sum_up(job, now_ns);
	check_limits(job, now_ns);
	sampler->cost_ns = (sampler->cost_ns * 3 + (cpu_now_ns() - cpu_ns)) / 4;
	plan_next(sampler, now_ns);
	/* It keeps a budget of its own. */
	mw_pss_step(&sampler->pss, now_ns);
}

void mw_sampler_finish(struct mw_sampler *sampler)
{
	uint64_t now_ns = mw_clock_now_ns();

	mw_vec_foreach (item, &sampler->job->live) {
		struct mw_process *process = *item;
		struct mw_task_memory memory;

		if (borrows_memory(process) || !is_alive(process) ||
		    !mw_task_memory_read(process->pid, process->memory_tid, &memory))
			continue;
		mw_process_note_peak(process, memory.hwm_kib, MW_HWM_EXIT, now_ns);
	}
}
