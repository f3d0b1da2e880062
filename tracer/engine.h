// SPDX-License-Identifier: MIT
/**
 * The inside of the tracer, shared by the files of this folder. Everything here runs on the tracer
 * thread, and nothing on the way of a hit allocates, resolves a name or prints.
 */
#ifndef MW_TRACER_ENGINE_H
#define MW_TRACER_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/intmap.h"
#include "base/procmaps.h"
#include "base/vec.h"
#include "tracer/ahead.h"
#include "tracer/annex.h"
#include "tracer/arch.h"
#include "tracer/crew.h"
#include "tracer/deadman.h"
#include "tracer/guard.h"
#include "tracer/guardian.h"
#include "tracer/hot.h"
#include "tracer/inject.h"
#include "tracer/mem.h"
#include "tracer/poll.h"
#include "tracer/ring.h"
#include "tracer/spans.h"
#include "tracer/store.h"
#include "tracer/thread.h"
#include "tracer/tracer.h"
#include "tracer/wp.h"

/** One debug register, the same in every thread. */
struct mw_hw_slot {
	/** Size 0: free. */
	struct mw_range range;
	uint32_t guard_id;
	/** What stood there when last looked. */
	uint8_t shadow[8];
	/** At the last look something else stood there: this. */
	bool differs;
	uint8_t seen[8];
};

/** The perf events of one thread, one a slot; -1 for none. */
struct mw_hw_events {
	pid_t tid;
	int fds[MW_ARCH_DEBUG_SLOTS];
};

struct mw_hw {
	struct mw_hw_slot slots[MW_ARCH_DEBUG_SLOTS];
	MW_VEC(struct mw_hw_events) events;
	/** perf_event_open() is refused: ptrace's debug registers instead. */
	bool by_ptrace;
	/** perf_event_open() may watch the kernel's stores as well. */
	bool sees_kernel;
	/** When it is looked at next, see hw_look.c; 0: not yet begun. */
	uint64_t due_ns;
	timer_t timer;
	bool has_timer;
};

/** A breakpoint at the program's entry: libraries are loaded, main hasn't run. */
struct mw_entry {
	mw_addr addr;
	uint8_t saved[8];
	bool set;
	/** The target stands there, and is held. */
	bool reached;
	/** Somebody waits for that; otherwise it is told to the analyst. */
	bool launching;
};

/** Most pages that one stepped instruction may store to; a scatter has sixteen elements. */
#define MW_STEP_PAGES 32

/** Decoded stores by address; direct-mapped. */
#define MW_STORE_CACHE_SLOTS 1024

struct mw_store_cache_slot {
	mw_addr ip;
	/** Value of text_generation for which the bytes can't have changed; 0: compare them. */
	uint64_t generation;
	struct mw_store store;
};

struct mw_tracer {
	struct mw_tracer_options options;
	/** It and the tracers beside it have one thread. */
	struct mw_crew *crew;
	struct mw_ring *ring;
	struct mw_tracer_stats stats;
	/** A detach is asked for: a full ring must not hold the tracer any more. */
	_Atomic bool leaving;

	pid_t pid;
	enum mw_tracee_state state;
	struct mw_mem mem;
	/** A system call instruction of the tracee, and the one that was there before the annex. */
	struct mw_inject_site syscall_ip;
	struct mw_inject_site plain_syscall_ip;
	/** struct mw_thread by tid, and how many of them are stashed. */
	struct mw_intmap threads;
	size_t stashed;
	/** Stopped threads stay stopped: the person interrupted, or the entry is reached. */
	bool hold;
	struct mw_entry entry;

	MW_VEC(struct mw_guard) guards;
	uint32_t last_guard_id;
	/** Write-protected pages, and the watched bytes on them. */
	struct mw_spans pages;
	struct mw_spans watched;
	/** Threads stop at system calls. */
	bool trace_syscalls;
	struct mw_hw hw;
	struct mw_poll poll;
	struct mw_wp wp;
	struct mw_hot hot;
	/** A page that somebody who isn't traced waits for; NULL: nobody does. */
	mw_addr wp_stranger;
	/** Memory of ours in the tracee, see annex.h; size 0: none. */
	struct mw_range annex;
	/** The part of it that is mapped here as well; NULL: none. */
	struct mw_annex_progress *progress;
	/** Which of the annex's two tables of spans is valid. */
	uint64_t annex_table;
	struct mw_deadman deadman;
	struct mw_guardian guardian;
	/** Scratch memory in the tracee that no living thread uses. */
	MW_VEC(struct mw_range) spare_scratch;

	struct mw_replayer *replayer;
	struct mw_store_cache_slot *cache;
	struct mw_ahead *ahead;
	/** Counts the system calls that may put other text under an address; starts at 1. */
	uint64_t text_generation;
	uint8_t *xstate;
	uint8_t old_bytes[MW_STORE_MAX];
	uint8_t new_bytes[MW_STORE_MAX];
	/** The pages that a stepped store opened, as they were: MW_STEP_PAGES pages. */
	uint8_t *step_bytes;
	uint64_t seq;
};

/* tracer.c */

/** A tracer for another address space, with the same options and on the same thread. */
struct mw_error *mw_engine_create_beside(struct mw_tracer *tracer,
					 struct mw_tracer **ret) MW_MUST_CHECK;
/** Takes that back; it has no thread yet, or no more. */
void mw_engine_discard(struct mw_tracer *tracer);

/* follow.c */

/**
 * A child, in a stop of its own, has another address space, which is a copy of its parent's or new:
 * gives it a tracer of its own, and hands that over.
 *
 * @return whether it has one; then @thread is gone. Otherwise it is to be let go.
 */
bool mw_engine_follow(struct mw_tracer *parent, struct mw_thread *thread, bool is_new_program);

/* threads.c: the set of threads. */

struct mw_thread *mw_engine_thread(const struct mw_tracer *tracer, pid_t tid);
struct mw_error *mw_engine_add_thread(struct mw_tracer *tracer, pid_t tid, pid_t tgid,
				      struct mw_thread **ret) MW_MUST_CHECK;
void mw_engine_remove_thread(struct mw_tracer *tracer, struct mw_thread *thread);
/** Lets a stopped thread go on as the tracer's state asks for. */
struct mw_error *mw_engine_resume(struct mw_tracer *tracer, struct mw_thread *thread,
				  int signal) MW_MUST_CHECK;
/** Keeps a stop for later; mw_engine_take_stash() finds it again. */
void mw_engine_stash(struct mw_tracer *tracer, struct mw_thread *thread);
/** @return a thread whose stop was stashed, or NULL. */
struct mw_thread *mw_engine_take_stash(struct mw_tracer *tracer);
/**
 * Stops every thread but @except (may be NULL). Stops that mean more than "interrupted" are
 * stashed. Threads waiting for a vfork child count as stopped.
 */
struct mw_error *mw_engine_stop_all(struct mw_tracer *tracer,
				    const struct mw_thread *except) MW_MUST_CHECK;
/**
 * Undoes mw_engine_stop_all(): resumes all but @except (may be NULL) and what is stashed, unless
 * the target is held.
 */
struct mw_error *mw_engine_resume_all(struct mw_tracer *tracer,
				      const struct mw_thread *except) MW_MUST_CHECK;
/** As stop_all, but lets every stashed stop be handled first, so that nothing is in flight. */
struct mw_error *mw_engine_quiesce(struct mw_tracer *tracer) MW_MUST_CHECK;
/** With all threads stopped: one that can run injected calls. */
struct mw_error *mw_engine_borrow(struct mw_tracer *tracer, struct mw_thread **ret) MW_MUST_CHECK;
/**
 * Every thread is stopped, and may run for a moment: until one can make calls from a signal frame,
 * which one in a handler on a stack of its own can't. For a while only, as it may be that none can.
 */
struct mw_error *mw_engine_await_cover(struct mw_tracer *tracer) MW_MUST_CHECK;
/** Borrows one and starts a session in it, to be ended with mw_inject_end(). */
struct mw_error *mw_engine_inject(struct mw_tracer *tracer, struct mw_injection *ret) MW_MUST_CHECK;
/** The same for a session in which what ends half-done calls is given up. */
struct mw_error *mw_engine_inject_last(struct mw_tracer *tracer,
				       struct mw_injection *ret) MW_MUST_CHECK;

/* events.c: what each stop leads to. */

/** Handles the stop that @thread is in. */
struct mw_error *mw_engine_dispatch(struct mw_tracer *tracer,
				    struct mw_thread *thread) MW_MUST_CHECK;
/**
 * If our interruption has just made a call of this thread return EINTR: stands it on the call
 * again, unless a signal of the program's own is on its way.
 */
struct mw_error *mw_engine_repeat_call(struct mw_thread *thread) MW_MUST_CHECK;
/** What goes wrong in the loop has nobody to return to: it is said, and the loop goes on. */
void mw_engine_tell(struct mw_tracer *tracer, struct mw_error *err);

/* withdraw.c */

/**
 * The signal that @thread stopped with could not be handled. If memwatch has brought it about,
 * takes away what did, so that the thread can go on without it.
 *
 * @return false: the thread is to get the signal.
 */
bool mw_engine_withdraw(struct mw_tracer *tracer, struct mw_thread *thread);

/* records.c: to the analyst. */

/**
 * Writes a hit whose bytes are @old and @new. Never fails: a full ring waits or drops.
 *
 * @param thread NULL when nobody knows who stored.
 */
void mw_engine_emit(struct mw_tracer *tracer, struct mw_thread *thread, struct mw_hit *hit,
		    const uint8_t *old_bytes, const uint8_t *new_bytes);
void mw_engine_emit_state(struct mw_tracer *tracer, enum mw_tracee_state state, int status);
void mw_engine_emit_notice(struct mw_tracer *tracer, const char *format, ...) MW_PRINTF(2, 3);
/**
 * @param kind MW_RECORD_GUARD_ENDED or MW_RECORD_GUARD_LOST.
 * @param why "" when a detach ends it.
 */
void mw_engine_emit_guard_ended(struct mw_tracer *tracer, enum mw_record_kind kind,
				uint32_t guard_id, const char *why);
void mw_engine_emit_guard_moved(struct mw_tracer *tracer, uint32_t guard_id, uint64_t moved_by);
void mw_engine_emit_guard_backend(struct mw_tracer *tracer, const struct mw_guard *guard);
void mw_engine_emit_exec(struct mw_tracer *tracer);
/** Reports a finished store: a hit if it touched a watched byte, else a foreign one. */
void mw_engine_report_store(struct mw_tracer *tracer, struct mw_thread *thread, struct mw_hit *hit,
			    const uint8_t *old_bytes, const uint8_t *new_bytes);

/* fault.c, step.c: a store into a guarded page. */

/** True for a write fault on a page that we protected; @ip is the instruction's. */
bool mw_engine_fault_is_ours(const struct mw_tracer *tracer, const siginfo_t *info, mw_addr ip);
/** Decodes the store at @ip. @return NULL when there is none. */
const struct mw_store *mw_engine_decode(struct mw_tracer *tracer, mw_addr ip);
/** The same where the @size bytes at @ip have been read already. */
const struct mw_store *mw_engine_decode_bytes(struct mw_tracer *tracer, mw_addr ip,
					      const uint8_t *code, size_t size);
/**
 * Whether all that the store may write with @regs lies on guarded pages; no, when that can't be
 * told without the extended state.
 */
bool mw_engine_is_guarded(const struct mw_tracer *tracer, const struct mw_store *store,
			  const struct user_regs_struct *regs, struct mw_store_target *ret);

/** Where the store will write, as far as decoding tells; size 0 when it doesn't. */
struct mw_store_target mw_engine_locate(struct mw_tracer *tracer, struct mw_thread *thread);

/**
 * Carries out the store that @thread stands at; its registers have been read.
 *
 * @param ret_must_step it can't be: the instruction has to run by itself.
 */
struct mw_error *mw_engine_carry_out(struct mw_tracer *tracer, struct mw_thread *thread,
				     bool *ret_must_step) MW_MUST_CHECK;
/** Carries out the store that faulted, if the fault is ours. @param ret whether it was. */
struct mw_error *mw_engine_handle_fault(struct mw_tracer *tracer, struct mw_thread *thread,
					const siginfo_t *info, bool *ret) MW_MUST_CHECK;
/**
 * The last resort: every other thread stops, the pages open, the thread makes one step.
 *
 * @param fault the address it faulted at.
 * @param ret_done false when the instruction ended in a signal of the program's own instead, which
 *        thread->stop then is.
 */
struct mw_error *mw_engine_step_store(struct mw_tracer *tracer, struct mw_thread *thread,
				      mw_addr fault, bool *ret_done) MW_MUST_CHECK;

/* guard_page.c: struct mw_guard_ops mw_guard_page. */

/** Fails with the reason when a page isn't mapped, or isn't writable but for our guards. */
struct mw_error *mw_page_check_writable(const struct mw_tracer *tracer,
					const struct mw_procmaps *maps,
					struct mw_range pages) MW_MUST_CHECK;
/**
 * Fails with the reason when one of @pages can't be guarded, or all of them are too many; @maps are
 * those of mw_page_read_maps().
 */
struct mw_error *mw_page_check(const struct mw_tracer *tracer, const struct mw_procmaps *maps,
			       const struct mw_range pages[], size_t count) MW_MUST_CHECK;
/** Reads the mappings of @pages and of the stacks; of each thread where its stack is now. */
struct mw_error *mw_page_read_maps(const struct mw_tracer *tracer, const struct mw_range pages[],
				   size_t count, struct mw_procmaps *ret) MW_MUST_CHECK;
/** Guards the pages of @guards: by userfaultfd while that is on, else by their protection. */
struct mw_error *mw_page_arm(struct mw_tracer *tracer, const struct mw_guard *guards,
			     size_t count) MW_MUST_CHECK;
/** Writes tracee memory under guards, through the alias where it is shared. */
struct mw_error *mw_page_write(struct mw_tracer *tracer, mw_addr addr, const void *bytes,
			       size_t size) MW_MUST_CHECK;
/** Sets the protection of guarded pages by an injected call: as found, or guarded. */
struct mw_error *mw_page_protect(struct mw_injection *injection, const struct mw_span *span,
				 struct mw_range pages, bool guarded) MW_MUST_CHECK;
/** Opens what is guarded in @pages, and forgets it. */
struct mw_error *mw_page_open(struct mw_tracer *tracer, struct mw_injection *injection,
			      struct mw_range pages) MW_MUST_CHECK;
/** Guards what isn't yet, as far as it is mapped and writable. */
struct mw_error *mw_page_guard_gaps(struct mw_tracer *tracer, struct mw_injection *injection,
				    const struct mw_procmaps *maps, const struct mw_range pages[],
				    size_t count) MW_MUST_CHECK;
/** Opens all guarded pages in a fork child, which has a copy of them. */
struct mw_error *mw_page_open_all(const struct mw_tracer *tracer,
				  struct mw_injection *injection) MW_MUST_CHECK;

/* guard_hw.c: struct mw_guard_ops mw_guard_hw. */

/** A thread stands at an interruption, as it does at its start: perf may not have reached it. */
struct mw_error *mw_hw_arm_thread(struct mw_tracer *tracer, struct mw_thread *thread) MW_MUST_CHECK;
void mw_hw_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread);
/** True for a trap of our debug registers. */
bool mw_hw_trap_is_ours(const struct mw_tracer *tracer, const siginfo_t *info);
/** Takes a SIGTRAP if it is a debug register's. @param ret whether it was. */
struct mw_error *mw_hw_handle_trap(struct mw_tracer *tracer, struct mw_thread *thread,
				   const siginfo_t *info, bool *ret) MW_MUST_CHECK;
void mw_hw_deinit(struct mw_tracer *tracer);

/* hw_look.c: what debug registers don't tell. */

/** Looks at what they watch, when it is time. */
void mw_hw_turn(struct mw_tracer *tracer);
void mw_hw_stop_looking(struct mw_hw *hw);

/* guard_poll.c: struct mw_guard_ops mw_guard_poll. */

/** Looks at what is polled, when it is time. @return whether there is more to do at once. */
bool mw_poll_turn(struct mw_tracer *tracer);
/** Looks at it now, once more before it is gone. */
void mw_poll_look_last(struct mw_tracer *tracer);

/* gate.c: system calls into guarded pages. */

/** Handles a stop at the entry to, or the exit from, a system call; the thread stays stopped. */
struct mw_error *mw_gate_syscall(struct mw_tracer *tracer, struct mw_thread *thread) MW_MUST_CHECK;
/** Where a pointer to a buffer of a redirected call stands: in a copy, if its own place has one. */
mw_addr mw_gate_slot(const struct mw_redirect *redirect, mw_addr slot);
/** Keeps the scratch memory of a thread that has ended, for the next one. */
void mw_gate_forget_thread(struct mw_tracer *tracer, const struct mw_thread *thread);
/** Unmaps all scratch memory in a fork child, which has copies of it. */
void mw_gate_unmap_copies(struct mw_tracer *tracer, struct mw_injection *injection);
/** Unmaps the scratch memory of all threads. */
void mw_gate_release(struct mw_tracer *tracer, struct mw_injection *injection);

/* remap.c: system calls that change guarded mappings. */

/**
 * At the entry of a system call whose number and arguments stand in thread->redirect: if it would
 * change watched memory, makes it do nothing, and sets thread->remaps.
 */
struct mw_error *mw_remap_check(struct mw_tracer *tracer, struct mw_thread *thread) MW_MUST_CHECK;
/** At its exit: carries it out, with the guards following. */
struct mw_error *mw_remap_carry_out(struct mw_tracer *tracer,
				    struct mw_thread *thread) MW_MUST_CHECK;
/** A store of @thread can't be carried out: ends the guards of its page, and says why. */
struct mw_error *mw_remap_lose_page(struct mw_tracer *tracer, struct mw_thread *thread,
				    mw_addr addr, const char *why) MW_MUST_CHECK;

/* privileges.c: set-user-ID programs. */

/**
 * At the entry of a system call: lets a child that shares memory go before it becomes a program
 * with privileges, which it would not get while it is traced.
 *
 * @param ret whether the child, and @thread with it, is gone.
 */
void mw_privileges_check(struct mw_tracer *tracer, struct mw_thread *thread, bool *ret);
/** After an exec of the target itself: says so when it had to do without its privileges. */
void mw_privileges_tell(struct mw_tracer *tracer);

/* annex.c: memory of ours in the tracee. */

/** Where a member of struct mw_annex stands in the tracee. */
#define mw_annex_at(tracer, member)                                                                \
	mw_addr_add((tracer)->annex.start, MW_ANNEX_CODE_SIZE + offsetof(struct mw_annex, member))

/** Has somebody ready to put things right, before anything is done to the tracee. */
void mw_annex_call_guardian(struct mw_tracer *tracer);
/** Maps it, if it isn't there yet, and learns what the program has set for its signals. */
struct mw_error *mw_annex_open(struct mw_tracer *tracer,
			       struct mw_injection *injection) MW_MUST_CHECK;
void mw_annex_close(struct mw_tracer *tracer, struct mw_injection *injection);
/**
 * Every thread is stopped, and is so afterwards: lets those that run code of the annex at @code
 * leave it, as they do by themselves.
 *
 * @param rescue may put a thread right at once, or be NULL. @return whether it did.
 */
struct mw_error *mw_annex_evacuate(struct mw_tracer *tracer, mw_addr code,
				   bool (*rescue)(void *arg, struct mw_thread *thread,
						  struct user_regs_struct *regs),
				   void *arg) MW_MUST_CHECK;
/** The tracee has a new image, without it. */
void mw_annex_forget(struct mw_tracer *tracer);
/** To be called before pages of a new span are protected, and after some have been opened. */
struct mw_error *mw_annex_note_spans(struct mw_tracer *tracer) MW_MUST_CHECK;
/** Unmaps the copy that a fork child has. */
void mw_annex_unmap_copy(const struct mw_tracer *tracer, struct mw_injection *injection);

/* annex_share.c: what the annex notes of each store. */

/**
 * Makes that part of the annex empty pages that are shared with memwatch, where that may be. In a
 * fork child they take the place of the parent's.
 */
struct mw_error *mw_annex_share(struct mw_tracer *tracer,
				struct mw_injection *injection) MW_MUST_CHECK;
void mw_annex_unshare(struct mw_tracer *tracer);
void mw_annex_note_storer(struct mw_tracer *tracer, int64_t tid);
void mw_annex_note_store(struct mw_tracer *tracer, unsigned index,
			 const struct mw_annex_store *store);
void mw_annex_free_store(struct mw_tracer *tracer, unsigned index);

/* segv.c: keeps the program's own SIGSEGV handling as it set it. */

/** Learns which threads block SIGSEGV. */
void mw_segv_learn_masks(struct mw_tracer *tracer, const struct mw_injection *injection);
/** A signal is delivered: its handler may block SIGSEGV. */
void mw_segv_on_delivery(struct mw_thread *thread);
/** The thread stands at the exit of a system call that may have changed its mask. */
void mw_segv_on_syscall_exit(struct mw_thread *thread);
/** After a fault of ours: puts back what the kernel has reset. */
struct mw_error *mw_segv_mend(struct mw_tracer *tracer, struct mw_thread *thread) MW_MUST_CHECK;

/* burst.c: the hot thread and the tracer share a CPU. */

struct mw_error *mw_burst_init(struct mw_crew *crew) MW_MUST_CHECK;
void mw_burst_deinit(struct mw_crew *crew);
/** Counts a trap of @thread and pins it when they come fast. */
void mw_burst_note(struct mw_tracer *tracer, struct mw_thread *thread, uint64_t now_ns);
/** Frees the threads that have cooled down, or all. */
void mw_burst_release(struct mw_tracer *tracer, bool all);
/** When no thread is pinned any more, frees that of the tracers as well. */
void mw_burst_settle(struct mw_crew *crew);
/** A thread or process made by a pinned thread inherited its mask: gives it the real one. */
void mw_burst_adopt(const struct mw_thread *parent, pid_t child);
/** At the exit of a system call: a pinned thread that asked for its affinity gets the real one. */
struct mw_error *mw_burst_hide(struct mw_tracer *tracer, const struct mw_thread *thread,
			       const struct user_regs_struct *regs) MW_MUST_CHECK;

/* guard_add.c */

/** As mw_tracer_guard(), but only as many, at least one, as a short stop has time for. */
struct mw_error *mw_guard_add(struct mw_tracer *tracer, struct mw_guard_request *requests,
			      size_t count, size_t *ret_count) MW_MUST_CHECK;

/* guard.c: all guards, whatever their back end. */

/** @return NULL when it isn't available. */
const struct mw_guard_ops *mw_guard_ops_of(enum mw_backend backend);
struct mw_error *mw_guard_remove(struct mw_tracer *tracer, uint32_t guard_id) MW_MUST_CHECK;
/** The same while every thread is stopped. */
struct mw_error *mw_guard_remove_stopped(struct mw_tracer *tracer, uint32_t guard_id) MW_MUST_CHECK;
/** Guards have come or gone: counts them, and has threads stop at system calls if need be. */
void mw_guard_changed(struct mw_tracer *tracer);
void mw_guard_count(struct mw_tracer *tracer);
/** Guards the same range another way; every thread is stopped. A failure changes nothing. */
struct mw_error *mw_guard_change(struct mw_tracer *tracer, struct mw_guard *guard,
				 enum mw_backend backend) MW_MUST_CHECK;
/** The target has moved or cut the range of a guard, which was @before. */
struct mw_error *mw_guard_follow(struct mw_tracer *tracer, uint32_t guard_id,
				 struct mw_range before, bool moved) MW_MUST_CHECK;
/** The memory of one guard is gone: ends it, touching nothing in the target. */
void mw_guard_end(struct mw_tracer *tracer, uint32_t guard_id, const char *why);
/** @return mw_err_not_found when it has ended. */
struct mw_error *mw_guard_describe(const struct mw_tracer *tracer, uint32_t guard_id,
				   struct mw_guard_info *ret) MW_MUST_CHECK;
/** Takes all guards back; every thread is stopped. */
struct mw_error *mw_guard_remove_all(struct mw_tracer *tracer) MW_MUST_CHECK;
/** @return NULL when it has ended. */
struct mw_guard *mw_guard_find(const struct mw_tracer *tracer, uint32_t guard_id);
/**
 * Ends a guard whose memory is gone, at least in part, and opens the rest; every thread is stopped.
 * mw_guard_refresh() is to follow.
 */
struct mw_error *mw_guard_lose(struct mw_tracer *tracer, uint32_t guard_id,
			       const char *why) MW_MUST_CHECK;
/** The ranges of guards have changed. */
struct mw_error *mw_guard_refresh(struct mw_tracer *tracer) MW_MUST_CHECK;
/** The memory of all guards is gone: ends them, touching nothing. */
void mw_guard_end_all(struct mw_tracer *tracer, const char *why);

/* attach.c, launch.c, detach.c */

#define MW_TRACE_OPTIONS                                                                           \
	(PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |                          \
	 PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)

struct mw_error *mw_engine_attach(struct mw_tracer *tracer, pid_t pid) MW_MUST_CHECK;
struct mw_error *mw_engine_launch(struct mw_tracer *tracer, char *const argv[]) MW_MUST_CHECK;
/** Sets the breakpoint at the entry of a fresh image; every thread is stopped. */
struct mw_error *mw_entry_set(struct mw_tracer *tracer) MW_MUST_CHECK;
/** Takes a SIGTRAP if it is the entry's. @param ret whether it was. */
struct mw_error *mw_entry_handle_trap(struct mw_tracer *tracer, struct mw_thread *thread,
				      bool *ret) MW_MUST_CHECK;
struct mw_error *mw_engine_detach(struct mw_tracer *tracer) MW_MUST_CHECK;
/** A fork child: gives it its pages back, and lets it go unless it is followed. */
struct mw_error *mw_engine_release_child(struct mw_tracer *tracer,
					 struct mw_thread *child) MW_MUST_CHECK;
/** Opens memory and finds what an image needs, after attach and exec. */
struct mw_error *mw_engine_open_image(struct mw_tracer *tracer) MW_MUST_CHECK;

#endif
