// SPDX-License-Identifier: MIT
/** Signals that end or resize a session, as bytes in a pipe that poll() can wait for. */
#ifndef MW_REPL_SIGNALS_H
#define MW_REPL_SIGNALS_H

#include "base/compiler.h"

/**
 * Catches SIGINT, SIGTERM, SIGHUP (unless ignored: nohup), SIGWINCH, and SIGPIPE to no effect.
 * Handlers, not masks or SIG_IGN: a launched command must not inherit either.
 *
 * @param ret_fd becomes readable when a signal came; owned by the caller.
 */
struct mw_error *mw_signals_catch(int *ret_fd) MW_MUST_CHECK;

/**
 * Puts the default actions back, but for SIGPIPE: a closed pipe stays an error of its writer.
 * Closes @fd. -1 is fine.
 */
void mw_signals_release(int fd);

/** @return the next signal that came, 0 for none. */
int mw_signals_next(int fd);

#endif
