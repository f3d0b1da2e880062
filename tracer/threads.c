// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <errno.h>
#include <time.h>

#include "base/error.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/* A thread that is asked to stop does so at once, unless it waits for a disk. */
#define STOP_TIMEOUT_NS UINT64_C(2000000000)
/* A handler is left soon; goroutines are never on a stack that we know. */
#define COVER_ROUNDS 10
#define COVER_PAUSE_NS 200000

struct mw_thread *mw_engine_thread(const struct mw_tracer *tracer, pid_t tid)
{
	return mw_intmap_get(&tracer->threads, (uint64_t)tid);
}

struct mw_error *mw_engine_add_thread(struct mw_tracer *tracer, pid_t tid, pid_t tgid,
				      struct mw_thread **ret)
{
	struct mw_thread *thread;
	struct mw_error *err = mw_thread_create(tid, tgid, &thread);

	if (err)
		return err;
	err = mw_intmap_set(&tracer->threads, (uint64_t)tid, thread);
	if (err) {
		mw_thread_destroy(thread);
		return err;
	}
	*ret = thread;
	return NULL;
}

void mw_engine_remove_thread(struct mw_tracer *tracer, struct mw_thread *thread)
{
	tracer->stashed -= thread->stashed;
	if (thread->burst.pinned) {
		tracer->crew->pinned--;
		mw_burst_settle(tracer->crew);
	}
	mw_hw_forget_thread(tracer, thread);
	if (thread->same_memory)
		mw_gate_forget_thread(tracer, thread);
	mw_intmap_remove(&tracer->threads, (uint64_t)thread->tid);
	mw_thread_destroy(thread);
}

struct mw_error *mw_engine_resume(struct mw_tracer *tracer, struct mw_thread *thread, int signal)
{
	/* A child that shares memory is let go at some of its execs. */
	bool stops = tracer->trace_syscalls || thread->tgid != tracer->pid;
	enum mw_resume how = stops ? MW_RESUME_SYSCALL : MW_RESUME_RUN;

	thread->wp_fault = MW_ADDR_NULL;
	if (thread->stop.kind == MW_STOP_GROUP)
		how = MW_RESUME_LISTEN;
	return mw_thread_resume(thread, how, signal);
}

void mw_engine_stash(struct mw_tracer *tracer, struct mw_thread *thread)
{
	tracer->stashed += !thread->stashed;
	thread->stashed = true;
}

struct mw_thread *mw_engine_take_stash(struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	if (!tracer->stashed)
		return NULL;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->stashed)
			break;
	if (thread) {
		thread->stashed = false;
		tracer->stashed--;
	}
	return thread;
}

static bool can_stop(const struct mw_thread *thread, const struct mw_thread *except)
{
	return thread != except && thread->state == MW_THREAD_RUNNING && !thread->vfork_parent;
}

/*
 * The kernel reports an interruption ahead of a fault or trap that the thread has just run into.
 * If that were left pending, it would hit the program once we are gone.
 */
static bool has_pending_trap(const struct mw_thread *thread)
{
	siginfo_t pending[8];
	int count = mw_sys_peek_pending(thread->tid, pending, mw_array_size(pending));

	for (int i = 0; i < count; i++)
		if ((pending[i].si_signo == SIGSEGV || pending[i].si_signo == SIGTRAP) &&
		    pending[i].si_code > 0)
			return true;
	return false;
}

static struct mw_error *await_stop(struct mw_tracer *tracer, struct mw_thread *thread)
{
	bool stopped = false;
	struct mw_error *err;

	if (mw_wp_is_on(&tracer->wp))
		err = mw_wp_await_stop(tracer, thread, STOP_TIMEOUT_NS, &stopped);
	else
		err = mw_wait_thread_until(thread, STOP_TIMEOUT_NS, &stopped);
	if (err || thread->wp_in_kernel)
		return err;
	if (!stopped)
		return mw_error_create(MW_ERROR_OTHER,
				       "thread %d doesn't stop (it may be waiting for a disk or a "
				       "network file system): try again later",
				       thread->tid);
	if (thread->stop.kind == MW_STOP_INTERRUPT && has_pending_trap(thread)) {
		err = mw_thread_resume(thread, MW_RESUME_RUN, 0);
		if (!err)
			err = mw_wait_thread(thread);
		if (err)
			return err;
	}
	/* A fork child's first stop is the moment to give it its pages back. */
	if ((thread->stop.kind != MW_STOP_INTERRUPT && thread->stop.kind != MW_STOP_GROUP) ||
	    !thread->same_memory)
		mw_engine_stash(tracer, thread);
	return NULL;
}

struct mw_error *mw_engine_stop_all(struct mw_tracer *tracer, const struct mw_thread *except)
{
	struct mw_error *err = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (can_stop(thread, except))
			mw_thread_interrupt(thread);
	cursor = 0;
	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor))) {
		if (!can_stop(thread, except))
			continue;
		err = await_stop(tracer, thread);
		/* Nobody of this number is left to wait for. */
		if (mw_error_catch(&err, MW_ERROR_GONE))
			thread->state = MW_THREAD_GONE;
	}
	if (!err && mw_wp_is_on(&tracer->wp))
		err = mw_wp_finish_calls(tracer);
	return err;
}

struct mw_error *mw_engine_resume_all(struct mw_tracer *tracer, const struct mw_thread *except)
{
	struct mw_error *first = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	if (tracer->hold)
		return NULL;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct mw_error *err = NULL;

		if (thread != except && thread->state == MW_THREAD_STOPPED && !thread->stashed)
			err = mw_engine_dispatch(tracer, thread);
		first = mw_error_first(first, err);
	}
	return first;
}

static bool is_settled(const struct mw_tracer *tracer)
{
	const struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_RUNNING && !thread->vfork_parent)
			return false;
	return !tracer->stashed;
}

/*
 * A store that was carried out for a thread, it would do again if memwatch were killed once its
 * page is open, and before the thread has its new registers.
 */
static void flush_all(const struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED)
			/* A failure means that it has died: its end is reported. */
			mw_thread_flush_regs(thread);
}

struct mw_error *mw_engine_quiesce(struct mw_tracer *tracer)
{
	bool held = tracer->hold;
	struct mw_error *err;

	tracer->hold = true;
	do {
		struct mw_thread *thread;

		err = mw_engine_stop_all(tracer, NULL);
		while (!err && (thread = mw_engine_take_stash(tracer))) {
			/* It comes back before its next instruction. */
			mw_thread_interrupt(thread);
			err = mw_engine_dispatch(tracer, thread);
		}
	} while (!err && !is_settled(tracer));
	tracer->hold = held;
	flush_all(tracer);
	return err;
}

static bool can_inject(const struct mw_thread *thread)
{
	return thread->state == MW_THREAD_STOPPED && thread->same_memory &&
	       (thread->stop.kind == MW_STOP_INTERRUPT || thread->stop.kind == MW_STOP_GROUP ||
		thread->stop.kind == MW_STOP_EXEC || thread->stop.kind == MW_STOP_SIGNAL);
}

struct mw_error *mw_engine_borrow(struct mw_tracer *tracer, struct mw_thread **ret)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (can_inject(thread)) {
			*ret = thread;
			return NULL;
		}
	cursor = 0;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		if (thread->state != MW_THREAD_LISTENING)
			continue;
		/* It traps again and shows its registers, still in its group-stop. */
		mw_thread_interrupt(thread);
		*ret = thread;
		return await_stop(tracer, thread);
	}
	return mw_error_create(MW_ERROR_OTHER,
			       "no thread of process %d can be stopped now: try "
			       "again in a moment",
			       tracer->pid);
}

static bool can_cover(const struct mw_tracer *tracer, const struct mw_signal_frame_site *site)
{
	struct user_regs_struct *regs;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (can_inject(thread) && thread->stop.kind != MW_STOP_SIGNAL &&
		    !mw_error_catch_any(mw_thread_regs(thread, &regs)) &&
		    mw_signal_frame_fits(site, regs))
			return true;
	return false;
}

struct mw_error *mw_engine_await_cover(struct mw_tracer *tracer)
{
	struct timespec pause = {0, COVER_PAUSE_NS};
	struct mw_signal_frame_site site;
	struct mw_error *err = NULL;

	if (tracer->hold || !mw_signal_frame_site_init(&site, &tracer->mem))
		return NULL;
	for (unsigned i = 0; i < COVER_ROUNDS && !err && !can_cover(tracer, &site); i++) {
		err = mw_engine_resume_all(tracer, NULL);
		nanosleep(&pause, NULL);
		err = mw_error_first(err, mw_engine_quiesce(tracer));
	}
	mw_signal_frame_site_deinit(&site);
	return err;
}

/* Its way home must not lead into memory that the guardian takes away. */
static bool is_in_annex(const struct mw_tracer *tracer, const struct mw_injection *injection)
{
	return mw_range_contains(tracer->annex, mw_arch_ip(&injection->saved_regs));
}

/* The first thread on whose stack there is a place for the frame. */
static bool inject_covered(const struct mw_tracer *tracer, struct mw_injection *ret)
{
	struct mw_signal_frame_site site;
	struct mw_thread *thread;
	bool covered = false;
	size_t cursor = 0;

	if (!mw_signal_frame_site_init(&site, &tracer->mem))
		return false;
	while (!covered && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		covered = can_inject(thread) &&
			  !mw_error_catch_any(mw_inject_begin(ret, thread, tracer->syscall_ip)) &&
			  !is_in_annex(tracer, ret) && mw_inject_cover(ret, &site);
	mw_signal_frame_site_deinit(&site);
	return covered;
}

static struct mw_error *inject(struct mw_tracer *tracer, struct mw_injection *ret)
{
	struct mw_thread *thread;
	struct mw_error *err = mw_engine_borrow(tracer, &thread);

	return err ? err : mw_inject_begin(ret, thread, tracer->syscall_ip);
}

struct mw_error *mw_engine_inject_last(struct mw_tracer *tracer, struct mw_injection *ret)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	/* The handler that lets left steps pass may go. */
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED)
			mw_inject_forget_step(thread);
	return inject_covered(tracer, ret) ? NULL : inject(tracer, ret);
}

struct mw_error *mw_engine_inject(struct mw_tracer *tracer, struct mw_injection *ret)
{
	return mw_deadman_ends_calls(tracer) ? inject(tracer, ret)
					     : mw_engine_inject_last(tracer, ret);
}
