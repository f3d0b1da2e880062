// SPDX-License-Identifier: MIT
#include "profiler/series.h"

#include "base/compiler.h"

void mw_series_deinit(struct mw_series *series)
{
	mw_vec_deinit(&series->points);
}

static void merge_into(struct mw_point *into, const struct mw_point *from)
{
	if (from->max > into->max) {
		into->max = from->max;
		into->extra = from->extra;
	}
	into->min = mw_min(into->min, from->min);
	into->count += from->count;
}

static void halve(struct mw_series *series)
{
	size_t kept = 0;

	for (size_t i = 0; i < series->points.count; i += 2) {
		struct mw_point point = series->points.items[i];

		if (i + 1 < series->points.count)
			merge_into(&point, &series->points.items[i + 1]);
		series->points.items[kept++] = point;
	}
	series->points.count = kept;
	series->bucket_samples *= 2;
}

bool mw_series_add(struct mw_series *series, size_t limit, uint64_t ns, uint64_t value,
		   uint64_t extra)
{
	struct mw_point point = {.ns = ns, .min = value, .max = value, .extra = extra, .count = 1};
	struct mw_point *last;

	if (!series->bucket_samples)
		series->bucket_samples = 1;
	last = series->points.count ? &series->points.items[series->points.count - 1] : NULL;
	if (last && last->count < series->bucket_samples) {
		merge_into(last, &point);
		return true;
	}
	if (series->points.count >= limit)
		halve(series);
	return mw_vec_push(&series->points, point);
}

bool mw_series_add_change(struct mw_series *series, size_t limit, uint64_t ns, uint64_t value)
{
	struct mw_point *end = series->points.items + series->points.count;

	if (series->bucket_samples <= 1 && series->points.count >= 2 && end[-1].max == value &&
	    end[-2].max == value) {
		end[-1].ns = ns;
		return true;
	}
	return mw_series_add(series, limit, ns, value, 0);
}
