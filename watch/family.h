// SPDX-License-Identifier: MIT
/**
 * The sessions of a target and of its children that are followed, one a process: what they share,
 * and how they come and go. A child's session lives in a thread of its own: its analyst, which
 * arms the watches before the child has run, and buries the session in the end.
 */
#ifndef MW_WATCH_FAMILY_H
#define MW_WATCH_FAMILY_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/vec.h"
#include "tracer/tracer.h"
#include "watch/session.h"

/** Processes that have ended are remembered up to here, and counted beyond. */
#define MW_FAMILY_REMEMBERED 1000

/** The symbols of one program, which forked processes have in common. */
struct mw_image {
	unsigned users;
	struct mw_symbols *symbols;
};

struct mw_family {
	/** The target's own session. */
	struct mw_session *root;
	/**
	 * Guards everything in all sessions. Never held while a tracer is asked for something,
	 * because the tracer may be waiting for an analyst, who needs it.
	 */
	pthread_mutex_t lock;
	/** Only changed before the first watch. */
	MW_VEC(struct mw_sink) sinks;
	/** Of the last event of them all. */
	uint64_t last_seq;
	/** What has become of children, and what they had counted. */
	MW_VEC(struct mw_process_info) ended;
	size_t ended_count;
	struct mw_stats ended_stats;

	/** All are let go: sinks that block are not waited for. */
	_Atomic bool leaving;
	/** Guards all below, and is never held for long: `lock` may be, by who writes. */
	pthread_mutex_t list_lock;
	/** Told when a child is born or has left. */
	pthread_cond_t changed;
	MW_VEC(struct mw_session *) children;
	/** The parents of children that have no session yet. */
	MW_VEC(pid_t) births;
};

struct mw_error *mw_family_create(struct mw_session *root, struct mw_family **ret) MW_MUST_CHECK;
void mw_family_destroy(struct mw_family *family);

/** A process's session; the root's when there is none. */
struct mw_session *mw_family_find(struct mw_family *family, pid_t pid);
/** The child can be found from now on. @return mw_err_gone when all are let go. */
struct mw_error *mw_family_enlist(struct mw_session *child) MW_MUST_CHECK;
/** Counts what it has seen to what those have seen that are no more. Its tracer may go then. */
void mw_family_remember(struct mw_session *child);
/** The last: the family may be gone afterwards. */
void mw_family_strike_out(struct mw_session *child);
/** A child of that process has its session, or none. */
void mw_family_end_birth(struct mw_family *family, pid_t parent);
/** Waits until all children that the process has made so far have copied what they need of it. */
void mw_family_await_births(struct mw_session *parent);

/** From now on all children are let go. Doesn't wait for anybody. */
void mw_family_leave(struct mw_family *family);
/** Waits until they are gone. */
void mw_family_await_end(struct mw_family *family);
/** Interrupts analysts that are stuck in a sink. */
void mw_family_poke(struct mw_family *family);

/* child.c */

/** A tracer's thread: takes a child, which gets a session in a thread of its own. */
bool mw_family_take(void *family, const struct mw_child *child);
/** The child's own thread: nothing in it is watched any more. */
void mw_family_let_go(struct mw_session *child);

/* What shares symbols. */

/** Locks the family, for use of this session's symbols as well. */
void mw_session_lock(struct mw_session *session);
void mw_session_unlock(struct mw_session *session);
/** The session is locked: it uses @image (may be NULL) in place of what it used. */
void mw_session_use_image(struct mw_session *session, struct mw_image *image);
void mw_session_forget_image(struct mw_session *session);

#endif
