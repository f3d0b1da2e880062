// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_STATS_H
#define MW_PROFILER_STATS_H

#include <stdbool.h>
#include <stddef.h>

/** What several runs gave for one quantity. */
struct mw_run_stats {
	/** 0 when no run knew it; the rest is then 0 as well. */
	size_t runs;
	double median;
	/**
	 * The spread: from the lowest to the highest run; from five runs on between the quartiles,
	 * so that one outlier doesn't hide a change.
	 */
	double low, high;
};

/** @param values is sorted in place; NAN stands for a run that doesn't know the quantity. */
struct mw_run_stats mw_run_stats_compute(double *values, size_t count);

/** True when the spreads of the two don't touch: the difference is more than noise. */
bool mw_run_stats_apart(const struct mw_run_stats *a, const struct mw_run_stats *b);

#endif
