// SPDX-License-Identifier: MIT
/** How much a job may take: a text file of one limit a line. */
#ifndef MW_PROFILER_COMPARE_BUDGET_H
#define MW_PROFILER_COMPARE_BUDGET_H

#include "base/compiler.h"
#include "base/vec.h"
#include "profiler/report_read.h"

enum mw_budget_kind {
	MW_BUDGET_METRIC,
	MW_BUDGET_GROUP,
	MW_BUDGET_PROCESS,
};

struct mw_budget_line {
	enum mw_budget_kind kind;
	/** For MW_BUDGET_METRIC. */
	enum mw_metric metric;
	/** As written: "total_rss", "group:cc1". */
	char *name;
	/** What comes after the colon; part of @name. */
	const char *subject;
	enum mw_metric_unit unit;
	double limit;
};

struct mw_budget {
	MW_VEC(struct mw_budget_line) lines;
};

enum mw_budget_state {
	MW_BUDGET_KEPT,
	MW_BUDGET_BROKEN,
	/** No run of the candidate says anything about it. */
	MW_BUDGET_UNKNOWN,
	MW_BUDGET_STATE_COUNT,
};

/** Indexed by enum mw_budget_state: as in JSON. */
extern const char *const mw_budget_state_names[MW_BUDGET_STATE_COUNT];

struct mw_budget_result {
	/** Belongs to the budget. */
	const struct mw_budget_line *line;
	/** The largest of the runs; NAN when unknown. */
	double value;
	enum mw_budget_state state;
};

/**
 * Reads lines like `total_rss 512M`, `duration 90s`, `group:cc1 300M`, `process:ld 1G`; # begins a
 * comment.
 *
 * @return an error that names the file, the line and what is wrong with it.
 */
struct mw_error *mw_budget_read(const char *path, struct mw_budget *ret) MW_MUST_CHECK;
struct mw_error *mw_budget_parse(const char *path, const char *text,
				 struct mw_budget *ret) MW_MUST_CHECK;
void mw_budget_deinit(struct mw_budget *budget);

#endif
