// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_LEAK_H
#define MW_PROFILER_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiler/series.h"

struct mw_process;

/** Steady growth of one process's anonymous memory. */
struct mw_leak {
	const struct mw_process *process;
	uint64_t growth_kib;
	double growth_percent;
	double slope_kib_per_second;
	double duration_seconds;
	/** Until the nearest limit at this slope; negative when there is none. */
	double seconds_to_limit;
};

/**
 * Looks for a leak in the anonymous memory of a process over time.
 *
 * The start is skipped (programs load what they need), then the minimum of each window stands for
 * it, so that garbage collection doesn't count. It is one when the minimum grew by at least
 * @min_growth_percent over at least @min_duration_seconds and rose in four of five windows.
 *
 * @param ret growth, percent, slope and duration are filled.
 */
bool mw_leak_find(const struct mw_series *series, double min_growth_percent,
		  double min_duration_seconds, struct mw_leak *ret);

/** Theil–Sen estimator: the median slope over all pairs. @param count at least 2, at most 64. */
double mw_theil_sen(const double *x, const double *y, size_t count);

#endif
