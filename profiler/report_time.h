// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_REPORT_TIME_H
#define MW_PROFILER_REPORT_TIME_H

#include <stddef.h>
#include <time.h>

#define MW_TIME_SIZE 64

/** Formats RFC 3339 in UTC with nanoseconds; @zone is "Z" (JSON) or "+00:00" (CSV). */
void mw_time_format(struct timespec time, const char *zone, char ret[MW_TIME_SIZE]);

#endif
