// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_LAUNCH_H
#define MW_PROFILER_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/compiler.h"

/** A child of ours that waits to become the job's command. */
struct mw_launch {
	pid_t pid;
	/** Closed to let it go. */
	int go_fd;
	/** Tells the errno of a failed exec; ends without a word when it succeeded. */
	int error_fd;
};

/** What we changed in ourselves and the command must find as it was. */
struct mw_launch_setup {
	sigset_t mask;
	struct rlimit files;
	struct sigaction on_child;
	/** The one thing it asked to be different: no output. */
	bool silent;
};

/** Forks the child, set up so that the command starts exactly as it would have without us. */
struct mw_error *mw_launch_begin(char *const *argv, const struct mw_launch_setup *setup,
				 struct mw_launch *ret) MW_MUST_CHECK;

/** Lets the child call exec. */
void mw_launch_go(struct mw_launch *launch);

/**
 * Waits up to @timeout_ms for the exec.
 *
 * @param ret_errno 0 when the command runs, else why it could not be started.
 * @return false when nothing is known yet.
 */
bool mw_launch_check(struct mw_launch *launch, int timeout_ms, int *ret_errno);

void mw_launch_deinit(struct mw_launch *launch);

#endif
