// SPDX-License-Identifier: MIT
/** Two sides of runs of a job, compared. */
#ifndef MW_PROFILER_COMPARE_H
#define MW_PROFILER_COMPARE_H

#include <jansson.h>
#include <stdbool.h>

#include "profiler/compare_amount.h"
#include "profiler/compare_budget.h"
#include "profiler/compare_tally.h"
#include "profiler/report_read.h"
#include "profiler/stats.h"

enum mw_verdict {
	/** Within the threshold. */
	MW_VERDICT_SAME,
	/** Beyond the threshold, but the runs differ by as much among themselves. */
	MW_VERDICT_NOISE,
	MW_VERDICT_BETTER,
	MW_VERDICT_WORSE,
	/** Beyond the threshold, but it varies so much that a single run can't tell. */
	MW_VERDICT_UNSURE,
	/** A side doesn't know it. */
	MW_VERDICT_UNKNOWN,
	MW_VERDICT_NEW,
	MW_VERDICT_VANISHED,
	MW_VERDICT_COUNT,
};

/** Indexed by enum mw_verdict: as in JSON. */
extern const char *const mw_verdict_names[MW_VERDICT_COUNT];

struct mw_compare_settings {
	struct mw_threshold threshold;
	/** Sizes that differ by less are the same, however many percent it is. */
	double floor_kib;
	/** Which metrics can be a regression. */
	bool judged[MW_METRIC_COUNT];
	bool judge_groups;
	/** Groups are by "command" or "exe". */
	const char *group_by;
};

extern const struct mw_compare_settings mw_compare_defaults;

/** One quantity on both sides. */
struct mw_comparison_row {
	const char *name;
	const char *label;
	enum mw_metric_unit unit;
	bool varies;
	struct mw_run_stats base, candidate;
	enum mw_verdict verdict;
	/** Worse, and asked to judge it. */
	bool regression;
};

struct mw_comparison {
	struct mw_saved_list base, candidate;
	struct mw_compare_settings settings;
	struct mw_comparison_row metrics[MW_METRIC_COUNT];
	/** Own the names of the rows below. */
	struct mw_tally group_tally, process_tally;
	/** Groups on both sides and on one, the largest first. */
	MW_VEC(struct mw_comparison_row) groups;
	/** Command lines on one side only, the largest first. */
	MW_VEC(struct mw_comparison_row) processes;
	/** One for each line of the budget. */
	MW_VEC(struct mw_budget_result) budget;
};

/**
 * Compares every quantity of the two lists.
 *
 * @param base may be empty: then there is nothing but the candidate to check against a budget.
 * @param comparison takes both lists over, also on failure.
 */
struct mw_error *mw_comparison_init(struct mw_comparison *comparison, struct mw_saved_list *base,
				    struct mw_saved_list *candidate,
				    const struct mw_compare_settings *settings) MW_MUST_CHECK;
void mw_comparison_deinit(struct mw_comparison *comparison);

/** Checks the candidate's runs: each of them has to keep to @budget. */
struct mw_error *mw_comparison_check_budget(struct mw_comparison *comparison,
					    const struct mw_budget *budget) MW_MUST_CHECK;

bool mw_comparison_has_regression(const struct mw_comparison *comparison);
bool mw_comparison_breaks_budget(const struct mw_comparison *comparison);

/** @return a new reference, or NULL when memory is short. docs/compare.md lists the keys. */
json_t *mw_comparison_to_json(const struct mw_comparison *comparison);

#endif
