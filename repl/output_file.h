// SPDX-License-Identifier: MIT
/** A file that is either whole or not there. */
#ifndef MW_REPL_OUTPUT_FILE_H
#define MW_REPL_OUTPUT_FILE_H

#include <stdio.h>

#include "base/compiler.h"

struct mw_output {
	const char *path;
	/** Renamed to @path at the end; NULL for standard output, devices and appending. */
	char *temporary;
	FILE *stream;
};

enum mw_output_mode {
	MW_OUTPUT_REPLACE,
	MW_OUTPUT_APPEND,
};

/** @param path NULL or "-" for standard output. */
struct mw_error *mw_output_open(const char *path, enum mw_output_mode mode,
				struct mw_output *ret) MW_MUST_CHECK;

/** Flushes, closes and puts the file in its place; an error means that it isn't there. */
struct mw_error *mw_output_commit(struct mw_output *output) MW_MUST_CHECK;

/** Closes and removes what mw_output_commit() has not put in its place. */
void mw_output_abandon(struct mw_output *output);

/** Says on standard error what went wrong, in one line: the message may quote a broken file. */
void mw_output_complain(const char *subcommand, const struct mw_error *err);

#endif
