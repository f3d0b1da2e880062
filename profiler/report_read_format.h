// SPDX-License-Identifier: MIT
/** What the readers of the single formats share. */
#ifndef MW_PROFILER_REPORT_READ_FORMAT_H
#define MW_PROFILER_REPORT_READ_FORMAT_H

#include "profiler/report_read.h"

/** Creates a report with every metric unknown. */
struct mw_error *mw_saved_create(const char *path, const char *format,
				 struct mw_saved_report **ret) MW_MUST_CHECK;

void mw_saved_destroy(struct mw_saved_report *report);

/** Appends; takes ownership of @report, also on failure. */
struct mw_error *mw_saved_list_add(struct mw_saved_list *list,
				   struct mw_saved_report *report) MW_MUST_CHECK;

/**
 * Keeps a copy of @size bytes for as long as the report.
 *
 * @return the copy, or NULL when memory is short.
 */
const char *mw_saved_keep(struct mw_saved_report *report, const char *text, size_t size);

/** The program in a command line: the last part of its first word; not NUL-terminated. */
const char *mw_saved_program(const char *command, size_t *ret_size);

/** Our JSON or that of memwatch 0.1. */
struct mw_error *mw_saved_read_job(const char *path, json_t *root,
				   struct mw_saved_list *list) MW_MUST_CHECK;

/** The JSON of `hyperfine --export-json`. */
struct mw_error *mw_saved_read_hyperfine(const char *path, json_t *root,
					 struct mw_saved_list *list) MW_MUST_CHECK;

/** The text of `time -v`. */
struct mw_error *mw_saved_read_time(const char *path, const char *text,
				    struct mw_saved_list *list) MW_MUST_CHECK;

#endif
