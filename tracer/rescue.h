// SPDX-License-Identifier: MIT
/** Puts a process right that a memwatch has left guarded: by its annex, or by what its maps show.
 */
#ifndef MW_TRACER_RESCUE_H
#define MW_TRACER_RESCUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

struct mw_tracer;

struct mw_rescue {
	/** Says what would be done, and does nothing. */
	bool dry_run;
	/** Gets one line about each thing done; may be NULL. */
	void (*say)(void *arg, const char *line);
	/** Called when every page is open, before the handlers go; may be NULL. */
	void (*opened)(void *arg);
	void *arg;
	/** How many things were, or would be, put right. */
	size_t done;
};

/**
 * Repairs process @pid, which nobody traces.
 *
 * @param tracer without a target; it has let go of the process afterwards.
 */
struct mw_error *mw_rescue(struct mw_tracer *tracer, pid_t pid,
			   struct mw_rescue *rescue) MW_MUST_CHECK;

#endif
