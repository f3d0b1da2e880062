// SPDX-License-Identifier: MIT
/** What there is to say about a job, worked out from its records; renderers write it down. */
#ifndef MW_PROFILER_REPORT_H
#define MW_PROFILER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/vec.h"
#include "profiler/job.h"
#include "profiler/leak.h"

struct mw_completeness {
	size_t processes;
	size_t exact;
	/** A lower bound is known. */
	size_t sampled;
	size_t counted_only;
	uint64_t events_lost;
	/** "1011 processes, all measured exactly" */
	char line[160];
};

struct mw_report {
	struct mw_job *job;
	/** The command line of the job. */
	char *const *argv;
	enum mw_job_verdict verdict;
	bool fail_on_leak;
	/** Largest peak first; without those the filter leaves out. */
	MW_VEC(struct mw_process *) processes;
	size_t filtered_count;
	uint64_t filtered_kib;
	struct mw_completeness completeness;
	uint64_t max_total_rss_kib;
	/** The true peak of the sum of RSS lies between these; high is -1 when nobody knows. */
	uint64_t bound_low_kib;
	int64_t bound_high_kib;
	MW_VEC(struct mw_leak) leaks;
};

/** Works out the report of a job as it is now, finished or not. */
struct mw_error *mw_report_create(struct mw_job *job, char *const *argv, bool fail_on_leak,
				  struct mw_report **ret) MW_MUST_CHECK;
void mw_report_destroy(struct mw_report *report);

/** Exit status of a job: the signal that killed it, else its code; false when not known. */
bool mw_report_exit(const struct mw_report *report, int *ret_code, int *ret_signal);

/**
 * The largest sum of peaks of processes that lived at the same time, KiB.
 *
 * No sampling hole in it: at every moment each process has at most its high-water mark.
 */
int64_t mw_overlap_bound_kib(const struct mw_job *job);

/** Spread of one number over several runs. */
struct mw_spread {
	double median;
	double min;
	double max;
	/** Median of the distances from the median. */
	double mad;
};

/** @param values sorted by the call; @count at least 1. */
struct mw_spread mw_spread_of(double *values, size_t count);

/* Renderers. They write to @file and leave it to the caller to look for write errors. */

struct mw_text_style {
	bool colour;
	/** Most processes listed; 0 for all. */
	size_t limit;
};

void mw_report_write_text(const struct mw_report *report, const struct mw_text_style *style,
			  FILE *file);
void mw_runs_write_text(struct mw_report *const *reports, size_t count,
			const struct mw_text_style *style, FILE *file);

struct mw_json_parts {
	bool timeline;
	bool series;
};

/**
 * Writes the JSON report, several runs as one: the top level is then the run with the median peak.
 */
void mw_report_write_json(struct mw_report *const *reports, size_t count,
			  const struct mw_json_parts *parts, FILE *file);

/** @param comments a line about the filter comes before the header, as version 0.1 had it. */
void mw_report_write_csv(const struct mw_report *report, bool comments, FILE *file);
void mw_report_write_timeline_csv(const struct mw_report *report, bool comments, FILE *file);
void mw_report_write_series_csv(const struct mw_report *report, FILE *file);

/** @return the index of the run with the median peak. */
size_t mw_median_run(struct mw_report *const *reports, size_t count);

#endif
