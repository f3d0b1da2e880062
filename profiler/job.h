// SPDX-License-Identifier: MIT
/** A job: the processes a command became, and what is known about their memory. */
#ifndef MW_PROFILER_JOB_H
#define MW_PROFILER_JOB_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#include "base/compiler.h"
#include "base/intmap.h"
#include "base/log.h"
#include "base/vec.h"
#include "profiler/groups.h"
#include "profiler/limits.h"
#include "profiler/process.h"
#include "profiler/series.h"

/** What the person asked for; outlives the job. */
struct mw_job_settings {
	unsigned interval_ms;
	/** The interval is a wish, not the default: kept even when it costs more than 1 % of a CPU.
	 */
	bool interval_fixed;
	/** Reset the high-water marks after each sample. */
	bool exact_intervals;
	bool keep_series;
	enum mw_group_by group_by;
	/** NULL without a filter; with their source text. */
	const regex_t *include;
	const regex_t *exclude;
	const char *include_text;
	const char *exclude_text;
	struct mw_limit_settings limits;
	double leak_min_growth_percent;
	double leak_min_duration_seconds;
	const struct mw_log *log;
	/** memwatch's own version, for the reports. */
	const char *version;
};

/** One process in the picture of the peak. */
struct mw_holder {
	const struct mw_process *process;
	uint64_t rss_kib;
	int64_t pss_kib;
};

/** Sums over the job, KiB; the maxima are of sampled sums. */
struct mw_totals {
	uint64_t rss_kib;
	uint64_t max_rss_kib;
	uint64_t max_rss_ns;
	int64_t max_pss_kib;
	uint64_t max_swap_kib;
	/** Largest sum of high-water marks of one interval; 0 without --exact-intervals. */
	uint64_t interval_bound_kib;
	/** High-water marks of processes that ended in the running interval. */
	uint64_t interval_ended_kib;
	unsigned long samples;
	MW_VEC(struct mw_holder) at_peak;
	/** value: RSS; extra: number of processes. */
	struct mw_series timeline;
	/** PSS passes: value: sum of PSS. */
	struct mw_series pss_timeline;
};

enum mw_job_verdict {
	MW_VERDICT_RUNNING,
	MW_VERDICT_OK,
	MW_VERDICT_EXIT_NONZERO,
	MW_VERDICT_SIGNAL,
	MW_VERDICT_OOM,
	MW_VERDICT_LIMIT,
	MW_VERDICT_LEAK,
	MW_VERDICT_INTERRUPTED,
	MW_VERDICT_NOT_STARTED,
};

const char *mw_job_verdict_name(enum mw_job_verdict verdict);

struct mw_oom_kill {
	pid_t pid;
	/** "" when unknown. */
	char name[16];
	/** Resident KiB when killed; 0 when unknown. */
	uint64_t rss_kib;
	bool from_kmsg;
};

struct mw_job {
	const struct mw_job_settings *settings;
	uint64_t start_ns;
	uint64_t end_ns;
	struct timespec start_time;
	/** CLOCK_BOOTTIME minus CLOCK_MONOTONIC. */
	int64_t boot_offset_ns;

	MW_VEC(struct mw_process *) processes;
	MW_VEC(struct mw_process *) live;
	/** pid → the newest process that had it, alive or not. */
	struct mw_intmap by_pid;
	struct mw_process *root;
	/** The root is still memwatch's own image, before its exec. */
	bool before_exec;
	/** Lost pieces of what trackers should have seen; with memory shortage in them. */
	uint64_t events_lost;

	/** statm files open for the next sample. */
	size_t kept_files;
	struct mw_totals totals;
	struct mw_groups groups;
	struct mw_limits limits;
	MW_VEC(char *) notes;
	const char *tracker_name;
	/** No child of a process of the job goes unnoticed. */
	bool sees_everybody;
	/** Some process is or was untracked: its orphans come to us unannounced. */
	bool has_untracked;

	/* The end. */
	bool complete;
	/** CPU time memwatch itself has taken since the start of the job. */
	uint64_t own_cpu_ns;
	bool has_root_status;
	int root_status;
	/** The last signal that asked us to end; 0 without one. */
	int interrupted;
	/** The command could not be started. */
	bool not_started;
	/** Why, then. */
	int start_errnum;
	int64_t cgroup_peak_kib;
	bool has_oom;
	struct mw_oom_kill oom;
};

struct mw_error *mw_job_create(const struct mw_job_settings *settings,
			       struct mw_job **ret) MW_MUST_CHECK;
void mw_job_destroy(struct mw_job *job);

/** Drops every process: what was there never became the command. */
void mw_job_forget_processes(struct mw_job *job);

/** Keeps a sentence for the report; one like it is kept once. */
void mw_job_note(struct mw_job *job, const char *format, ...) MW_PRINTF(2, 3);

/** @return the newest process with @pid, alive or not, or NULL. */
struct mw_process *mw_job_find(const struct mw_job *job, pid_t pid);

/** Like mw_job_find(), but only when it is alive. */
struct mw_process *mw_job_find_live(const struct mw_job *job, pid_t pid);

/**
 * Takes in a process that began at @now_ns, or finds it when it's known already.
 *
 * @param parent who created it; NULL for the root, or when nobody knows.
 * @return NULL when memory is short; the loss is counted.
 */
struct mw_process *mw_job_process_begin(struct mw_job *job, pid_t pid, struct mw_process *parent,
					uint64_t now_ns);

/** Takes in an exec. @param name the kernel's new name, NULL to read it. */
void mw_job_process_exec(struct mw_job *job, struct mw_process *process, const char *name,
			 uint64_t now_ns);

/** Reads who the process is, if that is stale, and puts it into its group. */
void mw_job_process_refresh(struct mw_job *job, struct mw_process *process);

/** From now on, the children of this process and its end have to be looked for. */
void mw_job_process_untrack(struct mw_job *job, struct mw_process *process);

/** Takes in the end of a process. Its peak must have been noted before. */
void mw_job_process_end(struct mw_job *job, struct mw_process *process, uint64_t now_ns);

/** Takes in what wait4() told about a process that is ours. Ends it. */
void mw_job_process_reaped(struct mw_job *job, struct mw_process *process, int wait_status,
			   const struct rusage *usage, uint64_t now_ns);

/** @return CLOCK_REALTIME for a time of CLOCK_MONOTONIC. */
struct timespec mw_job_wall_time(const struct mw_job *job, uint64_t ns);

/** @return seconds after the start of the job; negative before it. */
double mw_job_seconds(const struct mw_job *job, uint64_t ns);

#endif
