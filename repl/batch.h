// SPDX-License-Identifier: MIT
#ifndef MW_REPL_BATCH_H
#define MW_REPL_BATCH_H

#include "repl/options.h"

/**
 * Runs a session without a prompt: arms, runs the scripts, waits for the end, sums up.
 *
 * @return the exit code.
 */
int mw_batch_run(const struct mw_options *options);

#endif
