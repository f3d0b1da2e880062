// SPDX-License-Identifier: MIT
/** The values the JSON report is made of. Each returns a new reference. */
#ifndef MW_PROFILER_JSON_VALUES_H
#define MW_PROFILER_JSON_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "profiler/report.h"

/** A string; bytes that are not UTF-8 (command lines hold any) become U+FFFD. */
json_t *mw_json_text(const char *bytes);
/** null for NULL. */
json_t *mw_json_optional_text(const char *bytes);
json_t *mw_json_size(uint64_t value);
/** null when negative: not known. */
json_t *mw_json_optional_size(int64_t value);
/** Rounded to microseconds. */
json_t *mw_json_seconds(double value);
json_t *mw_json_optional_seconds(bool known, double value);
/** RFC 3339 with nanoseconds, for a time of CLOCK_MONOTONIC. */
json_t *mw_json_time(const struct mw_job *job, uint64_t ns);
/** "pid:start_ticks"; null for NULL. */
json_t *mw_json_key(const struct mw_process *process);
json_t *mw_json_command(const struct mw_process *process);

/** One element of "processes". */
json_t *mw_json_process(const struct mw_job *job, const struct mw_process *process);

/* What else the report holds, but for the long arrays. */
json_t *mw_json_argv(const struct mw_report *report);
json_t *mw_json_child_exit(const struct mw_report *report);
json_t *mw_json_completeness(const struct mw_report *report);
json_t *mw_json_filter(const struct mw_report *report);
json_t *mw_json_groups(const struct mw_report *report);
json_t *mw_json_host(void);
json_t *mw_json_leaks(const struct mw_report *report);
json_t *mw_json_left_running(const struct mw_report *report);
json_t *mw_json_limits(const struct mw_report *report);
json_t *mw_json_notes(const struct mw_report *report);
json_t *mw_json_oom(const struct mw_report *report);
json_t *mw_json_peak(const struct mw_report *report);
json_t *mw_json_runs_summary(struct mw_report *const *reports, size_t count);

#endif
