// SPDX-License-Identifier: MIT
#include "profiler/report.h"

#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/error.h"

void mw_report_destroy(struct mw_report *report)
{
	if (!report)
		return;
	mw_vec_deinit(&report->processes);
	mw_vec_deinit(&report->leaks);
	free(report);
}

static int by_peak(const void *a, const void *b)
{
	const struct mw_process *left = *(struct mw_process *const *)a;
	const struct mw_process *right = *(struct mw_process *const *)b;

	if (left->max_rss_kib != right->max_rss_kib)
		return left->max_rss_kib < right->max_rss_kib ? 1 : -1;
	return left->start_ns < right->start_ns ? -1 : left->start_ns > right->start_ns;
}

static bool list_processes(struct mw_report *report)
{
	mw_vec_foreach (process, &report->job->processes) {
		if ((*process)->filtered) {
			report->filtered_count++;
			report->filtered_kib += (*process)->max_rss_kib;
		} else if (!mw_vec_push(&report->processes, *process)) {
			return false;
		}
	}
	if (report->processes.count)
		qsort(report->processes.items, report->processes.count,
		      sizeof(*report->processes.items), by_peak);
	return true;
}

static void describe_completeness(struct mw_completeness *completeness)
{
	const char *lost = completeness->events_lost ? "; some events were lost" : "";

	if (completeness->exact == completeness->processes)
		snprintf(completeness->line, sizeof(completeness->line),
			 "%zu process%s, %smeasured exactly%s", completeness->processes,
			 completeness->processes == 1 ? "" : "es",
			 completeness->processes == 1 ? "" : "all ", lost);
	else
		snprintf(completeness->line, sizeof(completeness->line),
			 "%zu process%s: %zu measured exactly, %zu sampled, %zu only counted%s",
			 completeness->processes, completeness->processes == 1 ? "" : "es",
			 completeness->exact, completeness->sampled, completeness->counted_only,
			 lost);
}

static void measure_completeness(struct mw_report *report)
{
	struct mw_completeness *completeness = &report->completeness;

	completeness->events_lost = report->job->events_lost;
	mw_vec_foreach (process, &report->job->processes) {
		completeness->processes++;
		if (mw_process_is_exact(*process))
			completeness->exact++;
		else if ((*process)->source == MW_HWM_NONE)
			completeness->counted_only++;
		else
			completeness->sampled++;
	}
	describe_completeness(completeness);
}

/** The largest single peak is a sum that was surely reached, however long ago the last sample. */
static void find_bounds(struct mw_report *report)
{
	const struct mw_job *job = report->job;
	const struct mw_completeness *completeness = &report->completeness;

	report->bound_low_kib = job->totals.max_rss_kib;
	for (size_t i = 0; i < job->processes.count; i++)
		report->bound_low_kib =
			mw_max(report->bound_low_kib, job->processes.items[i]->max_rss_kib);
	report->max_total_rss_kib = report->bound_low_kib;
	report->bound_high_kib = -1;
	if (completeness->exact < completeness->processes || completeness->events_lost)
		return;
	report->bound_high_kib = job->totals.interval_bound_kib
					 ? (int64_t)job->totals.interval_bound_kib
					 : mw_overlap_bound_kib(job);
	report->bound_high_kib = mw_max(report->bound_high_kib, (int64_t)report->bound_low_kib);
}

static double seconds_to_limit(const struct mw_job *job, const struct mw_leak *leak)
{
	const uint64_t *limits = job->settings->limits.kib;
	uint64_t limit_kib = mw_machine_memory_kib();
	uint64_t now_kib = leak->process->anon_kib;

	for (int kind = 0; kind < MW_LIMIT_KINDS; kind++)
		if (limits[kind] && limits[kind] < limit_kib)
			limit_kib = limits[kind];
	if (leak->slope_kib_per_second <= 0 || now_kib >= limit_kib)
		return -1;
	return (double)(limit_kib - now_kib) / leak->slope_kib_per_second;
}

static bool find_leaks(struct mw_report *report)
{
	const struct mw_job_settings *settings = report->job->settings;

	mw_vec_foreach (process, &report->processes) {
		struct mw_leak leak = {.process = *process};

		if (!mw_leak_find(&(*process)->anon_series, settings->leak_min_growth_percent,
				  settings->leak_min_duration_seconds, &leak))
			continue;
		leak.seconds_to_limit = seconds_to_limit(report->job, &leak);
		if (!mw_vec_push(&report->leaks, leak))
			return false;
	}
	return true;
}

bool mw_report_exit(const struct mw_report *report, int *ret_code, int *ret_signal)
{
	const struct mw_job *job = report->job;

	*ret_code = *ret_signal = 0;
	if (!job->has_root_status)
		return false;
	if (WIFSIGNALED(job->root_status))
		*ret_signal = WTERMSIG(job->root_status);
	else
		*ret_code = WEXITSTATUS(job->root_status);
	return true;
}

static enum mw_job_verdict judge(const struct mw_report *report)
{
	const struct mw_job *job = report->job;
	int code;
	int signal;

	if (job->not_started)
		return MW_VERDICT_NOT_STARTED;
	if (!job->complete)
		return MW_VERDICT_RUNNING;
	if (mw_limits_exceeded(&job->limits, NULL))
		return MW_VERDICT_LIMIT;
	if (job->has_oom)
		return MW_VERDICT_OOM;
	if (job->interrupted)
		return MW_VERDICT_INTERRUPTED;
	mw_report_exit(report, &code, &signal);
	if (signal)
		return MW_VERDICT_SIGNAL;
	if (code)
		return MW_VERDICT_EXIT_NONZERO;
	return report->fail_on_leak && report->leaks.count ? MW_VERDICT_LEAK : MW_VERDICT_OK;
}

struct mw_error *mw_report_create(struct mw_job *job, char *const *argv, bool fail_on_leak,
				  struct mw_report **ret)
{
	struct mw_report *report = calloc(1, sizeof(*report));

	if (!report)
		return mw_err_nomem;
	report->job = job;
	report->argv = argv;
	report->fail_on_leak = fail_on_leak;
	if (!list_processes(report) || !find_leaks(report)) {
		mw_report_destroy(report);
		return mw_err_nomem;
	}
	measure_completeness(report);
	find_bounds(report);
	mw_groups_finish(job);
	report->verdict = judge(report);
	*ret = report;
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct mw_spread mw_spread_of(double *values, size_t count)
{
	struct mw_spread spread = {.median = median_of(values, count)};

	spread.min = values[0];
	spread.max = values[count - 1];
	for (size_t i = 0; i < count; i++)
		values[i] = fabs(values[i] - spread.median);
	spread.mad = median_of(values, count);
	return spread;
}

size_t mw_median_run(struct mw_report *const *reports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t below = 0;

		/* Ties go by position, so exactly one run has each rank. */
		for (size_t j = 0; j < count; j++)
			below += reports[j]->max_total_rss_kib < reports[i]->max_total_rss_kib ||
				 (reports[j]->max_total_rss_kib == reports[i]->max_total_rss_kib &&
				  j < i);
		if (below == (count - 1) / 2)
			return i;
	}
	return 0;
}
