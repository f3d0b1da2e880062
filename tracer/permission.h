// SPDX-License-Identifier: MIT
/** Why a process can't be attached to, and what to do about it: one line each. */
#ifndef MW_TRACER_PERMISSION_H
#define MW_TRACER_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

/** What the diagnosis looks at: this machine and memwatch's own rights. Tests make up others. */
struct mw_permission_host {
	/** "/proc" */
	const char *proc;
	/** File with Yama's ptrace_scope; need not exist. */
	const char *yama;
	/** memwatch itself: its process, and the real ids that the kernel compares. */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint64_t cap_effective;
	uint64_t cap_permitted;
	/** It runs under a seccomp filter. */
	bool seccomp;
	/** Whether @pid exists though /proc doesn't show it (hidepid). */
	bool (*exists)(pid_t pid);
};

/** Describes this machine and the calling process. */
struct mw_error *mw_permission_host_init(struct mw_permission_host *ret) MW_MUST_CHECK;

/**
 * Finds what makes it certain, before trying, that @pid can't or shouldn't be attached to: no such
 * process, a thread, memwatch itself, a zombie, a kernel thread, traced already, not 64-bit.
 *
 * @param host NULL for the real one.
 * @return NULL to go ahead; MW_ERROR_NOT_FOUND, MW_ERROR_USAGE, or MW_ERROR_PERMISSION when
 *         another tracer has it.
 */
struct mw_error *mw_permission_check(pid_t pid,
				     const struct mw_permission_host *host) MW_MUST_CHECK;

/**
 * Explains why PTRACE_SEIZE of @pid has failed with @errnum; never NULL. Beside what
 * mw_permission_check finds: user, dumpability, Yama, capabilities, user namespace; all of them
 * only likely, since the kernel doesn't say.
 */
struct mw_error *mw_permission_explain(pid_t pid, int errnum,
				       const struct mw_permission_host *host) MW_MUST_CHECK;

#endif
