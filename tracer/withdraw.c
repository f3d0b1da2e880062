// SPDX-License-Identifier: MIT
/* What memwatch can't carry out, the target does itself, unwatched: it isn't to wait or to die. */
#include <signal.h>

#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/sys.h"

static const char why_lost[] = "memwatch failed to carry out a store to its page";

/* A fault of which nothing can be learnt may have been on any page. */
static struct mw_error *lose_all_pages(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;
	size_t left = SIZE_MAX;

	while (!err && tracer->pages.list.count && tracer->pages.list.count < left) {
		left = tracer->pages.list.count;
		err = mw_remap_lose_page(tracer, thread, tracer->pages.list.items[0].range.start,
					 why_lost);
	}
	return err;
}

/** @param ret whether the fault may be ours. */
static struct mw_error *open_page(struct mw_tracer *tracer, struct mw_thread *thread, bool *ret)
{
	struct user_regs_struct *regs;
	siginfo_t info = {0};
	struct mw_error *err = mw_thread_regs(thread, &regs);
	bool known = thread->has_saved_siginfo || !mw_sys_get_siginfo(thread->tid, &info);

	if (thread->has_saved_siginfo)
		info = thread->saved_siginfo;
	known &= !mw_error_catch_any(err);
	*ret = tracer->pages.list.count &&
	       (!known || mw_engine_fault_is_ours(tracer, &info, mw_arch_ip(&thread->regs)));
	if (!*ret)
		return NULL;
	if (!known)
		return lose_all_pages(tracer, thread);
	return mw_remap_lose_page(tracer, thread, mw_addr_make((uint64_t)(uintptr_t)info.si_addr),
				  why_lost);
}

static bool withdraw_fault(struct mw_tracer *tracer, struct mw_thread *thread)
{
	bool ours;
	struct mw_error *err = open_page(tracer, thread, &ours);

	/* The dead-man opens the pages from inside, if it gets the signal. */
	if (mw_error_catch_any(err))
		return !tracer->deadman.armed[MW_DEADMAN_SEGV];
	return ours;
}

static bool is_trap_of_ours(const struct mw_tracer *tracer, const struct mw_thread *thread)
{
	siginfo_t info;

	if (mw_sys_get_siginfo(thread->tid, &info) == 0)
		return mw_hw_trap_is_ours(tracer, &info);
	return tracer->hw.events.count;
}

bool mw_engine_withdraw(struct mw_tracer *tracer, struct mw_thread *thread)
{
	if (!thread->same_memory)
		return false;
	if (thread->stop.code == SIGSEGV)
		return withdraw_fault(tracer, thread);
	return thread->stop.code == SIGTRAP && is_trap_of_ours(tracer, thread);
}
