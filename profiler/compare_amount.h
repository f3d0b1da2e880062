// SPDX-License-Identifier: MIT
/** Amounts as people write them: 512M, 1.5G, 5%, 90s. */
#ifndef MW_PROFILER_COMPARE_AMOUNT_H
#define MW_PROFILER_COMPARE_AMOUNT_H

#include <stdbool.h>

#include "base/compiler.h"
#include "profiler/report_read.h"

/** How much more is too much. */
struct mw_threshold {
	/** @value is a percentage of the base; otherwise an amount in the metric's unit. */
	bool relative;
	double value;
};

/**
 * "512M", "1.5GiB", "300 kB": K, M, G and T are powers of 1024 as in the rest of memwatch; a bare
 * number is bytes.
 */
struct mw_error *mw_amount_parse_size(const char *text, double *ret_kib) MW_MUST_CHECK;

/** "90s", "500ms", "2m", "1h"; a bare number is seconds. */
struct mw_error *mw_amount_parse_duration(const char *text, double *ret_seconds) MW_MUST_CHECK;

/** A whole number that isn't negative. */
struct mw_error *mw_amount_parse_count(const char *text, double *ret) MW_MUST_CHECK;

/** "5%" or a size with its unit. */
struct mw_error *mw_threshold_parse(const char *text, struct mw_threshold *ret) MW_MUST_CHECK;

/** True when @candidate is above @base by more than @threshold. */
bool mw_threshold_exceeded(const struct mw_threshold *threshold, double base, double candidate);

/** A short text, returned by value. */
struct mw_amount_text {
	char text[32];
};

/** "1.21 GiB", "3.4 s", "1011"; "-" for NAN. */
struct mw_amount_text mw_amount_format(enum mw_metric_unit unit, double value);

#endif
