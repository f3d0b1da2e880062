// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_SERIES_H
#define MW_PROFILER_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/** One bucket of samples. */
struct mw_point {
	/** Time of the first sample in it. */
	uint64_t ns;
	uint64_t min;
	uint64_t max;
	/** Companions of the largest sample. */
	uint64_t extra;
	uint32_t count;
};

/** Which samples a full series keeps apart: memory stays bounded on week-long jobs. */
struct mw_series {
	MW_VEC(struct mw_point) points;
	/** Samples a bucket takes before the next one begins; doubles when the series is full. */
	uint32_t bucket_samples;
};

void mw_series_deinit(struct mw_series *series);

/**
 * Adds a sample. At @limit points neighbours merge pairwise, keeping the least and the largest.
 *
 * @return false when memory is short.
 */
bool mw_series_add(struct mw_series *series, size_t limit, uint64_t ns, uint64_t value,
		   uint64_t extra);

/** Like mw_series_add(), but a value that stays the same only moves the end of its run. */
bool mw_series_add_change(struct mw_series *series, size_t limit, uint64_t ns, uint64_t value);

#endif
