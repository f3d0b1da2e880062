// SPDX-License-Identifier: MIT
/**
 * Pages that are written to so often beside what is watched that guarding them slows the target
 * down. What is watched there moves to a debug register, or is polled, until it has cooled down.
 */
#ifndef MW_TRACER_HOT_H
#define MW_TRACER_HOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/target.h"

struct mw_span;
struct mw_tracer;

/** Spans are looked at once for so many stores beside what is watched. */
#define MW_HOT_SAMPLE 1024u
/** Spans that are measured at the same time. */
#define MW_HOT_SLOTS 8u

struct mw_hot {
	struct {
		mw_addr start;
		uint64_t foreign;
		uint64_t since_ns;
	} slots[MW_HOT_SLOTS];
	unsigned next_slot;
	/** What is to move; size 0: nothing. */
	struct mw_range pages;
	uint64_t rate;
	/** Some guards have moved, and when they may go back. */
	unsigned moved;
	uint64_t back_ns;
};

/** One of a thousand stores has hit @span beside what is watched. */
void mw_hot_sample(struct mw_tracer *tracer, const struct mw_span *span);
/** Moves what has become hot, and back what has cooled down. */
void mw_hot_turn(struct mw_tracer *tracer);

#endif
