// SPDX-License-Identifier: MIT
#include "tracer/inject.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "base/procmaps.h"
#include "tracer/arch.h"
#include "tracer/mem.h"
#include "tracer/sys.h"
#include "tracer/text.h"
#include "tracer/thread.h"
#include "tracer/wait.h"

#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
/* A synchronous signal raised while blocked would kill the thread: these stay open. */
#define SYNCHRONOUS                                                                                \
	(SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |     \
	 SIGNAL_BIT(SIGFPE))

struct mw_error *mw_inject_find_syscall(const struct mw_mem *mem, mw_addr *ret)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(mem->pid, &maps);

	if (err)
		return err;
	if (!mw_text_find(mem, &maps, mw_arch_find_syscall, ret))
		err = mw_error_create(MW_ERROR_OTHER,
				      "process %d has no system call instruction to borrow: its "
				      "memory can't be protected; use --backend=hw",
				      mem->pid);
	mw_procmaps_deinit(&maps);
	return err;
}

static struct mw_error *os_error(const struct mw_thread *thread, int result)
{
	return mw_error_os(-result, "cannot run a system call in thread %d", thread->tid);
}

/* The stop that the injection replaces may be a signal's: keep its siginfo for the delivery. */
static int save_siginfo(struct mw_thread *thread)
{
	int result = 0;

	if (thread->stop.kind == MW_STOP_SIGNAL && !thread->has_saved_siginfo) {
		result = mw_sys_get_siginfo(thread->tid, &thread->saved_siginfo);
		thread->has_saved_siginfo = !result;
	}
	return result;
}

/* As the thread is to run on with them without memwatch. */
static struct user_regs_struct own_registers(const struct mw_injection *injection)
{
	struct user_regs_struct regs = injection->saved_regs;

	mw_arch_restore_number(&regs, &injection->thread->first_interrupted);
	return regs;
}

/* Should memwatch be killed, the tracee finds its registers there. */
static void note_session(struct mw_injection *injection)
{
	const struct mw_inject_site *site = &injection->site;
	struct mw_annex_session session = {
		.tid = injection->thread->tid,
		.mask = injection->saved_mask,
	};
	struct user_regs_struct regs = own_registers(injection);

	if (!site->mem)
		return;
	mw_arch_frame_registers(&regs, session.regs);
	mw_error_destroy(mw_mem_write(site->mem, site->session, &session, sizeof(session)));
	injection->noted = site->session;
}

static void forget_session(const struct mw_injection *injection)
{
	const int64_t none = 0;

	if (injection->noted.v)
		mw_error_destroy(
			mw_mem_write(injection->site.mem, injection->noted, &none, sizeof(none)));
}

bool mw_inject_is_covered(const struct mw_injection *injection)
{
	return injection->frame.range.size;
}

/* @param tid 0: no more. */
static void note_cover(const struct mw_injection *injection, pid_t tid)
{
	const struct mw_annex_cover cover = {tid, injection->frame.range.start.v};

	if (injection->site.mem)
		mw_error_destroy(mw_mem_write(injection->site.mem, injection->site.cover, &cover,
					      sizeof(cover)));
}

void mw_inject_move(struct mw_injection *injection, struct mw_inject_site site)
{
	injection->site = site;
	if (mw_inject_is_covered(injection))
		note_cover(injection, injection->thread->tid);
	else
		note_session(injection);
}

struct mw_error *mw_inject_begin(struct mw_injection *injection, struct mw_thread *thread,
				 struct mw_inject_site site)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	uint64_t mask;
	int result;

	if (err)
		return err;
	result = mw_sys_get_signal_mask(thread->tid, &mask);
	if (!result)
		result = save_siginfo(thread);
	if (result)
		return os_error(thread, result);
	*injection = (struct mw_injection){
		.thread = thread,
		.site = site,
		.saved_regs = *regs,
		.saved_mask = mask,
		.mask = mask,
		.saved_stop = thread->stop,
		.saved_handled = thread->handled,
	};
	note_session(injection);
	return NULL;
}

/*
 * Not before the first call: whoever is let go before has its own. In a signal frame nothing traps,
 * and what the program sends itself can wait as it is.
 */
static struct mw_error *block_signals(struct mw_injection *injection, uint64_t mask)
{
	int result = 0;

	if (injection->mask != mask)
		result = mw_sys_set_signal_mask(injection->thread->tid, mask);
	if (result)
		return os_error(injection->thread, result);
	injection->mask = mask;
	return NULL;
}

/*
 * A SIGTRAP, say, that the program has sent itself is reported before the step: nothing has run
 * yet. The kernel's own signals come with a code above 0 (siginfo_fromuser() in linux/signal.h).
 */
static bool defer(struct mw_injection *injection)
{
	siginfo_t info;

	if (mw_sys_get_siginfo(injection->thread->tid, &info) < 0 || info.si_code > 0)
		return false;
	if (injection->deferred_count < mw_array_size(injection->deferred))
		injection->deferred[injection->deferred_count++] = info;
	return true;
}

/* SIGSTOP can't be blocked: it takes effect, but its siginfo isn't that of the saved stop. */
static struct mw_error *run_into_stop(struct mw_thread *thread, enum mw_resume how)
{
	bool saved = thread->has_saved_siginfo;
	struct mw_error *err;

	thread->has_saved_siginfo = false;
	err = mw_thread_resume(thread, how, SIGSTOP);
	thread->has_saved_siginfo = saved;
	return err;
}

static bool is_stop_signal(const struct mw_thread *thread)
{
	return thread->stop.kind == MW_STOP_SIGNAL && thread->stop.code == SIGSTOP;
}

/* An earlier PTRACE_INTERRUPT or a group-stop may be reported first: the step goes on behind it. */
static bool came_first(struct mw_injection *injection)
{
	const struct mw_stop *stop = &injection->thread->stop;

	return stop->kind == MW_STOP_INTERRUPT || stop->kind == MW_STOP_GROUP ||
	       is_stop_signal(injection->thread) ||
	       (stop->kind == MW_STOP_SIGNAL && defer(injection));
}

static struct mw_error *run(struct mw_injection *injection, enum mw_resume how)
{
	struct mw_thread *thread = injection->thread;
	struct mw_error *err = mw_thread_resume(thread, how, 0);

	for (;;) {
		if (!err)
			err = mw_wait_thread(thread);
		if (err)
			return err;
		if (thread->state == MW_THREAD_GONE)
			return mw_err_gone;
		if (!came_first(injection))
			return NULL;
		injection->left_group_stop |= thread->stop.kind == MW_STOP_GROUP;
		err = is_stop_signal(thread) ? run_into_stop(thread, how)
					     : mw_thread_resume(thread, how, 0);
	}
}

static bool awaits_next_instruction(const struct mw_thread *thread)
{
	return thread->stop.kind == MW_STOP_INTERRUPT || thread->stop.kind == MW_STOP_GROUP;
}

/*
 * Without having run, the thread stands where the kernel will look whether it has a call of its own
 * to restart, which it doesn't behind a call that wasn't stepped. Behind one that was, it would
 * make another step if memwatch were killed, and a sleep would fail for that.
 */
static void stand_anew(struct mw_thread *thread)
{
	struct mw_error *err;

	mw_thread_interrupt(thread);
	err = mw_thread_resume(thread, MW_RESUME_RUN, 0);
	if (!err)
		err = mw_wait_thread(thread);
	while (!err && thread->state != MW_THREAD_GONE && !awaits_next_instruction(thread)) {
		if (is_stop_signal(thread))
			err = run_into_stop(thread, MW_RESUME_RUN);
		else
			err = mw_thread_resume(thread, MW_RESUME_RUN, 0);
		if (!err)
			err = mw_wait_thread(thread);
	}
	if (mw_error_catch_any(err))
		thread->state = MW_THREAD_GONE;
}

static void stop_at_next_instruction(struct mw_injection *injection)
{
	struct mw_thread *thread = injection->thread;

	stand_anew(thread);
	if (injection->saved_stop.kind == MW_STOP_GROUP)
		injection->saved_stop = thread->stop;
	else
		injection->left_group_stop |= thread->stop.kind == MW_STOP_GROUP;
}

void mw_inject_forget_step(struct mw_thread *thread)
{
	bool handled = thread->handled;

	if (!thread->stepped || thread->has_saved_siginfo || !awaits_next_instruction(thread))
		return;
	stand_anew(thread);
	thread->handled = handled;
}

/* That is a stop which can't deliver the signal that the session's thread was stopped for. */
static bool needs_no_delivery(const struct mw_injection *injection)
{
	return (injection->saved_stop.kind == MW_STOP_INTERRUPT ||
		injection->saved_stop.kind == MW_STOP_GROUP) &&
	       !injection->thread->has_saved_siginfo;
}

bool mw_inject_cover(struct mw_injection *injection, const struct mw_signal_frame_site *site)
{
	struct user_regs_struct regs = own_registers(injection);
	struct mw_thread *thread = injection->thread;

	if (mw_inject_is_covered(injection))
		return true;
	if (!needs_no_delivery(injection) ||
	    !mw_signal_frame_init(&injection->frame, site, thread, &regs, injection->saved_mask))
		return false;
	if (thread->stepped)
		stop_at_next_instruction(injection);
	note_cover(injection, thread->tid);
	thread->regs = injection->saved_regs;
	mw_arch_signal_frame_return(&thread->regs, injection->frame.range.start,
				    injection->frame.restorer);
	mw_thread_regs_changed(thread);
	/* A failure means that the thread has died: the first call says so. */
	mw_thread_flush_regs(thread);
	forget_session(injection);
	return true;
}

/* The step trap is reported at the exit of the call, so no debug exception is needed. */
static struct mw_error *step_over_call(struct mw_injection *injection)
{
	struct mw_thread *thread = injection->thread;
	struct mw_error *err = run(injection, MW_RESUME_STEP);

	if (!err && (thread->stop.kind != MW_STOP_SIGNAL || thread->stop.code != SIGTRAP))
		err = mw_error_create(MW_ERROR_OTHER,
				      "thread %d got signal %d during an injected call",
				      thread->tid, thread->stop.code);
	return err;
}

static struct mw_error *run_without_step(struct mw_injection *injection)
{
	struct mw_error *err = run(injection, MW_RESUME_SYSCALL);

	return err ? err : run(injection, MW_RESUME_SYSCALL);
}

/* With the frame on its stack the call returns into what gives the thread its own state back. */
static void prepare(const struct mw_injection *injection, int64_t number, const uint64_t args[6],
		    struct user_regs_struct *regs)
{
	const struct mw_signal_frame *frame = &injection->frame;

	*regs = injection->saved_regs;
	if (!mw_inject_is_covered(injection)) {
		mw_arch_syscall_prepare(regs, injection->site.ip, number, args);
		return;
	}
	mw_arch_signal_frame_return(regs, frame->range.start, frame->restorer);
	mw_arch_syscall_prepare(regs, frame->call, number, args);
	mw_arch_set_sp(regs, frame->range.start);
}

/* @param run_call runs the thread from in front of the call to behind it. */
static struct mw_error *call(struct mw_injection *injection, int64_t number, const uint64_t args[6],
			     struct mw_error *(*run_call)(struct mw_injection *injection),
			     int64_t *ret)
{
	struct mw_thread *thread = injection->thread;
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);

	if (err)
		return err;
	injection->behind_call = true;
	prepare(injection, number, args, regs);
	mw_thread_regs_changed(thread);
	err = run_call(injection);
	if (!err)
		err = mw_thread_regs(thread, &regs);
	if (!err)
		*ret = mw_arch_syscall_result(regs);
	return err;
}

struct mw_error *mw_inject_call(struct mw_injection *injection, int64_t number,
				const uint64_t args[6], int64_t *ret)
{
	bool covered = mw_inject_is_covered(injection);
	struct mw_error *err = block_signals(injection, covered ? ~UINT64_C(0) : ~SYNCHRONOUS);

	return err ? err
		   : call(injection, number, args, covered ? run_without_step : step_over_call,
			  ret);
}

struct mw_error *mw_inject_step(struct mw_injection *injection)
{
	struct mw_thread *thread = injection->thread;
	struct user_regs_struct *regs;
	struct mw_error *err = block_signals(injection, ~SYNCHRONOUS);

	if (!err)
		err = mw_thread_regs(thread, &regs);
	if (err)
		return err;
	*regs = injection->saved_regs;
	mw_thread_regs_changed(thread);
	injection->behind_call = false;
	err = run(injection, MW_RESUME_STEP);
	return err ? err : mw_inject_adopt_regs(injection);
}

struct mw_error *mw_inject_adopt_regs(struct mw_injection *injection)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(injection->thread, &regs);

	if (!err)
		injection->saved_regs = *regs;
	return err;
}

static struct mw_error *call_unstepped(struct mw_injection *injection, int64_t number,
				       const uint64_t args[6], int64_t *ret)
{
	return call(injection, number, args, run_without_step, ret);
}

/*
 * Sent by the thread itself, a signal may say of itself what it likes (rt_tgsigqueueinfo(2)), and
 * waits until the session ends. A step would unblock it: the call is made without. A signal that
 * was taken before needs a stop that can deliver it, which this leaves.
 */
static bool send_as_it_was(struct mw_injection *injection, const siginfo_t *info)
{
	const struct mw_inject_site *site = &injection->site;
	struct mw_thread *thread = injection->thread;
	uint64_t args[6] = {0, 0, (uint64_t)info->si_signo, site->siginfo.v};
	int64_t pid, tid, result = -1;

	if (!injection->noted.v || thread->has_saved_siginfo ||
	    mw_error_catch_any(mw_mem_write(site->mem, site->siginfo, info, sizeof(*info))))
		return false;
	mw_error_destroy(block_signals(injection, ~UINT64_C(0)));
	/* Its own numbers, which aren't ours in another pid namespace. */
	if (mw_error_catch_any(call_unstepped(injection, SYS_getpid, args, &pid)) ||
	    mw_error_catch_any(call_unstepped(injection, SYS_gettid, args, &tid)))
		return false;
	args[0] = (uint64_t)pid;
	args[1] = (uint64_t)tid;
	return !mw_error_catch_any(
		       call_unstepped(injection, SYS_rt_tgsigqueueinfo, args, &result)) &&
	       result == 0;
}

static void send_deferred(struct mw_injection *injection)
{
	const struct mw_thread *thread = injection->thread;

	for (unsigned i = 0; i < injection->deferred_count; i++)
		if (!send_as_it_was(injection, &injection->deferred[i]))
			mw_sys_queue_signal(thread->tgid, thread->tid, &injection->deferred[i]);
}

static void put_back(struct mw_injection *injection)
{
	struct mw_thread *thread = injection->thread;

	/*
	 * Failures mean that the thread died: every step is tried all the same. The mask first: a
	 * thread with its own registers again runs into no trap of ours.
	 */
	mw_sys_set_signal_mask(thread->tid, injection->saved_mask);
	thread->regs = injection->saved_regs;
	mw_sys_set_regs(thread->tid, &thread->regs);
	thread->regs_valid = true;
	thread->regs_dirty = false;
	thread->ip_dirty = false;
	forget_session(injection);
	if (mw_inject_is_covered(injection))
		note_cover(injection, 0);
	thread->stop = injection->saved_stop;
	thread->handled = injection->saved_handled;
	/* Where it will stop again before its next instruction. */
	if (injection->left_group_stop)
		mw_thread_interrupt(thread);
}

void mw_inject_end(struct mw_injection *injection)
{
	struct mw_thread *thread = injection->thread;

	if (thread->state != MW_THREAD_GONE)
		send_deferred(injection);
	if (thread->state != MW_THREAD_GONE && injection->behind_call &&
	    needs_no_delivery(injection))
		stop_at_next_instruction(injection);
	if (thread->state != MW_THREAD_GONE)
		put_back(injection);
	mw_signal_frame_deinit(&injection->frame);
}
