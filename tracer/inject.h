// SPDX-License-Identifier: MIT
/**
 * Makes system calls in a stopped tracee. A session: begin, call as often as needed, end. Between
 * them the thread's signals are blocked; afterwards it stands exactly as it was found.
 */
#ifndef MW_TRACER_INJECT_H
#define MW_TRACER_INJECT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/signal_frame.h"
#include "tracer/stop.h"

struct mw_thread;
struct mw_mem;

/** Where injected calls run. */
struct mw_inject_site {
	mw_addr ip;
	/** Where to note, in the tracee, what the thread's own registers are; NULL for nowhere. */
	const struct mw_mem *mem;
	mw_addr session;
	/** The same of a thread whose calls are covered. */
	mw_addr cover;
	/** Room for a siginfo_t. */
	mw_addr siginfo;
};

struct mw_injection {
	struct mw_thread *thread;
	struct mw_inject_site site;
	/** The session is noted in the tracee. */
	mw_addr noted;
	struct user_regs_struct saved_regs;
	uint64_t saved_mask;
	/** What it has now. */
	uint64_t mask;
	/** Gives the thread its own state back should memwatch be killed: mw_inject_cover(). */
	struct mw_signal_frame frame;
	/** The thread has made a call, and no step of its own since. */
	bool behind_call;
	struct mw_stop saved_stop;
	bool saved_handled;
	/** The process was stopped by job control meanwhile. */
	bool left_group_stop;
	/** Signals of the program's own that came between the calls: it gets them afterwards. */
	siginfo_t deferred[4];
	unsigned deferred_count;
};

/**
 * Finds a system call instruction that the process already has: in the vDSO, else in any mapped
 * file. Nothing is written into its text.
 */
struct mw_error *mw_inject_find_syscall(const struct mw_mem *mem, mw_addr *ret) MW_MUST_CHECK;

/**
 * Starts a session in a stopped thread that isn't at the entry of a system call.
 *
 * @param site its ip is as mw_inject_find_syscall() found it.
 */
struct mw_error *mw_inject_begin(struct mw_injection *injection, struct mw_thread *thread,
				 struct mw_inject_site site) MW_MUST_CHECK;

/**
 * The calls that follow are made in such a way that the thread goes on as itself should memwatch be
 * killed: from a signal frame on its stack. For where nothing else would do that.
 *
 * @return false when that can't be done with this thread: nothing has changed.
 */
bool mw_inject_cover(struct mw_injection *injection, const struct mw_signal_frame_site *site);
bool mw_inject_is_covered(const struct mw_injection *injection);

/** The calls that follow run at @site; covered ones needn't. */
void mw_inject_move(struct mw_injection *injection, struct mw_inject_site site);

/**
 * Makes one system call.
 *
 * @param ret what it returned, -errno included.
 */
struct mw_error *mw_inject_call(struct mw_injection *injection, int64_t number,
				const uint64_t args[6], int64_t *ret) MW_MUST_CHECK;

/**
 * Runs one instruction of the thread's own, with its own registers, inside the session.
 *
 * @return NULL also when the instruction faulted: thread->stop says what happened.
 */
struct mw_error *mw_inject_step(struct mw_injection *injection) MW_MUST_CHECK;

/**
 * A thread that is let go by a dying memwatch makes the step again that it has stopped behind: of a
 * stopped thread, between sessions, that is taken away.
 */
void mw_inject_forget_step(struct mw_thread *thread);

/** What the thread's registers are now, is what it will have. */
struct mw_error *mw_inject_adopt_regs(struct mw_injection *injection) MW_MUST_CHECK;

/** Puts the thread back; it is still stopped. Safe when the thread has died. */
void mw_inject_end(struct mw_injection *injection);

#endif
