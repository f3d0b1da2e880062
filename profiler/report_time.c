// SPDX-License-Identifier: MIT
#include "profiler/report_time.h"

#include <stdio.h>

void mw_time_format(struct timespec time, const char *zone, char ret[MW_TIME_SIZE])
{
	struct tm date;

	gmtime_r(&time.tv_sec, &date);
	snprintf(ret, MW_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09ld%s", date.tm_year + 1900,
		 date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec,
		 time.tv_nsec, zone);
}
