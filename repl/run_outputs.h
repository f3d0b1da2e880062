// SPDX-License-Identifier: MIT
/** The files a job's report goes to: proven to be writable before the job starts, replaced in one
 * piece, so that a reader never sees half a report. */
#ifndef MW_REPL_RUN_OUTPUTS_H
#define MW_REPL_RUN_OUTPUTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/compiler.h"
#include "profiler/report.h"
#include "repl/run_options.h"

enum mw_run_output_kind {
	MW_RUN_JSON,
	MW_RUN_CSV,
	MW_RUN_TIMELINE,
	MW_RUN_SERIES,
	MW_RUN_OUTPUTS,
};

struct mw_run_output {
	/** With symbolic links followed; "" when it isn't wanted. */
	char path[PATH_MAX];
	/** A device, a pipe, or in a folder that can't be written: written once, at the end. */
	bool in_place;
};

struct mw_run_outputs {
	const struct mw_run_options *options;
	struct mw_run_output files[MW_RUN_OUTPUTS];
	/** The JSON file was made for the post-run command only. */
	bool json_is_temporary;
	/** stdout before the job, to notice that the job wrote there too. */
	struct stat stdout_before;
};

/** Checks every path. */
struct mw_error *mw_run_outputs_init(const struct mw_run_options *options,
				     struct mw_run_outputs *ret) MW_MUST_CHECK;
void mw_run_outputs_deinit(struct mw_run_outputs *outputs);

/** Writes every file. @param final false for a checkpoint, which leaves devices and pipes alone. */
struct mw_error *mw_run_outputs_write(const struct mw_run_outputs *outputs,
				      struct mw_report *const *reports, size_t count,
				      bool final) MW_MUST_CHECK;

/** Writes the JSON report to stdout. @return whether the job has written there too. */
bool mw_run_outputs_stdout(const struct mw_run_outputs *outputs, struct mw_report *const *reports,
			   size_t count);

#endif
