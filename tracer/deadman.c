// SPDX-License-Identifier: MIT
#include "tracer/deadman.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/seccomp.h"

/* Kernel ABI (asm/signal.h); glibc's headers leave it out. */
#define SA_RESTORER_FLAG 0x04000000u
#define SIGNAL_SET_SIZE 8

#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
/* Another watchpoint may go off while ours runs: a signal raised while blocked kills. */
#define SYNCHRONOUS (SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS))

static const int numbers[MW_DEADMAN_SIGNALS] = {
	[MW_DEADMAN_SEGV] = SIGSEGV,
	[MW_DEADMAN_TRAP] = SIGTRAP,
};

static bool is_handler(const struct mw_sigaction *action)
{
	return action->handler > (uintptr_t)SIG_IGN;
}

static bool is_ours(const struct mw_tracer *tracer, const struct mw_sigaction *action)
{
	return action->handler - tracer->annex.start.v < MW_ANNEX_CODE_SIZE;
}

/*
 * Ours stands on the stack that the program has chosen for its own handler, because it may become
 * that one. An ignored signal stays ignored: exec passes that on, and handlers it doesn't.
 */
static void action_for(const struct mw_tracer *tracer, enum mw_deadman_signal signal,
		       const struct mw_sigaction *own, struct mw_sigaction *ret)
{
	uint64_t flags = SA_ONSTACK | SA_RESTART;
	struct mw_arch_deadman code;

	*ret = *own;
	if (own->handler == (uintptr_t)SIG_IGN)
		return;
	mw_arch_deadman(&code);
	if (is_handler(own))
		flags &= own->flags;
	*ret = (struct mw_sigaction){
		.handler = tracer->annex.start.v + code.handlers[signal],
		.flags = flags | SA_NODEFER | SA_SIGINFO | SA_RESTORER_FLAG,
		.restorer = tracer->annex.start.v + code.restorer,
		.mask = ~SYNCHRONOUS,
	};
}

void mw_deadman_action(const struct mw_tracer *tracer, enum mw_deadman_signal signal,
		       struct mw_sigaction *ret)
{
	*ret = tracer->deadman.own[signal];
	if (tracer->deadman.armed[signal])
		action_for(tracer, signal, &tracer->deadman.own[signal], ret);
}

static struct mw_error *inject_sigaction(struct mw_injection *injection,
					 enum mw_deadman_signal signal, mw_addr action, mw_addr old)
{
	const uint64_t args[6] = {(uint64_t)numbers[signal], action.v, old.v, SIGNAL_SET_SIZE};
	int64_t result;
	struct mw_error *err = mw_inject_call(injection, SYS_rt_sigaction, args, &result);

	if (!err && result)
		err = mw_error_os((int)-result, "cannot %s the target's handler of signal %d",
				  action.v ? "set" : "read", numbers[signal]);
	return err;
}

static mw_addr own_at(const struct mw_tracer *tracer, enum mw_deadman_signal signal)
{
	return mw_addr_add(mw_annex_at(tracer, own), signal * sizeof(struct mw_sigaction));
}

static mw_addr ours_at(const struct mw_tracer *tracer, enum mw_deadman_signal signal)
{
	return mw_addr_add(mw_annex_at(tracer, ours), signal * sizeof(struct mw_sigaction));
}

static struct mw_error *note_ours(const struct mw_tracer *tracer, enum mw_deadman_signal signal,
				  const struct mw_sigaction *action)
{
	return mw_mem_write(&tracer->mem, ours_at(tracer, signal), action, sizeof(*action));
}

static struct mw_error *set_own(struct mw_tracer *tracer, enum mw_deadman_signal signal,
				const struct mw_sigaction *action)
{
	tracer->deadman.own[signal] = *action;
	return mw_mem_write(&tracer->mem, own_at(tracer, signal), action, sizeof(*action));
}

static struct mw_error *read_action(struct mw_tracer *tracer, struct mw_injection *injection,
				    enum mw_deadman_signal signal, struct mw_sigaction *ret)
{
	struct mw_error *err =
		inject_sigaction(injection, signal, MW_ADDR_NULL, mw_annex_at(tracer, io));

	return err ? err : mw_mem_read(&tracer->mem, mw_annex_at(tracer, io), ret, sizeof(*ret));
}

struct mw_error *mw_deadman_learn(struct mw_tracer *tracer, struct mw_injection *injection)
{
	struct mw_error *err = NULL;

	for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS && !err; signal++) {
		struct mw_sigaction action;

		if (tracer->deadman.armed[signal])
			continue;
		err = read_action(tracer, injection, signal, &action);
		if (!err)
			err = set_own(tracer, signal, &action);
	}
	return err;
}

struct mw_error *mw_deadman_reinstall(struct mw_tracer *tracer, struct mw_injection *injection,
				      enum mw_deadman_signal signal)
{
	struct mw_sigaction action;
	struct mw_error *err;
	bool ours;

	mw_deadman_action(tracer, signal, &action);
	ours = is_ours(tracer, &action);
	err = mw_mem_write(&tracer->mem, mw_annex_at(tracer, io), &action, sizeof(action));
	/* Ours is noted while it is there only: who finds another then, takes it for replaced. */
	if (!err && !ours)
		err = note_ours(tracer, signal, &action);
	if (!err)
		err = inject_sigaction(injection, signal, mw_annex_at(tracer, io), MW_ADDR_NULL);
	if (!err && ours)
		err = note_ours(tracer, signal, &action);
	return err;
}

static void tell_refusal(struct mw_tracer *tracer, const char *why)
{
	if (!tracer->deadman.told)
		mw_engine_emit_notice(tracer,
				      "the target has no handler of its own for the death of "
				      "memwatch (%s): don't kill -9 memwatch",
				      why);
	tracer->deadman.told = true;
}

/* Where system calls aren't traced, the program would see, and could replace, our handler. */
static bool may_arm(struct mw_tracer *tracer, enum mw_deadman_signal signal)
{
	if (tracer->deadman.refused)
		tell_refusal(tracer, "it may not have executable memory");
	else if (signal == MW_DEADMAN_SEGV && tracer->options.ignore_syscalls)
		tell_refusal(tracer, "--syscalls=off");
	else
		return true;
	return false;
}

struct mw_error *mw_deadman_arm(struct mw_tracer *tracer, struct mw_injection *injection,
				enum mw_deadman_signal signal)
{
	struct mw_deadman *deadman = &tracer->deadman;
	struct mw_sigaction action;
	struct mw_error *err;

	if (!may_arm(tracer, signal))
		return NULL;
	/* Unless its calls are watched, the program may have set another one meanwhile. */
	if (!tracer->trace_syscalls) {
		err = read_action(tracer, injection, signal, &action);
		if (!err && deadman->armed[signal] && is_ours(tracer, &action))
			return NULL;
		if (!err)
			err = set_own(tracer, signal, &action);
		if (err)
			return err;
	} else if (deadman->armed[signal]) {
		return NULL;
	}
	deadman->armed[signal] = true;
	err = mw_deadman_reinstall(tracer, injection, signal);
	deadman->armed[signal] = !err;
	return err;
}

bool mw_deadman_ends_calls(const struct mw_tracer *tracer)
{
	return tracer->deadman.armed[MW_DEADMAN_TRAP] &&
	       tracer->deadman.own[MW_DEADMAN_TRAP].handler != (uintptr_t)SIG_IGN;
}

void mw_deadman_cover(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_seccomp_check(tracer, MW_SECCOMP_PAGES);
	struct mw_injection injection;

	mw_annex_call_guardian(tracer);
	if (!err)
		err = mw_engine_inject(tracer, &injection);
	if (!err) {
		err = mw_annex_open(tracer, &injection);
		if (!err)
			err = mw_deadman_arm(tracer, &injection, MW_DEADMAN_TRAP);
		mw_inject_end(&injection);
	}
	if (err)
		tell_refusal(tracer, err->message);
	mw_error_destroy(err);
}

/* What the program has set since, unseen, stays; but it may have got our address in return. */
static struct mw_error *give_back(struct mw_tracer *tracer, struct mw_injection *injection,
				  enum mw_deadman_signal signal)
{
	struct mw_sigaction action;
	struct mw_error *err;

	tracer->deadman.armed[signal] = false;
	if (tracer->trace_syscalls)
		return mw_deadman_reinstall(tracer, injection, signal);
	err = read_action(tracer, injection, signal, &action);
	if (!err && is_ours(tracer, &action))
		return mw_deadman_reinstall(tracer, injection, signal);
	tracer->deadman.escaped = true;
	return err;
}

void mw_deadman_disarm(struct mw_tracer *tracer, struct mw_injection *injection)
{
	for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS; signal++)
		if (tracer->deadman.armed[signal])
			/* A failure means that the process is gone. */
			mw_error_destroy(give_back(tracer, injection, signal));
}

static bool uses_hardware(const struct mw_tracer *tracer)
{
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		if (tracer->hw.slots[slot].range.size)
			return true;
	return false;
}

void mw_deadman_settle(struct mw_tracer *tracer)
{
	bool pages = tracer->pages.list.count > 0;
	const bool needed[MW_DEADMAN_SIGNALS] = {
		[MW_DEADMAN_SEGV] = pages,
		[MW_DEADMAN_TRAP] = pages || uses_hardware(tracer) ||
				    (tracer->options.take_child && tracer->guards.count),
	};
	struct mw_injection injection;
	struct mw_error *err;
	bool idle = false;

	for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS; signal++)
		idle |= tracer->deadman.armed[signal] && !needed[signal];
	if (!idle)
		return;
	err = mw_seccomp_check(tracer, MW_SECCOMP_PAGES);
	if (!err)
		err = mw_engine_await_cover(tracer);
	if (!err)
		err = mw_annex_evacuate(tracer, tracer->annex.start, NULL, NULL);
	if (!err)
		err = mw_engine_inject_last(tracer, &injection);
	if (!err) {
		for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS && !err; signal++)
			if (tracer->deadman.armed[signal] && !needed[signal])
				err = give_back(tracer, &injection, signal);
		mw_inject_end(&injection);
	}
	/* The detach tries again. */
	mw_error_destroy(err);
}

void mw_deadman_disarm_copy(const struct mw_tracer *tracer, struct mw_injection *injection)
{
	for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS; signal++)
		if (tracer->deadman.armed[signal])
			mw_error_destroy(inject_sigaction(injection, signal, own_at(tracer, signal),
							  MW_ADDR_NULL));
}

void mw_deadman_forget(struct mw_tracer *tracer)
{
	tracer->deadman = (struct mw_deadman){.told = tracer->deadman.told};
}

static bool find_signal(uint64_t number, enum mw_deadman_signal *ret)
{
	for (unsigned signal = 0; signal < MW_DEADMAN_SIGNALS; signal++)
		if ((uint64_t)numbers[signal] == number) {
			*ret = signal;
			return true;
		}
	return false;
}

/* A vfork child shares the memory, but not the handlers: what it sets is its own. */
static bool shares_handlers(const struct mw_tracer *tracer, const struct mw_thread *thread)
{
	return thread->tgid == tracer->pid;
}

struct mw_error *mw_deadman_on_sigaction(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_redirect *call = &thread->redirect;
	struct mw_sigaction action, ours;
	enum mw_deadman_signal signal;
	struct mw_error *err;

	if (!find_signal(call->args[0], &signal) || !shares_handlers(tracer, thread))
		return NULL;
	thread->replaced_action = tracer->deadman.own[signal];
	/* The kernel says itself what is wrong with the arguments. */
	if (!call->args[1] || call->args[3] != SIGNAL_SET_SIZE ||
	    mw_mem_read_some(&tracer->mem, mw_addr_make(call->args[1]), &action, sizeof(action)) !=
		    sizeof(action))
		return NULL;
	action.mask &= ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1));
	err = set_own(tracer, signal, &action);
	if (err || !tracer->deadman.armed[signal])
		return err;
	action_for(tracer, signal, &action, &ours);
	err = note_ours(tracer, signal, &ours);
	if (err)
		return err;
	mw_arch_set_syscall_arg(&thread->regs, 1, ours_at(tracer, signal).v);
	mw_thread_regs_changed(thread);
	return NULL;
}

/* What the kernel has said was set is ours: the program gets what it had set. */
static struct mw_error *correct_old_action(struct mw_tracer *tracer, const struct mw_thread *thread,
					   const struct mw_sigaction *own)
{
	struct mw_sigaction told;
	uint64_t args[6];
	struct mw_error *err;

	mw_arch_syscall_args(&thread->regs, args);
	if (!args[2] || mw_arch_syscall_result(&thread->regs) != 0)
		return NULL;
	err = mw_mem_read(&tracer->mem, mw_addr_make(args[2]), &told, sizeof(told));
	if (err || !is_ours(tracer, &told))
		return err;
	return mw_mem_write(&tracer->mem, mw_addr_make(args[2]), own, sizeof(*own));
}

struct mw_error *mw_deadman_after_sigaction(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_redirect *call = &thread->redirect;
	enum mw_deadman_signal signal;

	if (!find_signal(call->args[0], &signal))
		return NULL;
	if (!shares_handlers(tracer, thread))
		return correct_old_action(tracer, thread, &tracer->deadman.own[signal]);
	mw_arch_set_syscall_arg(&thread->regs, 1, call->args[1]);
	mw_thread_regs_changed(thread);
	return correct_old_action(tracer, thread, &thread->replaced_action);
}

/* The kernel knows best how a process dies of a signal. */
static struct mw_error *put_default(struct mw_tracer *tracer, struct mw_thread *thread,
				    enum mw_deadman_signal signal)
{
	struct mw_injection injection;
	struct mw_sigaction action;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);

	if (err)
		return err;
	err = read_action(tracer, &injection, signal, &action);
	if (!err && is_ours(tracer, &action))
		err = inject_sigaction(&injection, signal, mw_annex_at(tracer, fallback),
				       MW_ADDR_NULL);
	mw_inject_end(&injection);
	return err;
}

/* The dead-man passes it on, on the same frame, as it does when memwatch is dead. */
static struct mw_error *pass_on(struct mw_tracer *tracer, const struct mw_thread *thread,
				enum mw_deadman_signal signal)
{
	const int64_t tid = thread->tid;

	if (tracer->deadman.own[signal].flags & SA_RESETHAND)
		tracer->deadman.own[signal].handler = (uintptr_t)SIG_DFL;
	if (signal != MW_DEADMAN_SEGV)
		return NULL;
	return mw_mem_write(&tracer->mem, mw_annex_at(tracer, passing), &tid, sizeof(tid));
}

struct mw_error *mw_deadman_deliver(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_sigaction *own;
	enum mw_deadman_signal signal;

	if (!find_signal((uint64_t)thread->stop.code, &signal) || !tracer->deadman.armed[signal])
		return NULL;
	own = &tracer->deadman.own[signal];
	if (own->handler == (uintptr_t)SIG_DFL)
		return put_default(tracer, thread, signal);
	if (is_handler(own) && shares_handlers(tracer, thread))
		return pass_on(tracer, thread, signal);
	return NULL;
}
