// SPDX-License-Identifier: MIT
/** Ranges that are looked at from time to time, and what stood there at the last look. */
#ifndef MW_TRACER_POLL_H
#define MW_TRACER_POLL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/target.h"
#include "base/vec.h"
#include "tracer/uffd.h"

struct mw_poll_region {
	struct mw_range range;
	/** The watch's copy; the analyst brings it up to date by the hits. */
	uint8_t *snapshot;
	/** Bytes of it that have been filled so far. */
	uint64_t filled;
	/** The furthest end of this and all regions before it. */
	uint64_t reach;
	uint32_t guard_id;
	/** Compared whole at each look: the kernel can't say what was written there. */
	bool compared;
};

struct mw_poll {
	struct mw_uffd uffd;
	/** Why there is none, for the notes; "" when there is. */
	char refusal[80];
	int pagemap;
	bool opened;
	/** Sorted by address, unless `changed`. */
	MW_VEC(struct mw_poll_region) regions;
	bool changed;
	/** A region isn't filled yet. */
	bool filling;
	/** What one scan covers: regions on the same mapping that stand close. */
	MW_VEC(struct mw_range) extents;
	/** The region to be checked next for being mapped. */
	size_t next_check;
	uint8_t *buffer;
	timer_t timer;
	uint64_t due_ns;
	/** Records published when the last look ended: the analyst is to have handled them. */
	uint64_t mark;
};

#endif
