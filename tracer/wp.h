// SPDX-License-Identifier: MIT
/**
 * Pages guarded by userfaultfd's write protection: a store waits in the kernel until the tracer,
 * told by a message, has carried it out. While there is such a guard, all pages are guarded so.
 */
#ifndef MW_TRACER_WP_H
#define MW_TRACER_WP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tracer/uffd.h"

struct mw_thread;
struct mw_tracer;
struct uffd_msg;

/** The target has unmapped, moved or given back memory. */
struct mw_wp_event {
	uint8_t kind;
	struct mw_range range;
	mw_addr to;
};

struct mw_wp {
	struct mw_uffd uffd;
	/** Rings when there is a message: the tracer waits for stops, not for descriptors. */
	pthread_t bell;
	/** Tells the bell to end. */
	int quit;
	/** What the target did to its memory, not yet followed. */
	MW_VEC(struct mw_wp_event) events;
	/** Messages came until shortly: the tracer looks for the next one without sleeping. */
	uint64_t hot_until_ns;
};

/** True while pages are guarded this way. */
static inline bool mw_wp_is_on(const struct mw_wp *wp)
{
	return wp->uffd.open;
}

struct mw_error *mw_wp_open(struct mw_tracer *tracer) MW_MUST_CHECK;
/** All pages are open after this. */
void mw_wp_close(struct mw_tracer *tracer);

/** Carries out the stores that wait. @return whether there was one. */
bool mw_wp_serve(struct mw_tracer *tracer);
/** The next message is to be expected within microseconds. */
bool mw_wp_is_hot(const struct mw_tracer *tracer);

/**
 * Waits for an interrupted thread. One that stands inside the kernel at a guarded page stops only
 * when that is open, and is left as it is for now: its `wp_in_kernel` is set.
 */
struct mw_error *mw_wp_await_stop(struct mw_tracer *tracer, struct mw_thread *thread,
				  uint64_t timeout_ns, bool *ret) MW_MUST_CHECK;
/**
 * Waits until a thread has stopped, or stands at a guarded page: for a call, or for longer than
 * @patience_ns.
 */
struct mw_error *mw_wp_await_stop_or_fault(struct mw_tracer *tracer, struct mw_thread *thread,
					   uint64_t timeout_ns, uint64_t patience_ns,
					   bool *ret_stopped) MW_MUST_CHECK;
/** Takes what messages there are. @return whether somebody is to be served. */
bool mw_wp_receive(struct mw_tracer *tracer);
/** Someone whose message is taken waits until its page is open, or until it is interrupted. */
void mw_wp_take_messages(struct mw_tracer *tracer);
/** Every other thread is stopped: lets the kernel finish the stores that it stands at. */
struct mw_error *mw_wp_finish_calls(struct mw_tracer *tracer) MW_MUST_CHECK;

/* wp_events.c */

void mw_wp_note_event(struct mw_tracer *tracer, const struct uffd_msg *message);
/** Ends guards whose memory has gone, and guards again what was given back. */
struct mw_error *mw_wp_follow_events(struct mw_tracer *tracer) MW_MUST_CHECK;

#endif
