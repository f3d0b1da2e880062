// SPDX-License-Identifier: MIT
/**
 * A session: one target, its watches, the analyst that turns hits into changes. Children of the
 * target may be watched along with it; what is asked for, is asked of the target itself. The layer
 * above calls it from one thread (the front); sinks are called from the analyst thread.
 */
#ifndef MW_WATCH_SESSION_H
#define MW_WATCH_SESSION_H

#include <stdio.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/log.h"
#include "watch/change.h"

struct mw_session;

enum mw_overflow {
	/** A full ring holds the target: nothing is lost. */
	MW_OVERFLOW_BLOCK,
	/** A full ring loses hits, counted. */
	MW_OVERFLOW_DROP,
};

/** What a session is told when it is created. */
struct mw_session_options {
	enum mw_backend backend;
	enum mw_overflow overflow;
	/** Hits that fit the ring; 0 for 65,536. */
	uint32_t ring_entries;
	/** Frames of call stack in each event; 0 for none. */
	unsigned stack_depth;
	/** Report same-value stores as events too (--on=write). */
	bool report_silent;
	/** Launch into a process group of its own, so that the terminal's Ctrl-C is ours alone. */
	bool own_process_group;
	/** Watch the target's children as well, and theirs (--follow-fork). */
	bool follow_forks;
	/** Leave system calls alone (--syscalls=off). */
	bool ignore_syscalls;
	/** Time between two looks of the back end poll; 0 for 10 ms. */
	uint64_t poll_window_ns;
	/**
	 * Stores a second beside a watch from which on its page is left to another back end, 0 for
	 * 5,000; and for how long, 0 for 10 s.
	 */
	uint64_t hot_rate;
	uint64_t cool_down_ns;
	/** Copied; its arg must outlive the session. */
	struct mw_log log;
};

enum mw_target_state {
	MW_TARGET_NONE,
	MW_TARGET_RUNNING,
	/** Interrupted by the person: every thread is stopped. */
	MW_TARGET_STOPPED,
	MW_TARGET_EXITED,
	/** Let go by detach. */
	MW_TARGET_DETACHED,
};

/** What a session calls as things happen, from the analyst thread, one at a time, in order. */
struct mw_sink {
	/** A change. @return false to be called no more (the disk is full, the pipe is closed). */
	bool (*change)(void *arg, const struct mw_change *change);
	/** Something to tell the person: "thread 5 exited", "watch 2 ended: its page was unmapped".
	 */
	void (*notice)(void *arg, const char *message);
	/** The target's state changed. */
	void (*state)(void *arg, enum mw_target_state state);
	/** Some changes were given: the only call that may wait for a reader. NULL: none. */
	void (*settle)(void *arg);
	void *arg;
};

struct mw_error *mw_session_create(const struct mw_session_options *options,
				   struct mw_session **ret) MW_MUST_CHECK;
/** Detaches if needed, leaving the target as found; a launched target goes on running. */
void mw_session_destroy(struct mw_session *session);

/** Adds a sink (copied). All sinks are added before the first watch. */
struct mw_error *mw_session_add_sink(struct mw_session *session,
				     const struct mw_sink *sink) MW_MUST_CHECK;

/** Seizes every thread of @pid. The target goes on running. Errors carry the reason. */
struct mw_error *mw_session_attach(struct mw_session *session, pid_t pid) MW_MUST_CHECK;
/** Starts a program (execvp rules) and stops it before main, libraries loaded: state STOPPED. */
struct mw_error *mw_session_launch(struct mw_session *session, char *const argv[]) MW_MUST_CHECK;
/** Lets a stopped target go. */
struct mw_error *mw_session_continue(struct mw_session *session) MW_MUST_CHECK;
/** Stops every thread. */
struct mw_error *mw_session_interrupt(struct mw_session *session) MW_MUST_CHECK;
struct mw_error *mw_session_kill(struct mw_session *session) MW_MUST_CHECK;
/** Restores everything in the target and lets it go. The session can't be used for more. */
struct mw_error *mw_session_detach(struct mw_session *session) MW_MUST_CHECK;

/** What is known of the target. */
struct mw_target_info {
	enum mw_target_state state;
	pid_t pid;
	char name[64];
	bool launched;
	/** waitpid status once state is EXITED and the target was launched by us or its death seen.
	 */
	int wait_status;
	unsigned threads;
};
void mw_session_target(struct mw_session *session, struct mw_target_info *ret);

/** A child of the target, or a child of such a child, that is or was followed. */
struct mw_process_info {
	pid_t pid;
	pid_t parent;
	char name[64];
	enum mw_target_state state;
	/** waitpid status, once state is EXITED. */
	int wait_status;
	uint64_t changes;
	uint64_t silent;
};
/** How many processes beside the target are being watched now. */
size_t mw_session_followed(struct mw_session *session);
/** The vector is the caller's. */
struct mw_process_list {
	struct mw_process_info *items;
	size_t count;
	size_t capacity;
	/** How many more have ended. */
	size_t forgotten;
};
/** Lists those that have ended, in that order, and those that are being watched. */
struct mw_error *mw_session_processes(struct mw_session *session,
				      struct mw_process_list *ret) MW_MUST_CHECK;

/** A descriptor that polls readable whenever the target's state may have changed. */
int mw_session_event_fd(const struct mw_session *session);
/** Makes the descriptor quiet until the next change. */
void mw_session_event_clear(struct mw_session *session);

/** One watch, for lists. Strings are valid until the next call that changes watches. */
struct mw_watch_info {
	unsigned id;
	const char *name;
	const char *expression;
	const char *type_name;
	struct mw_object object;
	bool enabled;
	/** NULL while alive, else why it ended. */
	const char *ended;
	enum mw_backend backend;
	/** One line on how the back end works here: "kernel stores seen" … or "". */
	const char *backend_note;
	/** Pages guarded, 0 for hw. */
	size_t pages;
	/** Events, silent stores, and stores next to the region on its pages. */
	uint64_t changes;
	uint64_t silent;
	uint64_t foreign;
};

/** What to watch, and how. */
struct mw_watch_request {
	const char *expression;
	/** What events call it; NULL for the expression itself. */
	const char *name;
	/** MW_BACKEND_AUTO: the session's choice. */
	enum mw_backend backend;
};

/**
 * Resolves and arms one watch after the other, up to the first that fails. Many take much less time
 * together than one by one.
 *
 * @param armed called for each that is armed, in their order; may be NULL.
 * @param ret_count how many are armed, always set; may be NULL.
 */
struct mw_error *mw_session_watch(struct mw_session *session,
				  const struct mw_watch_request *requests, size_t count,
				  void (*armed)(void *arg, const struct mw_watch_info *watch),
				  void *arg, size_t *ret_count) MW_MUST_CHECK;
struct mw_error *mw_session_unwatch(struct mw_session *session, unsigned id) MW_MUST_CHECK;
struct mw_error *mw_session_enable(struct mw_session *session, unsigned id,
				   bool enabled) MW_MUST_CHECK;
/** Calls @visit for each watch, in order of number. */
void mw_session_watches(struct mw_session *session,
			void (*visit)(void *arg, const struct mw_watch_info *watch), void *arg);

/** Calls @visit for watch @id alone. */
struct mw_error *mw_session_describe(struct mw_session *session, unsigned id,
				     void (*visit)(void *arg, const struct mw_watch_info *watch),
				     void *arg) MW_MUST_CHECK;

/** One row of the ledger: a place that wrote. Strings are valid during the visit. */
struct mw_writer {
	struct mw_place place;
	/** Where it is when there is no function: the address of the store. */
	mw_addr ip;
	/** System call that wrote, or NULL. */
	const char *syscall_name;
	uint64_t changes;
	uint64_t silent;
	uint64_t first_ns;
	uint64_t last_ns;
	/** Distinct thread ids, the first few, and how many in all. */
	pid_t tids[8];
	size_t tid_count;
	const char *last_path;
	const char *last_old;
	const char *last_new;
};

/** Visits the writers of watch @id, most changes first. @return mw_err_not_found without it. */
struct mw_error *mw_session_writers(struct mw_session *session, unsigned id,
				    void (*visit)(void *arg, const struct mw_writer *writer),
				    void *arg) MW_MUST_CHECK;

/** Honest accounting. */
struct mw_stats {
	/** Stores into watched ranges that the tracer saw, and those lost to a full ring. */
	uint64_t hits_seen;
	uint64_t hits_dropped;
	/** Events given to sinks, same-value stores, stores beside the regions on their pages. */
	uint64_t changes;
	uint64_t silent;
	uint64_t foreign;
	/** How the stores were carried out. */
	uint64_t replayed;
	/** Carried out together with an earlier store, without a stop of their own. */
	uint64_t ahead;
	uint64_t emulated;
	uint64_t stepped;
	uint64_t hardware;
	/** Seen by looking: each may stand for any number of stores. */
	uint64_t polled;
	uint64_t syscalls_redirected;
	/** Faults on guarded pages in all. */
	uint64_t faults;
	/** Times the tracer waited for room in the ring. */
	uint64_t ring_waits;
	/** From the watch command to armed, ns, of the last watch; of many at a time, its share. */
	uint64_t last_arm_ns;
	/** Ranges guarded now, and what the tracer keeps for that beside their snapshots, bytes. */
	uint64_t guards;
	uint64_t guard_bytes;
};
/** Of the target and of all that was followed. */
void mw_session_stats(struct mw_session *session, struct mw_stats *ret);

/** Waits until every store carried out before the call has been reported to the sinks. */
void mw_session_sync(struct mw_session *session);

/** Prints the value of an expression, with a newline. */
struct mw_error *mw_session_print(struct mw_session *session, const char *expression,
				  FILE *out) MW_MUST_CHECK;
/**
 * Dumps memory at an expression's address as gdb's x does.
 *
 * @param format one of x d u o t a c s f i-less; @unit 1, 2, 4 or 8 bytes.
 */
struct mw_error *mw_session_examine(struct mw_session *session, const char *expression,
				    unsigned count, char format, unsigned unit,
				    FILE *out) MW_MUST_CHECK;

/** One thread, for lists. */
struct mw_thread_info {
	pid_t tid;
	char name[MW_COMM_SIZE];
	/** "running", "stopped", "in group-stop" … */
	const char *state;
	/** Valid when the target is stopped. */
	struct mw_place place;
	mw_addr ip;
};
struct mw_error *mw_session_threads(struct mw_session *session,
				    void (*visit)(void *arg, const struct mw_thread_info *thread),
				    void *arg) MW_MUST_CHECK;

/** Unwinds a thread of a stopped target; @tid 0 is the main thread. @return frames in @ret_count.
 */
struct mw_error *mw_session_backtrace(struct mw_session *session, pid_t tid, struct mw_frame *ret,
				      size_t max, size_t *ret_count) MW_MUST_CHECK;

/** Loaded modules and completion, as symbols.h has them. */
void mw_session_modules(struct mw_session *session,
			void (*visit)(void *arg, const struct mw_module_info *module), void *arg);
void mw_session_complete(struct mw_session *session, const char *expression,
			 void (*visit)(void *arg, const char *word), void *arg);

#endif
