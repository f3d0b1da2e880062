// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/seccomp.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

#define VFORK_TIMEOUT_NS UINT64_C(2000000000)

static struct mw_error *undo_memory(struct mw_tracer *tracer)
{
	struct mw_injection injection;
	struct mw_error *first = mw_guard_remove_all(tracer);
	struct mw_error *err = NULL;

	if (tracer->annex.size)
		err = mw_seccomp_check(tracer, MW_SECCOMP_PAGES);
	if (err) {
		mw_engine_emit_notice(tracer, "%s; some memory of memwatch's stays there",
				      err->message);
		mw_error_destroy(err);
		mw_annex_forget(tracer);
		return first;
	}
	if (tracer->annex.size)
		err = mw_engine_await_cover(tracer);
	if (tracer->annex.size && !err)
		err = mw_annex_evacuate(tracer, tracer->annex.start, NULL, NULL);
	if (!err)
		err = mw_engine_inject_last(tracer, &injection);
	if (!err) {
		mw_gate_release(tracer, &injection);
		mw_annex_close(tracer, &injection);
		mw_inject_end(&injection);
	}
	first = mw_error_first(first, err);
	if (tracer->entry.set)
		first = mw_error_first(first,
				       mw_mem_write(&tracer->mem, tracer->entry.addr,
						    tracer->entry.saved, mw_arch_breakpoint_size));
	tracer->entry.set = false;
	return first;
}

/* What a thread was about to get, it gets with the detach. */
static void detach_thread(struct mw_thread *thread)
{
	int signal = thread->stop.kind == MW_STOP_SIGNAL ? thread->stop.code : 0;

	mw_thread_flush_regs(thread);
	if (signal && thread->has_saved_siginfo)
		mw_sys_set_siginfo(thread->tid, &thread->saved_siginfo);
	mw_sys_detach(thread->tid, signal);
}

static struct mw_thread *any_thread(const struct mw_tracer *tracer)
{
	size_t cursor = 0;

	return mw_intmap_next(&tracer->threads, &cursor);
}

/* The signal that made a call return EINTR may be the program's: then it is to see it. */
static bool has_pending_signal(const struct mw_thread *thread)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(thread->tid, &status);

	if (err) {
		mw_error_destroy(err);
		return false;
	}
	return (status.sig_pending | status.sig_pending_shared) & ~status.sig_blocked;
}

static void prepare_to_go(struct mw_thread *thread)
{
	/* PTRACE_LISTEN is no stop to detach from. */
	if (thread->state == MW_THREAD_LISTENING && !mw_sys_interrupt(thread->tid))
		mw_error_destroy(mw_wait_thread(thread));
	if (thread->state == MW_THREAD_STOPPED && thread->stop.kind == MW_STOP_INTERRUPT &&
	    !has_pending_signal(thread))
		mw_error_destroy(mw_engine_repeat_call(thread));
}

static void detach_threads(struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		prepare_to_go(thread);
	while ((thread = any_thread(tracer))) {
		detach_thread(thread);
		mw_engine_remove_thread(tracer, thread);
	}
}

static bool has_vfork_parent(const struct mw_tracer *tracer)
{
	const struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->vfork_parent)
			return true;
	return false;
}

/* A thread that waits for its vfork child can't be stopped: it is given the time for that. */
static void await_vfork_children(struct mw_tracer *tracer)
{
	uint64_t deadline = mw_clock_now_ns() + VFORK_TIMEOUT_NS;
	struct timespec pause = {0, 200000};

	while (has_vfork_parent(tracer) && mw_clock_now_ns() < deadline)
		if (!mw_crew_poll(tracer->crew))
			nanosleep(&pause, NULL);
}

/*
 * After a crash in the middle of a hit, a thread still stands at a fault of ours. It isn't handled
 * again, and not delivered either: the store is repeated once its page is open.
 */
static void forgive_unfinished(struct mw_tracer *tracer)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct user_regs_struct *regs;
		siginfo_t info;

		if (thread->state != MW_THREAD_STOPPED || thread->stashed ||
		    thread->stop.kind != MW_STOP_SIGNAL ||
		    mw_sys_get_siginfo(thread->tid, &info) < 0)
			continue;
		mw_error_destroy(mw_thread_regs(thread, &regs));
		if (mw_hw_trap_is_ours(tracer, &info) ||
		    mw_engine_fault_is_ours(tracer, &info, mw_arch_ip(&thread->regs)))
			thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	}
}

struct mw_error *mw_engine_detach(struct mw_tracer *tracer)
{
	struct mw_error *first;

	if (!any_thread(tracer)) {
		mw_mem_deinit(&tracer->mem);
		return NULL;
	}
	tracer->hold = false;
	forgive_unfinished(tracer);
	await_vfork_children(tracer);
	first = mw_engine_quiesce(tracer);
	/* While the guardian knows of them. */
	mw_burst_release(tracer, true);
	if (tracer->mem.fd >= 0)
		first = mw_error_first(first, undo_memory(tracer));
	detach_threads(tracer);
	mw_hw_deinit(tracer);
	mw_mem_deinit(&tracer->mem);
	/* It ended meanwhile: nothing of ours is left in it. */
	mw_error_catch(&first, MW_ERROR_GONE);
	mw_engine_emit_state(tracer, MW_TRACEE_DETACHED, 0);
	return first;
}

struct mw_error *mw_engine_release_child(struct mw_tracer *tracer, struct mw_thread *child)
{
	struct mw_injection injection;
	struct mw_error *err;

	if (mw_engine_follow(tracer, child, false))
		return NULL;
	err = mw_inject_begin(&injection, child, tracer->syscall_ip);
	if (!err) {
		err = mw_page_open_all(tracer, &injection);
		mw_gate_unmap_copies(tracer, &injection);
		mw_annex_unmap_copy(tracer, &injection);
		mw_inject_end(&injection);
	}
	detach_thread(child);
	mw_engine_remove_thread(tracer, child);
	return err;
}
