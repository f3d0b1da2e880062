// SPDX-License-Identifier: MIT
#include "profiler/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "profiler/compare_command.h"

const char *const mw_verdict_names[MW_VERDICT_COUNT] = {
	[MW_VERDICT_SAME] = "same",     [MW_VERDICT_NOISE] = "noise",
	[MW_VERDICT_BETTER] = "better", [MW_VERDICT_WORSE] = "worse",
	[MW_VERDICT_UNSURE] = "unsure", [MW_VERDICT_UNKNOWN] = "unknown",
	[MW_VERDICT_NEW] = "new",       [MW_VERDICT_VANISHED] = "vanished",
};

const struct mw_compare_settings mw_compare_defaults = {
	.threshold = {.relative = true, .value = 5},
	.floor_kib = 1024,
	// One more source file is one more compiler: no fault of the job.
	.judged = {[0 ... MW_METRIC_DURATION] = true},
	.judge_groups = true,
	.group_by = "command",
};

/** The threshold for a quantity: one given as a size says nothing about seconds and counts. */
static struct mw_threshold threshold_for(const struct mw_compare_settings *settings,
					 enum mw_metric_unit unit)
{
	if (unit != MW_UNIT_KIB && !settings->threshold.relative)
		return mw_compare_defaults.threshold;
	return settings->threshold;
}

static enum mw_verdict judge(const struct mw_compare_settings *settings,
			     const struct mw_comparison_row *row)
{
	struct mw_threshold threshold = threshold_for(settings, row->unit);
	double base = row->base.median, candidate = row->candidate.median;
	bool worse = mw_threshold_exceeded(&threshold, base, candidate);
	bool better = mw_threshold_exceeded(&threshold, candidate, base);

	if (!row->base.runs || !row->candidate.runs)
		return MW_VERDICT_UNKNOWN;
	if (row->unit == MW_UNIT_KIB && fabs(candidate - base) < settings->floor_kib)
		return MW_VERDICT_SAME;
	if (!worse && !better)
		return MW_VERDICT_SAME;
	if (!mw_run_stats_apart(&row->base, &row->candidate))
		return MW_VERDICT_NOISE;
	if (row->varies && (row->base.runs < 2 || row->candidate.runs < 2))
		return MW_VERDICT_UNSURE;
	return worse ? MW_VERDICT_WORSE : MW_VERDICT_BETTER;
}

static struct mw_run_stats metric_stats(const struct mw_saved_list *list, enum mw_metric metric)
{
	double *values = calloc(list->reports.count + 1, sizeof(*values));
	struct mw_run_stats stats = {0};

	for (size_t i = 0; values && i < list->reports.count; i++)
		values[i] = list->reports.items[i]->metrics[metric];
	if (values)
		stats = mw_run_stats_compute(values, list->reports.count);
	free(values);
	return stats;
}

static void compare_metrics(struct mw_comparison *comparison)
{
	const struct mw_compare_settings *settings = &comparison->settings;

	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		struct mw_comparison_row *row = &comparison->metrics[i];

		row->name = mw_metrics[i].name;
		row->label = mw_metrics[i].label;
		row->unit = mw_metrics[i].unit;
		row->varies = mw_metrics[i].varies;
		row->base = metric_stats(&comparison->base, i);
		row->candidate = metric_stats(&comparison->candidate, i);
		row->verdict = judge(settings, row);
		row->regression = row->verdict == MW_VERDICT_WORSE && settings->judged[i];
	}
}

static const struct mw_saved_report *report_at(const struct mw_comparison *comparison, size_t run)
{
	size_t base_runs = comparison->base.reports.count;

	return run < base_runs ? comparison->base.reports.items[run]
			       : comparison->candidate.reports.items[run - base_runs];
}

/** Whether every run has sums of the groups we want: largest processes don't compare to sums. */
static bool all_have_groups(const struct mw_comparison *comparison)
{
	for (size_t run = 0; run < comparison->group_tally.runs; run++) {
		const struct mw_saved_report *report = report_at(comparison, run);

		if (!report->group_by || strcmp(report->group_by, comparison->settings.group_by))
			return false;
	}
	return true;
}

static struct mw_error *tally_groups(struct mw_tally *tally, const struct mw_saved_report *report,
				     size_t run)
{
	struct mw_error *err = NULL;

	for (size_t i = 0; i < report->groups.count && !err; i++) {
		const struct mw_saved_group *group = &report->groups.items[i];

		err = mw_tally_add(tally, group->name, group->name, run, group->kib);
	}
	return err;
}

static struct mw_error *tally_programs(struct mw_comparison *comparison,
				       const struct mw_saved_report *report, size_t run)
{
	bool by_exe = !strcmp(comparison->settings.group_by, "exe");
	struct mw_error *err = NULL;

	for (size_t i = 0; i < report->processes.count && !err; i++) {
		const struct mw_saved_process *process = &report->processes.items[i];
		const char *name = by_exe && process->exe ? process->exe : process->name;

		err = mw_tally_add(&comparison->group_tally, name, name, run, process->rss_kib);
	}
	return err;
}

static struct mw_error *tally_commands(struct mw_comparison *comparison,
				       const struct mw_saved_report *report, size_t run)
{
	struct mw_error *err = NULL;

	for (size_t i = 0; i < report->processes.count && !err; i++) {
		const struct mw_saved_process *process = &report->processes.items[i];
		mw_auto_free char *pattern = mw_command_pattern(process->command);

		err = pattern ? mw_tally_add(&comparison->process_tally, pattern, process->command,
					     run, process->rss_kib)
			      : mw_err_nomem;
	}
	return err;
}

static struct mw_error *tally_all(struct mw_comparison *comparison)
{
	bool sums = all_have_groups(comparison);
	struct mw_error *err = NULL;

	for (size_t run = 0; run < comparison->group_tally.runs && !err; run++) {
		const struct mw_saved_report *report = report_at(comparison, run);

		err = sums ? tally_groups(&comparison->group_tally, report, run)
			   : tally_programs(comparison, report, run);
		if (!err)
			err = tally_commands(comparison, report, run);
	}
	return err;
}

static struct mw_comparison_row make_row(const struct mw_compare_settings *settings,
					 const struct mw_tally *tally,
					 const struct mw_tally_entry *entry)
{
	struct mw_comparison_row row = {
		.name = entry->label,
		.label = entry->label,
		.unit = MW_UNIT_KIB,
		.base = mw_tally_base(tally, entry),
		.candidate = mw_tally_candidate(tally, entry),
	};

	row.verdict = judge(settings, &row);
	if (!row.base.runs)
		row.verdict = MW_VERDICT_NEW;
	else if (!row.candidate.runs)
		row.verdict = MW_VERDICT_VANISHED;
	row.regression = row.verdict == MW_VERDICT_WORSE && settings->judge_groups;
	return row;
}

static int compare_rows(const void *a, const void *b)
{
	const struct mw_comparison_row *left = a, *right = b;
	double left_kib = fmax(left->base.median, left->candidate.median);
	double right_kib = fmax(right->base.median, right->candidate.median);

	if (left_kib != right_kib)
		return left_kib > right_kib ? -1 : 1;
	return strcmp(left->name, right->name);
}

static struct mw_error *compare_groups(struct mw_comparison *comparison)
{
	mw_vec_foreach (entry, &comparison->group_tally.entries) {
		if (!mw_vec_push(&comparison->groups,
				 make_row(&comparison->settings, &comparison->group_tally, entry)))
			return mw_err_nomem;
	}
	if (comparison->groups.count)
		qsort(comparison->groups.items, comparison->groups.count,
		      sizeof(*comparison->groups.items), compare_rows);
	return NULL;
}

// What only some of a side's runs have, no run of the other side need have.
static bool is_on_one_side(const struct mw_comparison *comparison,
			   const struct mw_comparison_row *row)
{
	if (row->verdict == MW_VERDICT_NEW)
		return 2 * row->candidate.runs > comparison->candidate.reports.count;
	return row->verdict == MW_VERDICT_VANISHED &&
	       2 * row->base.runs > comparison->base.reports.count;
}

static struct mw_error *compare_processes(struct mw_comparison *comparison)
{
	mw_vec_foreach (entry, &comparison->process_tally.entries) {
		struct mw_comparison_row row =
			make_row(&comparison->settings, &comparison->process_tally, entry);

		if (!is_on_one_side(comparison, &row))
			continue;
		if (!mw_vec_push(&comparison->processes, row))
			return mw_err_nomem;
	}
	if (comparison->processes.count)
		qsort(comparison->processes.items, comparison->processes.count,
		      sizeof(*comparison->processes.items), compare_rows);
	return NULL;
}

static bool has_processes(const struct mw_saved_list *list)
{
	for (size_t i = 0; i < list->reports.count; i++) {
		if (list->reports.items[i]->processes.count)
			return true;
	}
	return false;
}

static struct mw_error *compare_all(struct mw_comparison *comparison)
{
	size_t base_runs = comparison->base.reports.count;
	size_t candidate_runs = comparison->candidate.reports.count;
	struct mw_error *err;

	err = mw_tally_init(&comparison->group_tally, base_runs, candidate_runs);
	if (!err)
		err = mw_tally_init(&comparison->process_tally, base_runs, candidate_runs);
	if (!err)
		err = tally_all(comparison);
	if (err)
		return err;
	compare_metrics(comparison);
	// hyperfine and time -v know no processes: that they vanished says nothing.
	if (!has_processes(&comparison->base) || !has_processes(&comparison->candidate))
		return NULL;
	err = compare_groups(comparison);
	return err ? err : compare_processes(comparison);
}

struct mw_error *mw_comparison_init(struct mw_comparison *comparison, struct mw_saved_list *base,
				    struct mw_saved_list *candidate,
				    const struct mw_compare_settings *settings)
{
	struct mw_error *err;

	*comparison = (struct mw_comparison){
		.base = *base,
		.candidate = *candidate,
		.settings = *settings,
	};
	*base = *candidate = (struct mw_saved_list){0};
	err = compare_all(comparison);
	if (err)
		mw_comparison_deinit(comparison);
	return err;
}

void mw_comparison_deinit(struct mw_comparison *comparison)
{
	mw_tally_deinit(&comparison->group_tally);
	mw_tally_deinit(&comparison->process_tally);
	mw_vec_deinit(&comparison->groups);
	mw_vec_deinit(&comparison->processes);
	mw_vec_deinit(&comparison->budget);
	mw_saved_list_deinit(&comparison->base);
	mw_saved_list_deinit(&comparison->candidate);
}

static double largest_process_of(const struct mw_saved_report *report, const char *name)
{
	double largest = NAN;

	for (size_t i = 0; i < report->processes.count; i++) {
		if (!strcmp(report->processes.items[i].name, name))
			largest = fmax(largest, report->processes.items[i].rss_kib);
	}
	return largest;
}

/** The largest process of that program in any run; NAN without one. */
static double largest_process(const struct mw_saved_list *list, const char *name)
{
	double largest = NAN;

	for (size_t i = 0; i < list->reports.count; i++)
		largest = fmax(largest, largest_process_of(list->reports.items[i], name));
	return largest;
}

static double largest_group(const struct mw_tally *tally, const char *name)
{
	const struct mw_tally_entry *entry = mw_tally_find(tally, name);
	double largest = NAN;

	for (size_t run = tally->base_runs; entry && run < tally->runs; run++)
		largest = fmax(largest, entry->kib[run]);
	return largest;
}

static double largest_metric(const struct mw_saved_list *list, enum mw_metric metric)
{
	double largest = NAN;

	for (size_t i = 0; i < list->reports.count; i++)
		largest = fmax(largest, list->reports.items[i]->metrics[metric]);
	return largest;
}

static double budget_value(const struct mw_comparison *comparison,
			   const struct mw_budget_line *line)
{
	switch (line->kind) {
	case MW_BUDGET_GROUP:
		return largest_group(&comparison->group_tally, line->subject);
	case MW_BUDGET_PROCESS:
		return largest_process(&comparison->candidate, line->subject);
	case MW_BUDGET_METRIC:
		break;
	}
	return largest_metric(&comparison->candidate, line->metric);
}

struct mw_error *mw_comparison_check_budget(struct mw_comparison *comparison,
					    const struct mw_budget *budget)
{
	for (size_t i = 0; i < budget->lines.count; i++) {
		const struct mw_budget_line *line = &budget->lines.items[i];
		struct mw_budget_result result = {.line = line};

		result.value = budget_value(comparison, line);
		if (isnan(result.value))
			result.state = MW_BUDGET_UNKNOWN;
		else if (result.value > line->limit)
			result.state = MW_BUDGET_BROKEN;
		if (!mw_vec_push(&comparison->budget, result))
			return mw_err_nomem;
	}
	return NULL;
}

bool mw_comparison_has_regression(const struct mw_comparison *comparison)
{
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		if (comparison->metrics[i].regression)
			return true;
	}
	for (size_t i = 0; i < comparison->groups.count; i++) {
		if (comparison->groups.items[i].regression)
			return true;
	}
	return false;
}

bool mw_comparison_breaks_budget(const struct mw_comparison *comparison)
{
	for (size_t i = 0; i < comparison->budget.count; i++) {
		if (comparison->budget.items[i].state == MW_BUDGET_BROKEN)
			return true;
	}
	return false;
}
