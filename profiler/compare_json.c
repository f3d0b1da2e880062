// SPDX-License-Identifier: MIT
#include <math.h>

#include "profiler/compare.h"
#include "profiler/view_escape.h"

static const char *const unit_names[] = {
	[MW_UNIT_KIB] = "KiB",
	[MW_UNIT_SECONDS] = "s",
	[MW_UNIT_COUNT] = "1",
};

/** Whole numbers as such: sizes of a single run are, medians of an even number may not be. */
static json_t *number_to_json(double value)
{
	if (isnan(value))
		return json_null();
	if (value == floor(value) && fabs(value) < 1e15)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static json_t *stats_to_json(const struct mw_run_stats *stats)
{
	if (!stats->runs)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o}", "runs", (json_int_t)stats->runs, "median",
			 number_to_json(stats->median), "low", number_to_json(stats->low), "high",
			 number_to_json(stats->high));
}

static json_t *change_to_json(const struct mw_comparison_row *row)
{
	if (!row->base.runs || !row->candidate.runs || row->base.median == 0)
		return json_null();
	return json_real((row->candidate.median - row->base.median) / row->base.median * 100);
}

static json_t *row_to_json(const struct mw_comparison_row *row)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:b}", "name",
			 mw_escape_to_json(row->name), "label", mw_escape_to_json(row->label),
			 "unit", unit_names[row->unit], "base", stats_to_json(&row->base),
			 "candidate", stats_to_json(&row->candidate), "change_percent",
			 change_to_json(row), "verdict", mw_verdict_names[row->verdict],
			 "regression", row->regression);
}

static json_t *rows_to_json(const struct mw_comparison_row *rows, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, row_to_json(&rows[i]));
	return array;
}

static json_t *side_to_json(const struct mw_saved_list *list)
{
	json_t *files = json_array();

	for (size_t i = 0; i < list->reports.count; i++) {
		const struct mw_saved_report *report = list->reports.items[i];

		json_array_append_new(files, json_pack("{s:o, s:s, s:o}", "path",
						       mw_escape_to_json(report->path), "format",
						       report->format, "command",
						       mw_escape_to_json(report->command)));
	}
	return files;
}

static json_t *threshold_to_json(const struct mw_threshold *threshold)
{
	return json_pack("{s:o, s:s}", "value", number_to_json(threshold->value), "unit",
			 threshold->relative ? "%" : "KiB");
}

static json_t *budget_to_json(const struct mw_comparison *comparison)
{
	json_t *array = json_array();

	for (size_t i = 0; i < comparison->budget.count; i++) {
		const struct mw_budget_result *result = &comparison->budget.items[i];

		json_array_append_new(array,
				      json_pack("{s:o, s:s, s:o, s:o, s:s}", "name",
						mw_escape_to_json(result->line->name), "unit",
						unit_names[result->line->unit], "limit",
						number_to_json(result->line->limit), "value",
						number_to_json(result->value), "state",
						mw_budget_state_names[result->state]));
	}
	return array;
}

json_t *mw_comparison_to_json(const struct mw_comparison *comparison)
{
	bool regression = mw_comparison_has_regression(comparison);
	bool broken = mw_comparison_breaks_budget(comparison);

	return json_pack(
		"{s:i, s:s, s:b, s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "schema_version", 1,
		"verdict",
		regression ? "regression"
		: broken   ? "over-budget"
			   : "ok",
		"regression", regression, "over_budget", broken, "base",
		side_to_json(&comparison->base), "candidate", side_to_json(&comparison->candidate),
		"threshold", threshold_to_json(&comparison->settings.threshold), "group_by",
		comparison->settings.group_by, "metrics",
		rows_to_json(comparison->metrics, MW_METRIC_COUNT), "groups",
		rows_to_json(comparison->groups.items, comparison->groups.count), "processes",
		rows_to_json(comparison->processes.items, comparison->processes.count), "budget",
		budget_to_json(comparison));
}
