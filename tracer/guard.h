// SPDX-License-Identifier: MIT
/** What a back end is: one table each. */
#ifndef MW_TRACER_GUARD_H
#define MW_TRACER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/hit.h"
#include "tracer/tracer.h"

struct mw_tracer;

/** One guarded range. */
struct mw_guard {
	uint32_t id;
	uint8_t backend;
	/** The back end was not asked for: it may change. */
	bool may_move;
	/** It has changed, and is to change back. */
	bool moved;
	/** The snapshot is kept up by hits already: it isn't read anew. */
	bool keeps_snapshot;
	struct mw_range range;
	/** The watch's copy of the range, range.size bytes. */
	uint8_t *snapshot;
};

#define MW_GUARDS_TOGETHER 128

/** Every thread is stopped during arm, disarm and release. */
struct mw_guard_ops {
	/**
	 * Guards ranges that aren't in the tracer's list yet: all, or on failure none.
	 *
	 * @param count 1, or up to `together`.
	 */
	struct mw_error *(*arm)(struct mw_tracer *tracer, const struct mw_guard *guards,
				size_t count);
	/** Opens a range that is in the list no more. */
	struct mw_error *(*disarm)(struct mw_tracer *tracer, const struct mw_guard *guard);
	/**
	 * The target itself has moved or cut the range, which was @before. NULL when there is
	 * nothing to do.
	 */
	struct mw_error *(*follow)(struct mw_tracer *tracer, const struct mw_guard *guard,
				   struct mw_range before, bool moved);
	void (*describe)(const struct mw_tracer *tracer, const struct mw_guard *guard,
			 struct mw_guard_info *ret);
	/** Takes back all that the back end has done to the target. */
	struct mw_error *(*release)(struct mw_tracer *tracer);
	/** The memory is gone: forgets all guards, touching nothing. */
	void (*forget)(struct mw_tracer *tracer);
	/** arm() sees to the snapshot itself. */
	bool takes_snapshot;
	/** How many arm() takes at a time, at most MW_GUARDS_TOGETHER. */
	size_t together;
};

extern const struct mw_guard_ops mw_guard_page;
extern const struct mw_guard_ops mw_guard_hw;
extern const struct mw_guard_ops mw_guard_uffd;
extern const struct mw_guard_ops mw_guard_poll;

#endif
