// SPDX-License-Identifier: MIT
/** One look at all that is polled: what was written to is compared, what differs is reported. */
#ifndef MW_TRACER_LOOK_H
#define MW_TRACER_LOOK_H

#include "base/compiler.h"
#include "tracer/poll.h"

struct mw_guard;
struct mw_tracer;

/** Bytes read from the target at a time. */
#define MW_LOOK_BUFFER (256u << 10)

/** The analyst has handled what the look before found. */
void mw_look(struct mw_tracer *tracer);

/** @return NULL when guard @guard_id isn't polled. */
struct mw_poll_region *mw_look_find(const struct mw_poll *poll, uint32_t guard_id);
/** As above, without looking at all regions. */
const struct mw_poll_region *mw_look_region_of(const struct mw_poll *poll,
					       const struct mw_guard *guard);
void mw_look_forget(struct mw_poll *poll, uint32_t guard_id);

#endif
