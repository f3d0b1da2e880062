// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/sys.h"

/*
 * A fault raised while SIGSEGV is blocked or ignored makes the kernel reset the disposition to the
 * default and unblock the signal (force_sig_info_to_task()), although the tracer swallows it: the
 * program would lose its crash handler. Handlers run with their own signal blocked, so this is no
 * rare case. What the program had set is remembered and put back after such a fault.
 */

#define SEGV_BIT (UINT64_C(1) << (SIGSEGV - 1))

static void learn_mask(struct mw_thread *thread)
{
	uint64_t mask;

	if (mw_sys_get_signal_mask(thread->tid, &mask) == 0)
		thread->segv_mask = mask & SEGV_BIT ? MW_SEGV_BLOCKED : MW_SEGV_OPEN;
}

void mw_segv_learn_masks(struct mw_tracer *tracer, const struct mw_injection *injection)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED && thread != injection->thread)
			learn_mask(thread);
	/* In the borrowed thread everything is blocked just now. */
	injection->thread->segv_mask =
		injection->saved_mask & SEGV_BIT ? MW_SEGV_BLOCKED : MW_SEGV_OPEN;
}

void mw_segv_on_delivery(struct mw_thread *thread)
{
	thread->segv_mask = MW_SEGV_UNKNOWN;
}

void mw_segv_on_syscall_exit(struct mw_thread *thread)
{
	int64_t number = thread->redirect.number;

	if (number == SYS_rt_sigprocmask || number == SYS_rt_sigreturn)
		learn_mask(thread);
}

/* Whether the fault has cost the program its handler, when the mask before isn't known. */
static bool was_reset(const struct mw_thread *thread, bool ignored)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(thread->tid, &status);

	if (err) {
		mw_error_destroy(err);
		return false;
	}
	return !((ignored ? status.sig_ignored : status.sig_caught) & SEGV_BIT);
}

static struct mw_error *reinstall(struct mw_tracer *tracer, struct mw_thread *thread, bool block)
{
	struct mw_injection injection;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);

	if (err)
		return err;
	err = mw_deadman_reinstall(tracer, &injection, MW_DEADMAN_SEGV);
	if (block)
		injection.saved_mask |= SEGV_BIT;
	mw_inject_end(&injection);
	return err;
}

static struct mw_error *block_again(struct mw_thread *thread)
{
	uint64_t mask;
	int result = mw_sys_get_signal_mask(thread->tid, &mask);

	if (!result)
		result = mw_sys_set_signal_mask(thread->tid, mask | SEGV_BIT);
	return result < 0 ? mw_error_os(-result, "cannot restore the signal mask of thread %d",
					thread->tid)
			  : NULL;
}

struct mw_error *mw_segv_mend(struct mw_tracer *tracer, struct mw_thread *thread)
{
	bool blocked = thread->segv_mask == MW_SEGV_BLOCKED;
	bool unknown = thread->segv_mask == MW_SEGV_UNKNOWN || !tracer->trace_syscalls;
	struct mw_sigaction action;
	bool ignored;

	mw_deadman_action(tracer, MW_DEADMAN_SEGV, &action);
	ignored = action.handler == (uintptr_t)SIG_IGN;
	if (action.handler == (uintptr_t)SIG_DFL)
		return blocked ? block_again(thread) : NULL;
	if (unknown && was_reset(thread, ignored))
		return reinstall(tracer, thread, blocked || !ignored);
	if (!unknown && (blocked || ignored))
		return reinstall(tracer, thread, blocked);
	return NULL;
}
