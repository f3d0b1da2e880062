// SPDX-License-Identifier: MIT
/** The memory of a job over time, by program: what the stacked area of a view shows. */
#ifndef MW_PROFILER_VIEW_SERIES_H
#define MW_PROFILER_VIEW_SERIES_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/vec.h"
#include "profiler/report_read.h"

/** Programs with a band of their own; one more band is for all the others. */
#define MW_VIEW_BANDS 8
#define MW_VIEW_BANDS_MAX (MW_VIEW_BANDS + 1)

/** One moment. It holds until the next one. */
struct mw_view_moment {
	double seconds;
	double kib[MW_VIEW_BANDS_MAX];
};

struct mw_view_series {
	/** Largest peak first; the last one may be "others". Strings belong to the report. */
	const char *bands[MW_VIEW_BANDS_MAX];
	size_t band_count;
	/**
	 * In the order of time, at most about two thousand: of every stretch of time the moment
	 * with the largest total, and the last one.
	 */
	MW_VEC(struct mw_view_moment) moments;
	/** Seconds that the time axis should reach. */
	double duration;
};

/**
 * Sums the series of the processes by program; without them takes the totals of the timeline as
 * one band; without those as well there are no moments.
 */
struct mw_error *mw_view_series_create(const struct mw_saved_report *report,
				       struct mw_view_series *ret) MW_MUST_CHECK;

void mw_view_series_deinit(struct mw_view_series *series);

/** Sum over all bands. */
double mw_view_moment_total(const struct mw_view_series *series,
			    const struct mw_view_moment *moment);

#endif
