// SPDX-License-Identifier: MIT
/**
 * A process of its own that outlives memwatch by as long as it takes to put the target right. The
 * dead-man in the target has the first word; the guardian undoes everything else: what is not
 * touched stays guarded otherwise, and the kernel's own stores into it would fail.
 */
#ifndef MW_TRACER_GUARDIAN_H
#define MW_TRACER_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"

/** What the two share: nothing else is needed, the target carries the rest (annex.h). */
struct mw_guardian_page;

struct mw_guardian {
	/** NULL: there is no guardian. */
	struct mw_guardian_page *page;
	/** Its end is the sign of our death. */
	int life;
};

/** Starts it, unless it runs already; the calling thread is the one that traces. */
struct mw_error *mw_guardian_start(struct mw_guardian *guardian) MW_MUST_CHECK;
/** Tells it which process it has to look after; 0: none. */
void mw_guardian_set_target(struct mw_guardian *guardian, pid_t pid);
/** Tells it whether pages of that process are write-protected: then every moment counts. */
void mw_guardian_set_urgent(struct mw_guardian *guardian, bool urgent);
/** It ends. */
void mw_guardian_deinit(struct mw_guardian *guardian);

#endif
