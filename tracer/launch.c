// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/** Between the two sides of the fork. */
struct handshake {
	/** The child waits here until it is seized. */
	int go[2];
	/** The child writes the errno of a failed exec here; a successful one closes it. */
	int failure[2];
};

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static struct mw_error *open_handshake(struct handshake *ret)
{
	if (pipe2(ret->go, O_CLOEXEC) < 0)
		return mw_error_os(errno, "cannot make a pipe");
	if (pipe2(ret->failure, O_CLOEXEC) < 0) {
		close_pair(ret->go);
		return mw_error_os(errno, "cannot make a pipe");
	}
	return NULL;
}

/* What memwatch has changed for itself, the program must not inherit. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		    (action.sa_handler != SIG_IGN || signal == SIGPIPE)) {
			action.sa_handler = SIG_DFL;
			action.sa_flags = 0;
			sigaction(signal, &action, NULL);
		}
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

MW_NORETURN static void become_program(const struct handshake *handshake, char *const argv[],
				       bool own_process_group)
{
	char byte;
	int errnum;

	if (own_process_group)
		setpgid(0, 0);
	reset_signals();
	close(handshake->go[1]);
	if (read(handshake->go[0], &byte, 1) == 1) {
		execvp(argv[0], argv);
		errnum = errno;
		mw_write_full(handshake->failure[1], &errnum, sizeof(errnum));
	}
	_exit(127);
}

/* The child is told to go on, and stops in the exec event or ends with the reason. */
static struct mw_error *await_exec(struct mw_tracer *tracer, const struct handshake *handshake,
				   const char *program)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tracer->pid);
	struct mw_error *err = NULL;
	int errnum = 0;

	if (mw_write_full(handshake->go[1], "", 1) < 0)
		return mw_error_os(errno, "cannot start %s", program);
	do {
		err = mw_wait_thread(thread);
		if (err)
			return err;
		if (thread->state == MW_THREAD_GONE) {
			if (read(handshake->failure[0], &errnum, sizeof(errnum)) <= 0)
				errnum = ECANCELED;
			return mw_error_os(errnum == ESRCH ? ENOENT : errnum, "cannot start %s",
					   program);
		}
		if (thread->stop.kind != MW_STOP_EXEC)
			err = mw_engine_resume(
				tracer, thread,
				thread->stop.kind == MW_STOP_SIGNAL ? thread->stop.code : 0);
	} while (!err && thread->stop.kind != MW_STOP_EXEC);
	return err;
}

static struct mw_error *seize_child(struct mw_tracer *tracer, pid_t pid)
{
	struct mw_thread *thread;
	int result = mw_sys_seize(pid, MW_TRACE_OPTIONS);

	if (result < 0)
		return mw_error_os(-result, "cannot trace the program that is to be started");
	return mw_engine_add_thread(tracer, pid, pid, &thread);
}

static struct mw_error *start(struct mw_tracer *tracer, char *const argv[])
{
	struct handshake handshake;
	struct mw_error *err = open_handshake(&handshake);
	pid_t pid;

	if (err)
		return err;
	pid = fork();
	if (pid == 0)
		become_program(&handshake, argv, tracer->options.own_process_group);
	close(handshake.go[0]);
	close(handshake.failure[1]);
	tracer->pid = pid;
	if (pid < 0)
		err = mw_error_os(errno, "cannot start a process");
	if (!err)
		err = seize_child(tracer, pid);
	if (!err)
		err = await_exec(tracer, &handshake, argv[0]);
	close(handshake.go[1]);
	close(handshake.failure[0]);
	return err;
}

static struct mw_error *run_to_entry(struct mw_tracer *tracer)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tracer->pid);
	struct mw_error *err = mw_engine_open_image(tracer);

	if (!err)
		err = mw_entry_set(tracer);
	if (!err)
		err = mw_engine_resume(tracer, thread, 0);
	while (!err && !tracer->entry.reached) {
		if (!mw_crew_turn(tracer->crew) || tracer->state == MW_TRACEE_EXITED)
			err = mw_error_create(
				MW_ERROR_OTHER,
				"the program ended before it reached its entry point");
	}
	return err;
}

/* A program that can't be watched from its start isn't left running half begun. */
static void abandon(struct mw_tracer *tracer)
{
	struct mw_thread *thread = mw_engine_thread(tracer, tracer->pid);

	if (!thread)
		return;
	if (thread->state != MW_THREAD_GONE) {
		kill(tracer->pid, SIGKILL);
		while (thread->state != MW_THREAD_GONE)
			if (mw_wait_thread(thread))
				break;
	}
	mw_engine_remove_thread(tracer, thread);
}

struct mw_error *mw_engine_launch(struct mw_tracer *tracer, char *const argv[])
{
	struct mw_error *err;

	tracer->entry.launching = true;
	err = start(tracer, argv);
	if (!err)
		err = run_to_entry(tracer);
	tracer->entry.launching = false;
	if (err) {
		abandon(tracer);
		return err;
	}
	mw_engine_emit_state(tracer, MW_TRACEE_STOPPED, 0);
	return NULL;
}

struct mw_error *mw_entry_set(struct mw_tracer *tracer)
{
	struct mw_entry *entry = &tracer->entry;
	uint64_t address;
	struct mw_error *err = mw_proc_auxv(tracer->pid, AT_ENTRY, &address);

	if (err)
		return err;
	entry->addr = mw_addr_make(address);
	entry->reached = false;
	err = mw_mem_read(&tracer->mem, entry->addr, entry->saved, mw_arch_breakpoint_size);
	if (!err)
		err = mw_mem_write(&tracer->mem, entry->addr, mw_arch_breakpoint,
				   mw_arch_breakpoint_size);
	entry->set = !err;
	return err;
}

struct mw_error *mw_entry_handle_trap(struct mw_tracer *tracer, struct mw_thread *thread, bool *ret)
{
	struct mw_entry *entry = &tracer->entry;
	struct user_regs_struct *regs;
	struct mw_error *err;

	if (!entry->set)
		return NULL;
	err = mw_thread_regs(thread, &regs);
	if (err)
		return err;
	if (mw_arch_ip(regs).v != entry->addr.v + mw_arch_breakpoint_size)
		return NULL;
	err = mw_mem_write(&tracer->mem, entry->addr, entry->saved, mw_arch_breakpoint_size);
	if (err)
		return err;
	mw_arch_set_ip(regs, entry->addr);
	mw_thread_regs_changed(thread);
	entry->set = false;
	entry->reached = true;
	tracer->hold = true;
	*ret = true;
	if (!entry->launching)
		mw_engine_emit_exec(tracer);
	return NULL;
}
