// SPDX-License-Identifier: MIT
/** Reports for tests, written as text. */
#ifndef MW_TESTS_REPORT_SAMPLES_H
#define MW_TESTS_REPORT_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "profiler/report_read.h"

#define assert_ok(expression)                                                                      \
	do {                                                                                       \
		struct mw_error *ok_err = (expression);                                            \
		if (ok_err)                                                                        \
			fail_msg("%s: %s", #expression, ok_err->message);                          \
	} while (0)

/** Fails unless @expression gives an error whose message has @part in it. */
#define assert_error(expression, part)                                                             \
	do {                                                                                       \
		struct mw_error *bad_err = (expression);                                           \
		if (!bad_err) {                                                                    \
			fail_msg("%s succeeded", #expression);                                     \
			break;                                                                     \
		}                                                                                  \
		if (!strstr(bad_err->message, part))                                               \
			fail_msg("'%s' doesn't say '%s'", bad_err->message, part);                 \
		mw_error_destroy(bad_err);                                                         \
	} while (0)

/** Appends the runs in @text to @list. */
static inline void sample_add(struct mw_saved_list *list, const char *text)
{
	assert_ok(mw_saved_parse("sample", text, strlen(text), list));
}

/** A run of memwatch with one process, as small as a report can be. */
static inline void sample_add_run(struct mw_saved_list *list, unsigned int total_kib,
				  unsigned int process_kib, double seconds)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"schema_version\": 1, \"command\": [\"job\"], \"duration_seconds\": %f, "
		 "\"max_total_rss_kib\": %u, \"group_by\": \"command\", \"groups\": [{\"name\": "
		 "\"cc1\", \"processes\": 1, \"max_rss_kib\": %u, \"peak_total_rss_kib\": %u}], "
		 "\"processes\": [{\"pid\": 7, \"command\": \"/usr/bin/cc1 a.c\", \"name\": "
		 "\"cc1\", \"max_rss_kib\": %u}]}",
		 seconds, total_kib, process_kib, process_kib, process_kib);
	sample_add(list, text);
}

#endif
