// SPDX-License-Identifier: MIT
/** Commands from files and from -e: checked as a whole before the first one runs. */
#ifndef MW_REPL_SCRIPT_H
#define MW_REPL_SCRIPT_H

#include "repl/command.h"
#include "repl/options.h"

/** One command, as offsets into the text: there may be a hundred thousand. */
struct mw_script_line {
	size_t command;
	/** The file that it stands in. */
	size_t path;
	/** 0 for the command of a -e, which stands in no file. */
	unsigned number;
};

/** A zeroed script is empty. */
struct mw_script {
	MW_VEC(struct mw_script_line) lines;
	/** Strings one after the other. */
	MW_VEC(char) text;
};

void mw_script_deinit(struct mw_script *script);

/**
 * Appends the commands in the file @path; those of a file it sources take that command's place.
 * Errors start with "FILE:LINE: " and leave @script as it was.
 */
struct mw_error *mw_script_add_file(struct mw_script *script, const char *path) MW_MUST_CHECK;

/** Appends all -x and -e in their order. */
struct mw_error *mw_script_add_requests(struct mw_script *script,
					const struct mw_options *options) MW_MUST_CHECK;

/** Runs the commands until one fails or the session ends. Errors start with their origin. */
struct mw_error *mw_script_run(const struct mw_script *script,
			       struct mw_front *front) MW_MUST_CHECK;

#endif
