// SPDX-License-Identifier: MIT
/**
 * Signal handlers of ours in the tracee (see annex.h) that put it right should memwatch be killed,
 * and what keeps the program from noticing them: it sees and gets the actions that it has set.
 */
#ifndef MW_TRACER_DEADMAN_H
#define MW_TRACER_DEADMAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/annex.h"

struct mw_tracer;
struct mw_thread;
struct mw_injection;
struct mw_store_target;
struct mw_store_state;

struct mw_deadman {
	/** What the program has set, as far as it is known. */
	struct mw_sigaction own[MW_DEADMAN_SIGNALS];
	/** The kernel has ours instead. */
	bool armed[MW_DEADMAN_SIGNALS];
	/** The target may not have executable memory of ours. */
	bool refused;
	/** It was said that there is none. */
	bool told;
	/** The program may have kept the address of our handler: its page has to stay. */
	bool escaped;
	/** Who is known in the annex as the last to store. */
	pid_t storer;
	/** Whose the annex's records of calls and stores are; 0: free. */
	pid_t record_owners[MW_ANNEX_CALLS];
};

/** Reads what the program has set, as far as that isn't known. */
struct mw_error *mw_deadman_learn(struct mw_tracer *tracer,
				  struct mw_injection *injection) MW_MUST_CHECK;
/** Takes the handling of one signal over. A refusal is told, and no error. */
struct mw_error *mw_deadman_arm(struct mw_tracer *tracer, struct mw_injection *injection,
				enum mw_deadman_signal signal) MW_MUST_CHECK;
/** Should memwatch be killed, a thread that is in an injected call in the annex gets out of it. */
bool mw_deadman_ends_calls(const struct mw_tracer *tracer);
/** Every thread is stopped: arms what every back end needs. Failures are told. */
void mw_deadman_cover(struct mw_tracer *tracer);
/** Every thread is stopped: gives back what no guard needs any more. */
void mw_deadman_settle(struct mw_tracer *tracer);
/** Gives both signals back. */
void mw_deadman_disarm(struct mw_tracer *tracer, struct mw_injection *injection);
/** Gives them back in a fork child, which has handlers of its own. */
void mw_deadman_disarm_copy(const struct mw_tracer *tracer, struct mw_injection *injection);
/** The memory is gone, and the handlers with it. */
void mw_deadman_forget(struct mw_tracer *tracer);

/** The action that the kernel is to have for a signal. */
void mw_deadman_action(const struct mw_tracer *tracer, enum mw_deadman_signal signal,
		       struct mw_sigaction *ret);
/** Sets the kernel's action for a signal to what it is to be. */
struct mw_error *mw_deadman_reinstall(struct mw_tracer *tracer, struct mw_injection *injection,
				      enum mw_deadman_signal signal) MW_MUST_CHECK;

/** A thread is about to make, or has made, an rt_sigaction(). */
struct mw_error *mw_deadman_on_sigaction(struct mw_tracer *tracer,
					 struct mw_thread *thread) MW_MUST_CHECK;
struct mw_error *mw_deadman_after_sigaction(struct mw_tracer *tracer,
					    struct mw_thread *thread) MW_MUST_CHECK;
/** A signal of the program's own is about to be delivered: to the action that it has set. */
struct mw_error *mw_deadman_deliver(struct mw_tracer *tracer,
				    struct mw_thread *thread) MW_MUST_CHECK;

/* deadman_progress.c */

/** The call that the thread is about to make was redirected: it is to return into the annex. */
struct mw_error *mw_deadman_begin_call(struct mw_tracer *tracer,
				       struct mw_thread *thread) MW_MUST_CHECK;
/** The call that the thread is about to make was replaced by one that does nothing. */
struct mw_error *mw_deadman_begin_skip(struct mw_tracer *tracer,
				       struct mw_thread *thread) MW_MUST_CHECK;
/** It has returned: so as if it had returned to where it came from. */
void mw_deadman_end_call(struct mw_thread *thread);
void mw_deadman_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread);
/**
 * A read-modify-write is about to be written for a thread that stands before it.
 *
 * @return whether mw_deadman_end_store() is to follow, once it has its new registers.
 */
bool mw_deadman_begin_store(struct mw_tracer *tracer, struct mw_thread *thread,
			    const struct mw_store_target *target,
			    const struct mw_store_state *after);
void mw_deadman_end_store(struct mw_tracer *tracer, struct mw_thread *thread, bool done);
/** Any other store is about to be written for a thread: it may happen twice, but at once. */
void mw_deadman_note_storer(struct mw_tracer *tracer, const struct mw_thread *thread);
/** Its registers are those behind the exit already: it never goes there. */
void mw_deadman_skip_exit(struct mw_tracer *tracer, struct mw_thread *thread);
/** The next stop of such a thread: if it hasn't passed the exit yet, it has now. */
struct mw_error *mw_deadman_leave_exit(struct mw_tracer *tracer,
				       struct mw_thread *thread) MW_MUST_CHECK;
/** Writes the code of all exits, while it may still be written. */
struct mw_error *mw_deadman_write_exits(struct mw_tracer *tracer) MW_MUST_CHECK;
/** The set of scratch mappings, or of pinned threads, has changed. */
void mw_deadman_note_scratch(struct mw_tracer *tracer);
void mw_deadman_note_pins(struct mw_tracer *tracer);

#endif
