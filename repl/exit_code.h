// SPDX-License-Identifier: MIT
#ifndef MW_REPL_EXIT_CODE_H
#define MW_REPL_EXIT_CODE_H

#include <stdio.h>

#include "base/error.h"

/** What memwatch's exit status says. 128 + N: ended by signal N. */
enum mw_exit {
	MW_EXIT_OK = 0,
	/** The watch or a command failed, or the output couldn't be written. */
	MW_EXIT_FAILED = 1,
	MW_EXIT_USAGE = 2,
	/** The kernel or a policy forbids it. */
	MW_EXIT_PERMISSION = 4,
};

/** What an error means once the command line was fine. */
static inline int mw_exit_of_error(const struct mw_error *err)
{
	return err->code == MW_ERROR_PERMISSION ? MW_EXIT_PERMISSION : MW_EXIT_FAILED;
}

/** Prints "memwatch: MESSAGE" to standard error and releases @err. @return @code. */
static inline int mw_exit_report(struct mw_error *err, int code)
{
	fprintf(stderr, "memwatch: %s\n", err->message);
	mw_error_destroy(err);
	return code;
}

#endif
