// SPDX-License-Identifier: MIT
/** What a wait status of a seized thread means. Pure. */
#ifndef MW_TRACER_STOP_H
#define MW_TRACER_STOP_H

enum mw_stop_kind {
	/** The thread (for the last one: the process) ended by itself; `code` is its exit code. */
	MW_STOP_EXITED,
	/** Killed by signal `code`. */
	MW_STOP_KILLED,
	/** About to get signal `code`: resume with it, or with 0 if it is ours. */
	MW_STOP_SIGNAL,
	/** Stopped by job control with signal `code`: PTRACE_LISTEN keeps it so. */
	MW_STOP_GROUP,
	/** PTRACE_INTERRUPT took effect, or a new thread stands at its first instruction. */
	MW_STOP_INTERRUPT,
	/** Entry to or exit from a system call. */
	MW_STOP_SYSCALL,
	/** Made a child process (the event message is its pid). */
	MW_STOP_FORK,
	MW_STOP_VFORK,
	/** The vfork child has released its parent. */
	MW_STOP_VFORK_DONE,
	/** Made a thread, or a child without SIGCHLD (the event message is its tid). */
	MW_STOP_CLONE,
	/** A new image; the event message is the tid the caller had. */
	MW_STOP_EXEC,
	/** On its way out; memory is still there. */
	MW_STOP_EXIT,
	/** A status that seized threads don't have. */
	MW_STOP_UNKNOWN,
};

struct mw_stop {
	enum mw_stop_kind kind;
	/** Exit code or signal number. */
	int code;
};

/** Classifies a status as waitpid() gives it for a thread seized with PTRACE_O_TRACESYSGOOD. */
struct mw_stop mw_stop_classify(int status);

#endif
