// SPDX-License-Identifier: MIT
/**
 * The tracers that one thread serves, each of which knows one address space. ptrace goes by
 * threads: a child that the kernel attaches belongs to the thread that traces its parent, and
 * can't be handed to another one without running. So its tracer becomes a member of the same crew.
 */
#ifndef MW_TRACER_CREW_H
#define MW_TRACER_CREW_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/vec.h"
#include "tracer/guardian.h"
#include "tracer/mailbox.h"
#include "tracer/stop.h"

struct mw_tracer;

/** A new task that has stopped ahead of its parent's event, which says whose it is. */
struct mw_stray {
	pid_t tid;
	struct mw_stop stop;
};

struct mw_crew {
	pthread_t thread;
	struct mw_mailbox mailbox;
	bool quit;
	/** Changed by the thread itself. */
	MW_VEC(struct mw_tracer *) members;
	MW_VEC(struct mw_stray) strays;
	/** Guardians of those who have left: starting one takes longer than a short child lives. */
	MW_VEC(struct mw_guardian) guardians;
	/** Another thread of memwatch crashes, and waits for the targets to be let go. */
	_Atomic enum {
		MW_EMERGENCY_NONE,
		MW_EMERGENCY_ASKED,
		MW_EMERGENCY_DONE,
	} emergency;
	/** Threads pinned by bursts, and the timer that looks after them: see burst.c. */
	unsigned pinned;
	timer_t burst_timer;
	cpu_set_t own_home;
};

/** Starts a thread that serves @first. */
struct mw_error *mw_crew_create(struct mw_tracer *first, struct mw_crew **ret) MW_MUST_CHECK;
/** Ends the thread, once there is no member left. */
void mw_crew_destroy(struct mw_crew *crew);

/* On its thread: */

struct mw_error *mw_crew_add(struct mw_crew *crew, struct mw_tracer *tracer) MW_MUST_CHECK;
/** @return whether it was the last one: then the thread ends, and the crew is to be destroyed. */
bool mw_crew_remove(struct mw_crew *crew, struct mw_tracer *tracer);
/** Gives a tracer that has no guardian one that nobody needs, if there is any. */
void mw_crew_lend_guardian(struct mw_crew *crew, struct mw_guardian *ret);
/** Waits for the next stop and handles it, or serves a command. @return false: nobody is left. */
bool mw_crew_turn(struct mw_crew *crew);
/** Handles one stop if there is one. @return whether there was. */
bool mw_crew_poll(struct mw_crew *crew);
/** The parent's event has come. @return whether the child had stopped ahead of it. */
bool mw_crew_claim(struct mw_crew *crew, pid_t tid, struct mw_stop *ret);

#endif
