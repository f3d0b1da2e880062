// SPDX-License-Identifier: MIT
/**
 * The tracer: a thread that seizes a process, guards ranges of its memory and writes a record for
 * each store into them. Addresses and bytes only. Functions may be called from any thread, one at
 * a time each waits for the tracer thread; records are read by one thread.
 */
#ifndef MW_TRACER_TRACER_H
#define MW_TRACER_TRACER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/target.h"
#include "tracer/hit.h"

struct mw_tracer;

/** A guard of the parent at the moment of the fork. */
struct mw_inherited_guard {
	uint32_t guard_id;
	struct mw_range range;
};

/** A child with an address space of its own, traced by a tracer of its own. */
struct mw_child {
	struct mw_tracer *tracer;
	pid_t pid;
	pid_t parent;
	/**
	 * It runs up to its entry, where it is told (MW_RECORD_EXEC). Otherwise it is a copy of its
	 * parent, which is STOPPED, and not guarded yet.
	 */
	bool is_new_program;
	/** NULL for a new program. */
	const struct mw_inherited_guard *guards;
	size_t guard_count;
};

struct mw_tracer_options {
	/** Records the ring holds. */
	uint32_t ring_entries;
	/** A full ring loses hits instead of holding the target. */
	bool drop_when_full;
	/** Bytes of stack copied with each hit; 0 for none. */
	uint32_t stack_size;
	/** Don't stop at system calls: those into guarded pages fail. */
	bool ignore_syscalls;
	/** Launch programs into a process group of their own, away from the terminal's signals. */
	bool own_process_group;
	/**
	 * If not NULL, children with an address space of their own get a tracer of their own, and
	 * are handed over; theirs, too. It is called on the tracer's thread, and must not wait for
	 * anybody. The tracer is the callee's to destroy.
	 *
	 * @return false: the child can't be taken, and is let go.
	 */
	bool (*take_child)(void *arg, const struct mw_child *child);
	void *take_child_arg;
	/** Time between two looks of the back end poll; 0 for 10 ms. */
	uint64_t poll_window_ns;
	/**
	 * Stores a second beside what is watched from which on its pages are left to another back
	 * end, 0 for 5,000; and for how long, 0 for 10 s.
	 */
	uint64_t hot_rate;
	uint64_t cool_down_ns;
	struct mw_log log;
};

/** What a record tells. */
enum mw_record_kind {
	MW_RECORD_HIT,
	/** The target's state changed: `state`, and `status` when it ended. */
	MW_RECORD_STATE,
	/** Guard `guard_id` ended, by the target (`text` says why) or by a detach (no text). */
	MW_RECORD_GUARD_ENDED,
	/** As ended, because the memory itself is gone: worth telling. */
	MW_RECORD_GUARD_LOST,
	/** The guard's memory, and the guard with it, moved by `moved_by` bytes (mremap). */
	MW_RECORD_GUARD_MOVED,
	/** The target has a new image; all guards have ended. It is stopped before its main. */
	MW_RECORD_EXEC,
	/** Guard `guard_id` works by back end `backend` from here on. */
	MW_RECORD_GUARD_BACKEND,
	/** Something to tell the person. */
	MW_RECORD_NOTICE,
};

enum mw_tracee_state {
	MW_TRACEE_NONE,
	MW_TRACEE_RUNNING,
	MW_TRACEE_STOPPED,
	MW_TRACEE_EXITED,
	MW_TRACEE_DETACHED,
};

struct mw_record {
	uint32_t kind;
	uint32_t state;
	/** How the process ended, as waitpid() says it. */
	int32_t status;
	uint32_t guard_id;
	uint32_t backend;
	/** Of the guard that ended: stores into its pages, but into no watched range; and its
	 * pages. */
	uint64_t foreign;
	uint64_t pages;
	/** Added to its address. */
	uint64_t moved_by;
	union {
		struct mw_hit hit;
		char text[160];
	};
};

struct mw_error *mw_tracer_create(const struct mw_tracer_options *options,
				  struct mw_tracer **ret) MW_MUST_CHECK;
/** Detaches if needed. NULL is fine. */
void mw_tracer_destroy(struct mw_tracer *tracer);

struct mw_error *mw_tracer_attach(struct mw_tracer *tracer, pid_t pid) MW_MUST_CHECK;
/** Starts @argv (execvp rules) and stops it where its libraries are loaded and main isn't run. */
struct mw_error *mw_tracer_launch(struct mw_tracer *tracer, char *const argv[],
				  pid_t *ret) MW_MUST_CHECK;
struct mw_error *mw_tracer_continue(struct mw_tracer *tracer) MW_MUST_CHECK;
struct mw_error *mw_tracer_interrupt(struct mw_tracer *tracer) MW_MUST_CHECK;
struct mw_error *mw_tracer_kill(struct mw_tracer *tracer) MW_MUST_CHECK;
/** Takes everything back that was done to the target, and lets it go as it was found. */
struct mw_error *mw_tracer_detach(struct mw_tracer *tracer) MW_MUST_CHECK;

/** Any thread: the target is about to be let go. From now on a full ring doesn't hold it. */
void mw_tracer_leave(struct mw_tracer *tracer);

/** What a guard's owner keeps of it: filled before the guard's first hit is written. */
struct mw_guard_handle {
	/** Its number; 0 when there is none. */
	_Atomic uint32_t id;
	/** An enum mw_backend. */
	_Atomic uint32_t backend;
	/** The number of the last hit before it was armed: later ones are this guard's. */
	_Atomic uint64_t armed_after;
};

/** What to guard. */
struct mw_guard_request {
	struct mw_range range;
	/** What to try, best first: each any but MW_BACKEND_AUTO. */
	enum mw_backend backends[MW_BACKEND_COUNT];
	size_t backend_count;
	/** It may be changed while its page is hot. */
	bool may_move;
	/**
	 * Filled with the range.size bytes that stand there at the moment of arming. While it is
	 * polled it has to be kept, and brought up to date by its hits: it is what the next look
	 * compares with. What is polled and large is filled while the target runs.
	 */
	void *snapshot;
	struct mw_guard_handle *handle;
	/** Why the first back end doesn't work where a later one does; NULL, or the caller's. */
	struct mw_error *refusal;
};

/** What the tracer knows of a guard. */
struct mw_guard_info {
	enum mw_backend backend;
	size_t pages;
	/** Stores into the guard's pages, but into no watched range. */
	uint64_t foreign;
	/** One clause about how the back end works here; "" if there is nothing to say. */
	char note[160];
};

/**
 * Guards one range after the other, up to the first that no back end can guard: the first back
 * end's reason is the error. The target stands for a few milliseconds at a time, not for all of it.
 *
 * @param ret_count how many are guarded, always set.
 */
struct mw_error *mw_tracer_guard(struct mw_tracer *tracer, struct mw_guard_request *requests,
				 size_t count, size_t *ret_count) MW_MUST_CHECK;
/** @return mw_err_not_found when it has ended already. */
struct mw_error *mw_tracer_unguard(struct mw_tracer *tracer, uint32_t guard_id) MW_MUST_CHECK;
/**
 * What is known of many guards, by one question to the tracer thread.
 *
 * @param ret of a guard that has ended already, or of number 0, it stays as it is.
 */
struct mw_error *mw_tracer_guard_infos(struct mw_tracer *tracer, const uint32_t *guard_ids,
				       size_t count, struct mw_guard_info *ret) MW_MUST_CHECK;

/** Reader thread: the oldest record, or NULL after @timeout_ns without one. */
const struct mw_record *mw_tracer_next(struct mw_tracer *tracer, uint64_t timeout_ns);
/** Reader thread: done with the record that mw_tracer_next() gave. */
void mw_tracer_release(struct mw_tracer *tracer);
/** Ends the reader's wait. */
void mw_tracer_wake_reader(struct mw_tracer *tracer);
/** Records written so far, and those the reader has released. */
void mw_tracer_progress(struct mw_tracer *tracer, uint64_t *ret_written, uint64_t *ret_released);

/** Reads the target's memory; any thread, also while the target runs. */
struct mw_mem_reader mw_tracer_reader(struct mw_tracer *tracer);

/** Counters; each is exact, together they are a snapshot only when the target is stopped. */
struct mw_tracer_stats {
	_Atomic uint64_t faults;
	_Atomic uint64_t hits;
	_Atomic uint64_t dropped;
	_Atomic uint64_t foreign;
	_Atomic uint64_t replayed;
	/** Carried out together with an earlier store, without a stop. */
	_Atomic uint64_t ahead;
	_Atomic uint64_t emulated;
	_Atomic uint64_t stepped;
	_Atomic uint64_t hardware;
	_Atomic uint64_t polled;
	_Atomic uint64_t syscalls_redirected;
	_Atomic uint64_t ring_waits;
	_Atomic uint64_t bursts;
	/** Ranges that are guarded now, and the bytes that the tracer keeps for that. */
	_Atomic uint64_t guards;
	_Atomic uint64_t guard_bytes;
};
const struct mw_tracer_stats *mw_tracer_stats(const struct mw_tracer *tracer);

/** One thread of the target. */
struct mw_tracee_info {
	pid_t tid;
	char name[MW_COMM_SIZE];
	/** "running", "stopped", "in group-stop". */
	const char *state;
	/** Valid when stopped: count is 0 otherwise. */
	struct mw_regs regs;
};
/** Lists the threads. @param ret heap array owned by the caller. */
struct mw_error *mw_tracer_threads(struct mw_tracer *tracer, struct mw_tracee_info **ret,
				   size_t *ret_count) MW_MUST_CHECK;

#endif
