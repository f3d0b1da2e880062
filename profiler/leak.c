// SPDX-License-Identifier: MIT
#include "profiler/leak.h"

#include <stdlib.h>

#include "base/compiler.h"

/** Windows the observed time is cut into. */
#define WINDOWS 20
#define MAX_POINTS 64
/** This share of the time, at most this long, counts as warming up. */
#define WARM_UP_PART 10
#define WARM_UP_NS UINT64_C(60000000000)

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return left < right ? -1 : left > right;
}

double mw_theil_sen(const double *x, const double *y, size_t count)
{
	double slopes[MAX_POINTS * (MAX_POINTS - 1) / 2];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			if (x[j] > x[i])
				slopes[n++] = (y[j] - y[i]) / (x[j] - x[i]);
	if (!n)
		return 0;
	qsort(slopes, n, sizeof(*slopes), by_value);
	return n % 2 ? slopes[n / 2] : (slopes[n / 2 - 1] + slopes[n / 2]) / 2;
}

struct windows {
	double seconds[WINDOWS];
	double min_kib[WINDOWS];
	size_t count;
};

/** The least value of each window, warm-up left out; empty windows too. */
static void cut_into_windows(const struct mw_series *series, struct windows *ret)
{
	const struct mw_point *points = series->points.items;
	size_t count = series->points.count;
	uint64_t first_ns = points[0].ns;
	uint64_t length_ns = points[count - 1].ns - first_ns;
	uint64_t warm_ns = first_ns + mw_min(length_ns / WARM_UP_PART, WARM_UP_NS);
	uint64_t span_ns = points[count - 1].ns - warm_ns;
	size_t window = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t index;

		if (points[i].ns < warm_ns || !span_ns)
			continue;
		index = (size_t)((points[i].ns - warm_ns) * WINDOWS / (span_ns + 1));
		if (index != window) {
			window = index;
			ret->seconds[ret->count] = (double)(points[i].ns - first_ns) / 1e9;
			ret->min_kib[ret->count++] = (double)points[i].min;
		} else if ((double)points[i].min < ret->min_kib[ret->count - 1]) {
			ret->min_kib[ret->count - 1] = (double)points[i].min;
		}
	}
}

/** Each window takes in the next one, so that a garbage collection between them is found. */
static void roll_minimum(struct windows *windows)
{
	for (size_t i = 0; i + 1 < windows->count; i++)
		windows->min_kib[i] = mw_min(windows->min_kib[i], windows->min_kib[i + 1]);
	windows->count -= windows->count > 0;
}

bool mw_leak_find(const struct mw_series *series, double min_growth_percent,
		  double min_duration_seconds, struct mw_leak *ret)
{
	struct windows windows = {.count = 0};
	size_t rising = 0;
	double growth;

	if (series->points.count < 5)
		return false;
	cut_into_windows(series, &windows);
	roll_minimum(&windows);
	if (windows.count < 4)
		return false;
	for (size_t i = 1; i < windows.count; i++)
		rising += windows.min_kib[i] > windows.min_kib[i - 1];
	growth = windows.min_kib[windows.count - 1] - windows.min_kib[0];
	ret->duration_seconds = (double)(series->points.items[series->points.count - 1].ns -
					 series->points.items[0].ns) /
				1e9;
	ret->growth_percent = growth * 100 / mw_max(windows.min_kib[0], 1.0);
	if (growth <= 0 || ret->growth_percent < min_growth_percent ||
	    ret->duration_seconds < min_duration_seconds || rising * 5 < (windows.count - 1) * 4)
		return false;
	ret->growth_kib = (uint64_t)growth;
	ret->slope_kib_per_second = mw_theil_sen(windows.seconds, windows.min_kib, windows.count);
	return true;
}
