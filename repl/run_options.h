// SPDX-License-Identifier: MIT
#ifndef MW_REPL_RUN_OPTIONS_H
#define MW_REPL_RUN_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "profiler/supervise.h"

/** What `memwatch run` was asked for. */
struct mw_run_options {
	struct mw_job_settings job;
	struct mw_supervise_settings supervise;
	regex_t include;
	regex_t exclude;
	/** The command with a NULL at the end; empty with a pid. */
	char **argv;
	bool json;
	/* Paths, NULL where nothing is wanted; no path for --json means stdout. */
	const char *json_path;
	const char *csv_path;
	const char *timeline_path;
	const char *series_path;
	bool csv_comments;
	bool quiet;
	/** The command's own output goes nowhere. */
	bool silent;
	bool live;
	bool list_all;
	bool help;
	const char *post_run_command;
	/** Replaces 10 and 11; -1 when they stay. */
	int limit_exit;
	bool fail_on_leak;
	unsigned runs;
};

/** Parses the words behind `memwatch run`. Nothing is kept of a failed parse. */
struct mw_error *mw_run_options_parse(int argc, char **argv,
				      struct mw_run_options *ret) MW_MUST_CHECK;
void mw_run_options_deinit(struct mw_run_options *options);

/** Writes the usage text, from the table the parser reads. */
void mw_run_options_help(FILE *file);

#endif
