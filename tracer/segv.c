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

/* sigaction as the kernel has it, which isn't glibc's. */
struct kernel_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};
_Static_assert(sizeof(struct kernel_sigaction) == MW_SIGACTION_SIZE, "the engine stores one");

static bool is_default(const struct mw_segv *segv)
{
	return ((const struct kernel_sigaction *)segv->action)->handler == (uintptr_t)SIG_DFL;
}

static bool is_ignored(const struct mw_segv *segv)
{
	return ((const struct kernel_sigaction *)segv->action)->handler == (uintptr_t)SIG_IGN;
}

static struct mw_error *inject_sigaction(struct mw_tracer *tracer, struct mw_injection *injection,
					 bool set)
{
	uint64_t annex = tracer->annex.start.v;
	const uint64_t args[6] = {SIGSEGV, set ? annex : 0, set ? 0 : annex, sizeof(uint64_t)};
	int64_t result;
	struct mw_error *err = mw_inject_call(injection, SYS_rt_sigaction, args, &result);

	if (!err && result)
		err = mw_error_os((int)-result, "cannot %s the target's SIGSEGV handler",
				  set ? "restore" : "read");
	return err;
}

static void learn_mask(struct mw_thread *thread)
{
	uint64_t mask;

	if (mw_sys_get_signal_mask(thread->tid, &mask) == 0)
		thread->segv_mask = mask & SEGV_BIT ? MW_SEGV_BLOCKED : MW_SEGV_OPEN;
}

struct mw_error *mw_segv_learn(struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_error *err = inject_sigaction(tracer, injection, false);
	struct mw_thread *thread;
	size_t cursor = 0;

	if (!err)
		err = mw_mem_read(&tracer->mem, tracer->annex.start, tracer->segv.action,
				  sizeof(tracer->segv.action));
	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED && thread != injection->thread)
			learn_mask(thread);
	/* In the borrowed thread everything is blocked just now. */
	if (!err)
		injection->thread->segv_mask =
			injection->saved_mask & SEGV_BIT ? MW_SEGV_BLOCKED : MW_SEGV_OPEN;
	return err;
}

void mw_segv_on_delivery(struct mw_thread *thread)
{
	thread->segv_mask = MW_SEGV_UNKNOWN;
}

static void on_sigaction(struct mw_tracer *tracer, const struct mw_redirect *call)
{
	uint8_t action[MW_SIGACTION_SIZE];

	if (call->args[0] == SIGSEGV && call->args[1] &&
	    mw_mem_read_some(&tracer->mem, mw_addr_make(call->args[1]), action, sizeof(action)) ==
		    sizeof(action))
		memcpy(tracer->segv.action, action, sizeof(action));
}

void mw_segv_on_syscall_exit(struct mw_tracer *tracer, struct mw_thread *thread)
{
	switch (thread->redirect.number) {
	case SYS_rt_sigaction:
		if (mw_arch_syscall_result(&thread->regs) == 0)
			on_sigaction(tracer, &thread->redirect);
		break;
	case SYS_rt_sigprocmask:
	case SYS_rt_sigreturn:
		learn_mask(thread);
		break;
	default:
		break;
	}
}

/* Whether the fault has cost the program its handler, when the mask before isn't known. */
static bool was_reset(const struct mw_tracer *tracer, const struct mw_thread *thread)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(thread->tid, &status);

	if (err) {
		mw_error_destroy(err);
		return false;
	}
	return !((is_ignored(&tracer->segv) ? status.sig_ignored : status.sig_caught) & SEGV_BIT);
}

static struct mw_error *reinstall(struct mw_tracer *tracer, struct mw_thread *thread, bool block)
{
	struct mw_injection injection;
	struct mw_error *err = mw_mem_write(&tracer->mem, tracer->annex.start, tracer->segv.action,
					    sizeof(tracer->segv.action));

	if (!err)
		err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	if (err)
		return err;
	err = inject_sigaction(tracer, &injection, true);
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

	if (is_default(&tracer->segv))
		return blocked ? block_again(thread) : NULL;
	if (unknown && was_reset(tracer, thread))
		return reinstall(tracer, thread, blocked || !is_ignored(&tracer->segv));
	if (!unknown && (blocked || is_ignored(&tracer->segv)))
		return reinstall(tracer, thread, blocked);
	return NULL;
}
