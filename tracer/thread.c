// SPDX-License-Identifier: MIT
#include "tracer/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tracer/arch.h"
#include "tracer/sys.h"

#define NAME_LIFETIME_NS 100000000u

struct mw_error *mw_thread_create(pid_t tid, pid_t tgid, struct mw_thread **ret)
{
	struct mw_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return mw_err_nomem;
	thread->tid = tid;
	thread->tgid = tgid;
	thread->same_memory = true;
	*ret = thread;
	return NULL;
}

void mw_thread_destroy(struct mw_thread *thread)
{
	free(thread);
}

struct mw_error *mw_thread_regs(struct mw_thread *thread, struct user_regs_struct **ret)
{
	int result;

	if (!thread->regs_valid) {
		result = mw_sys_get_regs(thread->tid, &thread->regs);
		if (result < 0)
			return mw_error_os(-result, "cannot read the registers of thread %d",
					   thread->tid);
		thread->regs_valid = true;
		if (mw_arch_loses_number(&thread->regs))
			thread->first_interrupted = thread->regs;
		thread->last_sp = mw_arch_sp(&thread->regs);
		thread->last_tcb = mw_arch_thread_pointer(&thread->regs);
	}
	*ret = &thread->regs;
	return NULL;
}

void mw_thread_regs_changed(struct mw_thread *thread)
{
	thread->regs_dirty = true;
}

void mw_thread_ip_changed(struct mw_thread *thread)
{
	thread->ip_dirty = true;
}

void mw_thread_stopped(struct mw_thread *thread, struct mw_stop stop)
{
	bool gone = stop.kind == MW_STOP_EXITED || stop.kind == MW_STOP_KILLED;

	thread->state = gone ? MW_THREAD_GONE : MW_THREAD_STOPPED;
	thread->stop = stop;
	thread->handled = false;
	thread->regs_valid = false;
	thread->regs_dirty = false;
	thread->ip_dirty = false;
	/* Any stop takes a pending interruption with it (ptrace_stop() in the kernel). */
	thread->interrupted = thread->interrupt_sent;
	thread->interrupt_sent = false;
}

void mw_thread_interrupt(struct mw_thread *thread)
{
	if (!thread->interrupt_sent)
		thread->interrupt_sent = !mw_sys_interrupt(thread->tid);
}

static const int requests[] = {
	[MW_RESUME_RUN] = PTRACE_CONT,
	[MW_RESUME_SYSCALL] = PTRACE_SYSCALL,
	[MW_RESUME_STEP] = PTRACE_SINGLESTEP,
	[MW_RESUME_LISTEN] = PTRACE_LISTEN,
};

int mw_thread_flush_regs(struct mw_thread *thread)
{
	int result = 0;

	if (thread->regs_dirty)
		result = mw_sys_set_regs(thread->tid, &thread->regs);
	else if (thread->ip_dirty)
		result = mw_sys_poke_user(thread->tid, mw_arch_ip_offset,
					  mw_arch_ip(&thread->regs).v);
	thread->regs_dirty = false;
	thread->ip_dirty = false;
	return result;
}

/* A signal that was taken before an injection needs its siginfo put back into the present stop. */
static int restore_siginfo(struct mw_thread *thread, int signal)
{
	int result = 0;

	if (signal && thread->has_saved_siginfo)
		result = mw_sys_set_siginfo(thread->tid, &thread->saved_siginfo);
	if (signal)
		thread->has_saved_siginfo = false;
	return result;
}

/*
 * After an injection a thread stands in another stop than its group-stop. An interruption takes it
 * back there before its next instruction.
 */
static int return_to_group_stop(struct mw_thread *thread)
{
	int result = mw_sys_interrupt(thread->tid);

	thread->interrupt_sent = !result;
	return result ? result : mw_sys_resume(PTRACE_CONT, thread->tid, 0);
}

struct mw_error *mw_thread_resume(struct mw_thread *thread, enum mw_resume how, int signal)
{
	int result = mw_thread_flush_regs(thread);

	if (!result)
		result = restore_siginfo(thread, signal);
	if (!result)
		result = mw_sys_resume(requests[how], thread->tid, signal);
	thread->regs_valid = false;
	thread->stepped = how == MW_RESUME_STEP;
	if (how == MW_RESUME_LISTEN && result == -EIO) {
		result = return_to_group_stop(thread);
		how = MW_RESUME_RUN;
	}
	thread->state = how == MW_RESUME_LISTEN ? MW_THREAD_LISTENING : MW_THREAD_RUNNING;
	if (result < 0 && result != -ESRCH)
		return mw_error_os(-result, "cannot resume thread %d", thread->tid);
	return NULL;
}

const char *mw_thread_name(struct mw_thread *thread, uint64_t now_ns)
{
	char name[MW_COMM_SIZE];

	if (thread->name_read_ns && now_ns - thread->name_read_ns < NAME_LIFETIME_NS)
		return thread->name;
	mw_proc_thread_name(thread->tgid, thread->tid, name);
	if (*name)
		memcpy(thread->name, name, sizeof(name));
	thread->name_read_ns = now_ns;
	return thread->name;
}

bool mw_thread_has_shadow_stack(const struct mw_thread *thread)
{
	struct mw_proc_status status = {0};

	return !mw_error_catch_any(mw_proc_status_read(thread->tid, &status)) &&
	       status.shadow_stack;
}
