// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <errno.h>
#include <signal.h>

#include "base/error.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

typedef struct mw_error *stop_handler(struct mw_tracer *tracer, struct mw_thread *thread);

void mw_engine_tell(struct mw_tracer *tracer, struct mw_error *err)
{
	if (err)
		mw_engine_emit_notice(tracer, "%s", err->message);
	mw_error_destroy(err);
}

static struct mw_error *on_death(struct mw_tracer *tracer, struct mw_thread *thread)
{
	bool killed = thread->stop.kind == MW_STOP_KILLED;
	int status = killed ? thread->stop.code : thread->stop.code << 8;
	bool leader = thread->tid == tracer->pid;

	mw_engine_remove_thread(tracer, thread);
	/* The leader's status is the process's, and is reported when no other thread is left. */
	if (leader) {
		mw_guard_end_all(tracer, "the process has ended");
		mw_mem_deinit(&tracer->mem);
		mw_engine_emit_state(tracer, MW_TRACEE_EXITED, status);
	}
	return NULL;
}

/* In the middle of a system call a thread can't be held: nothing can be injected there. */
static bool is_inside_call(const struct mw_thread *thread)
{
	return thread->stop.kind == MW_STOP_CLONE || thread->stop.kind == MW_STOP_FORK ||
	       thread->stop.kind == MW_STOP_VFORK || thread->stop.kind == MW_STOP_VFORK_DONE;
}

/* Lets a stop pass; in a held target the thread stays where it is. */
static struct mw_error *pass(struct mw_tracer *tracer, struct mw_thread *thread)
{
	bool hold = tracer->hold && !is_inside_call(thread);

	thread->handled = hold;
	return hold ? NULL : mw_engine_resume(tracer, thread, 0);
}

/* A signal that isn't ours is delivered untouched, even in a held target: it stops behind it. */
static struct mw_error *deliver(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	struct mw_error *err;

	if (thread->rewound) {
		/* A handler is going to run after all: the interrupted call has to say EINTR. */
		err = mw_thread_regs(thread, &regs);
		if (err)
			return err;
		*regs = thread->before_rewind;
		mw_thread_regs_changed(thread);
		thread->rewound = false;
	}
	mw_segv_on_delivery(thread);
	err = mw_deadman_deliver(tracer, thread);
	if (err)
		return err;
	return mw_engine_resume(tracer, thread, thread->stop.code);
}

static struct mw_error *claim_signal(struct mw_tracer *tracer, struct mw_thread *thread,
				     const siginfo_t *info, bool *ret)
{
	struct mw_error *err = NULL;

	*ret = false;
	if (info->si_signo == SIGSEGV)
		return mw_engine_handle_fault(tracer, thread, info, ret);
	if (info->si_signo != SIGTRAP)
		return NULL;
	err = mw_entry_handle_trap(tracer, thread, ret);
	if (!err && !*ret)
		err = mw_hw_handle_trap(tracer, thread, info, ret);
	return err;
}

static struct mw_error *on_signal(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err;
	siginfo_t info;
	bool ours = false, is_fault;
	int result;

	if (thread->same_memory && (thread->stop.code == SIGSEGV || thread->stop.code == SIGTRAP)) {
		if (thread->has_saved_siginfo) {
			info = thread->saved_siginfo;
		} else {
			result = mw_sys_get_siginfo(thread->tid, &info);
			if (result < 0)
				return mw_error_os(-result, "cannot read the signal of thread %d",
						   thread->tid);
		}
		err = claim_signal(tracer, thread, &info, &ours);
		if (err)
			return err;
	}
	if (!ours)
		return deliver(tracer, thread);
	is_fault = thread->stop.code == SIGSEGV;
	/* Done with: a held target keeps the thread here, and goes on without the signal. */
	thread->has_saved_siginfo = false;
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	if (is_fault)
		err = mw_segv_mend(tracer, thread);
	return err ? err : pass(tracer, thread);
}

/* If a handler is about to run after all, deliver() takes the rewinding back. */
struct mw_error *mw_engine_repeat_call(struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	int64_t number;

	if (err)
		return err;
	number = mw_arch_syscall_number(regs);
	if (number < 0 || mw_arch_syscall_result(regs) != -EINTR ||
	    !mw_arch_syscall_is_repeatable(number))
		return NULL;
	thread->before_rewind = *regs;
	thread->rewound = true;
	mw_arch_syscall_rewind(regs, number);
	mw_thread_regs_changed(thread);
	return NULL;
}

static struct mw_error *on_interrupt(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err;

	if (!thread->same_memory)
		return mw_engine_release_child(tracer, thread);
	err = mw_hw_arm_thread(tracer, thread);
	if (!err)
		err = mw_engine_repeat_call(thread);
	return err ? err : pass(tracer, thread);
}

static struct mw_error *on_group_stop(struct mw_tracer *tracer, struct mw_thread *thread)
{
	return mw_engine_resume(tracer, thread, 0);
}

/*
 * A stop takes a pending interruption with it, but not the flag that ends a call it comes before
 * (TIF_SIGPENDING; ptrace_stop() sets it and never clears it). Asked again, the thread stops once
 * more as soon as that call has ended, also when nobody follows calls any more by then.
 */
static struct mw_error *repeat_or_see_end(struct mw_thread *thread)
{
	if (mw_sys_get_syscall_op(thread->tid) != PTRACE_SYSCALL_INFO_ENTRY)
		return mw_engine_repeat_call(thread);
	mw_thread_interrupt(thread);
	return NULL;
}

static struct mw_error *on_syscall(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err;
	bool gone;

	mw_privileges_check(tracer, thread, &gone);
	if (gone)
		return NULL;
	err = mw_gate_syscall(tracer, thread);
	if (!err && thread->interrupted)
		err = repeat_or_see_end(thread);
	return mw_error_first(err, mw_engine_resume(tracer, thread, 0));
}

/* The child's first stop may have come before its parent's event, or comes later. */
static struct mw_error *adopt(struct mw_tracer *tracer, struct mw_thread *parent, pid_t tid,
			      bool same_memory, bool same_process)
{
	struct mw_thread *child = mw_engine_thread(tracer, tid);
	struct mw_error *err = NULL;
	struct mw_stop stop;

	if (!child)
		err = mw_engine_add_thread(tracer, tid, tid, &child);
	if (err)
		return err;
	child->tgid = same_process ? parent->tgid : tid;
	child->same_memory = same_memory;
	mw_burst_adopt(parent, tid);
	if (mw_crew_claim(tracer->crew, tid, &stop))
		mw_thread_stopped(child, stop);
	else if (same_memory || !tracer->options.take_child)
		return NULL;
	else /* What it inherits ends with its parent, who is not to go on before. */
		err = mw_wait_thread(child);
	return err ? err : mw_engine_dispatch(tracer, child);
}

static struct mw_error *on_new_task(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	uint64_t flags, tid;
	int result;

	if (err)
		return err;
	result = mw_sys_get_event_message(thread->tid, &tid);
	if (result < 0)
		return mw_error_os(-result, "cannot tell which child thread %d made", thread->tid);
	flags = mw_arch_clone_flags(regs, &tracer->mem);
	thread->vfork_parent = thread->stop.kind == MW_STOP_VFORK;
	mw_engine_tell(tracer,
		       adopt(tracer, thread, (pid_t)tid, flags & CLONE_VM, flags & CLONE_THREAD));
	return pass(tracer, thread);
}

static struct mw_error *on_vfork_done(struct mw_tracer *tracer, struct mw_thread *thread)
{
	thread->vfork_parent = false;
	return pass(tracer, thread);
}

static void forget_other_threads(struct mw_tracer *tracer, const struct mw_thread *survivor)
{
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		if (thread == survivor || thread->tgid != survivor->tgid)
			continue;
		mw_engine_remove_thread(tracer, thread);
		/* The removal moves slots: start over. */
		cursor = 0;
	}
}

static struct mw_error *enter_new_image(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err;

	forget_other_threads(tracer, thread);
	thread->redirect.active = false;
	thread->redirect.awaits_restart = false;
	thread->scratch = (struct mw_range){0};
	tracer->spare_scratch.count = 0;
	mw_annex_forget(tracer);
	thread->has_record = false;
	thread->at_exit = false;
	tracer->text_generation++;
	mw_guard_end_all(tracer, "the process runs a new program (exec)");
	mw_mem_deinit(&tracer->mem);
	err = mw_engine_open_image(tracer);
	if (!err)
		err = mw_entry_set(tracer);
	mw_privileges_tell(tracer);
	return err;
}

static struct mw_error *on_exec(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;

	/* A vfork child that becomes a program of its own has left the watched memory. */
	if (thread->tgid != tracer->pid) {
		mw_burst_release(tracer, true);
		if (mw_engine_follow(tracer, thread, true))
			return NULL;
		mw_sys_detach(thread->tid, 0);
		mw_engine_remove_thread(tracer, thread);
		return NULL;
	}
	err = enter_new_image(tracer, thread);
	if (!err)
		return pass(tracer, thread);
	/* What can't be read can't be watched either: it isn't to wait for that. */
	mw_engine_tell(tracer, err);
	return mw_engine_detach(tracer);
}

static struct mw_error *on_exit_event(struct mw_tracer *tracer, struct mw_thread *thread)
{
	if (thread->same_memory)
		mw_poll_look_last(tracer);
	return pass(tracer, thread);
}

static stop_handler *const handlers[] = {
	[MW_STOP_EXITED] = on_death,
	[MW_STOP_KILLED] = on_death,
	[MW_STOP_SIGNAL] = on_signal,
	[MW_STOP_GROUP] = on_group_stop,
	[MW_STOP_INTERRUPT] = on_interrupt,
	[MW_STOP_SYSCALL] = on_syscall,
	[MW_STOP_FORK] = on_new_task,
	[MW_STOP_VFORK] = on_new_task,
	[MW_STOP_VFORK_DONE] = on_vfork_done,
	[MW_STOP_CLONE] = on_new_task,
	[MW_STOP_EXEC] = on_exec,
	[MW_STOP_EXIT] = on_exit_event,
	[MW_STOP_UNKNOWN] = pass,
};

static struct mw_error *handle(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct mw_error *err = NULL;

	/* The signal that follows a rewound interruption directly is the only one that undoes it.
	 */
	if (thread->stop.kind != MW_STOP_SIGNAL)
		thread->rewound = false;
	if (thread->at_exit && thread->state == MW_THREAD_STOPPED)
		err = mw_deadman_leave_exit(tracer, thread);
	if (err)
		return err;
	return (thread->handled ? pass : handlers[thread->stop.kind])(tracer, thread);
}

/* A stop that could not be handled: the thread goes on as if memwatch weren't there. */
static struct mw_error *give_up(struct mw_tracer *tracer, pid_t tid, struct mw_error *err)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tid);

	if (!thread || thread->state != MW_THREAD_STOPPED || thread->stashed || thread->handled)
		return err;
	mw_engine_tell(tracer, err);
	if (thread->stop.kind != MW_STOP_SIGNAL)
		return pass(tracer, thread);
	if (!mw_engine_withdraw(tracer, thread))
		return mw_engine_resume(tracer, thread, thread->stop.code);
	thread->has_saved_siginfo = false;
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	return pass(tracer, thread);
}

struct mw_error *mw_engine_dispatch(struct mw_tracer *tracer, struct mw_thread *thread)
{
	pid_t tid = thread->tid;
	struct mw_error *err = handle(tracer, thread);

	if (err && err != mw_err_gone)
		err = give_up(tracer, tid, err);
	/* A death in the middle is reported by the wait gate. */
	return err == mw_err_gone ? NULL : err;
}
