// SPDX-License-Identifier: MIT
/** How many change reports a terminal gets: a token bucket. Pure; times are passed in. */
#ifndef MW_REPL_LIMITER_H
#define MW_REPL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/** Reports a second that a person can still follow scrolling by. */
#define MW_LIMITER_RATE 50
/** Between two "… more changes" lines, ns. */
#define MW_LIMITER_PERIOD_NS 500000000u

struct mw_limiter {
	/** Reports a second, also the longest burst; 0 lets everything through. */
	unsigned rate;
	/** Time up to which reports are paid for, ns. */
	uint64_t paid_ns;
	/** Reports held back since the last mw_limiter_collect(). */
	uint64_t held;
	uint64_t collected_ns;
};

/** @return true when a report may be shown at @now_ns; else it is counted as held back. */
bool mw_limiter_take(struct mw_limiter *limiter, uint64_t now_ns);

/** @return how many reports to announce as held back, 0 when it isn't time yet. */
uint64_t mw_limiter_collect(struct mw_limiter *limiter, uint64_t now_ns);

#endif
