// SPDX-License-Identifier: MIT
#include "profiler/stats.h"

#include <math.h>
#include <stdlib.h>

#define RUNS_FOR_QUARTILES 5

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static size_t drop_unknown(double *values, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isnan(values[i]))
			values[kept++] = values[i];
	}
	return kept;
}

// Linear between the two neighbours, as R's and numpy's default.
static double quantile(const double *sorted, size_t count, double share)
{
	double position = share * (double)(count - 1);
	size_t below = (size_t)position;
	double rest = position - (double)below;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + rest * (sorted[below + 1] - sorted[below]);
}

struct mw_run_stats mw_run_stats_compute(double *values, size_t count)
{
	size_t known = drop_unknown(values, count);
	double margin = known >= RUNS_FOR_QUARTILES ? 0.25 : 0;

	if (!known)
		return (struct mw_run_stats){0};
	qsort(values, known, sizeof(*values), compare_doubles);
	return (struct mw_run_stats){
		.runs = known,
		.median = quantile(values, known, 0.5),
		.low = quantile(values, known, margin),
		.high = quantile(values, known, 1 - margin),
	};
}

bool mw_run_stats_apart(const struct mw_run_stats *a, const struct mw_run_stats *b)
{
	return a->high < b->low || b->high < a->low;
}
