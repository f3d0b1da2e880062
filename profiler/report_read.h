// SPDX-License-Identifier: MIT
/** Reports of jobs as files: our own, those of memwatch 0.1, GNU time's and hyperfine's. */
#ifndef MW_PROFILER_REPORT_READ_H
#define MW_PROFILER_REPORT_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/vec.h"

/** What can be said about a whole job in one number. */
enum mw_metric {
	MW_METRIC_RSS,
	MW_METRIC_PSS,
	MW_METRIC_CGROUP,
	MW_METRIC_SWAP,
	MW_METRIC_PROCESS,
	MW_METRIC_DURATION,
	MW_METRIC_PROCESSES,
	MW_METRIC_COUNT,
};

enum mw_metric_unit {
	MW_UNIT_KIB,
	MW_UNIT_SECONDS,
	MW_UNIT_COUNT,
};

struct mw_metric_info {
	/** As in options, budgets and JSON: "total_rss". */
	const char *name;
	/** For people: "peak total RSS". */
	const char *label;
	enum mw_metric_unit unit;
	/** Differs between runs of the same job so much that one run says nothing. */
	bool varies;
};

/** Indexed by enum mw_metric. */
extern const struct mw_metric_info mw_metrics[MW_METRIC_COUNT];

/** @return the metric of that name, or MW_METRIC_COUNT. */
enum mw_metric mw_metric_find(const char *name);

#define MW_SAVED_NO_PARENT SIZE_MAX

/** A pebibyte in KiB, some thirty thousand years in seconds: what is more is a broken file. */
#define MW_SAVED_AMOUNT_MAX 1e12

struct mw_saved_process {
	int64_t pid;
	/** Index into the report's processes, or MW_SAVED_NO_PARENT. */
	size_t parent;
	/** The program: the kernel's name, else the last part of the first word of the command. */
	const char *name;
	const char *command;
	/** Path of the executable, or NULL. */
	const char *exe;
	/** Seconds after the start of the job; NAN when not known. */
	double start, end;
	double rss_kib;
	bool exact;
	/** The process as it was read, for what is only passed on; NULL for text formats. */
	const json_t *json;
	/** Array of [seconds, KiB], or NULL. */
	const json_t *points;
};

struct mw_saved_group {
	const char *name;
	/** The larger of the largest sampled sum and the largest process. */
	double kib;
	double processes;
};

/** One run of a job. Strings live as long as the report. */
struct mw_saved_report {
	char *path;
	/** The object of this run in the file; NULL for text formats. */
	json_t *json;
	const char *command;
	/** "memwatch", "memwatch 0.1", "GNU time", "hyperfine". */
	const char *format;
	/** NAN where the file doesn't say. */
	double metrics[MW_METRIC_COUNT];
	/** Owns the strings that are not part of @json. */
	MW_VEC(char *) names;
	MW_VEC(struct mw_saved_process) processes;
	/** As in the file; empty when it has none. */
	MW_VEC(struct mw_saved_group) groups;
	/** "command" or another; NULL when the file has no groups. */
	const char *group_by;
};

/** Several runs, and the order in which they were read. */
struct mw_saved_list {
	MW_VEC(struct mw_saved_report *) reports;
};

/**
 * Reads @path and appends each run in it to @list: one, or those of `run --runs` and hyperfine.
 *
 * @return an error that names the file and what is wrong with it; @list is then as before.
 */
struct mw_error *mw_saved_read(const char *path, struct mw_saved_list *list) MW_MUST_CHECK;

/** The same from memory: @text is what @path contains. */
struct mw_error *mw_saved_parse(const char *path, const char *text, size_t size,
				struct mw_saved_list *list) MW_MUST_CHECK;

void mw_saved_list_deinit(struct mw_saved_list *list);

#endif
