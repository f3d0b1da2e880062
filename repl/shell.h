// SPDX-License-Identifier: MIT
#ifndef MW_REPL_SHELL_H
#define MW_REPL_SHELL_H

#include "repl/options.h"

/**
 * Runs a session by the commands that a person types, or that come down a pipe.
 *
 * @return the exit code.
 */
int mw_shell_run(const struct mw_options *options);

/** Runs attach or launch with its command line: in batch mode or with a prompt. */
int mw_verb_main(enum mw_verb verb, int argc, char **argv);

#endif
