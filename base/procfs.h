// SPDX-License-Identifier: MIT
/** What /proc tells about a process, beside its maps. */
#ifndef MW_BASE_PROCFS_H
#define MW_BASE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

/** Longest thread name, with its NUL (TASK_COMM_LEN). */
#define MW_COMM_SIZE 16

/** The lines of /proc/PID/status that memwatch decides by. */
struct mw_proc_status {
	char name[64];
	/** One letter: R S D T t Z X … */
	char state;
	pid_t tgid;
	pid_t pid;
	pid_t ppid;
	pid_t tracer_pid;
	/** Real, effective, saved and file-system ids. */
	uid_t uid[4];
	gid_t gid[4];
	int threads;
	/** 0 off, 1 strict, 2 filter. */
	int seccomp;
	/** Has no address space: a kernel thread or a zombie. */
	bool no_memory;
	/** Signal masks, bit (signal - 1). */
	/** Waiting for this thread, and for any thread of the process. */
	uint64_t sig_pending;
	uint64_t sig_pending_shared;
	uint64_t sig_blocked;
	uint64_t sig_ignored;
	uint64_t sig_caught;
	/** Keeps its return addresses a second time, where only calls can write them. */
	bool shadow_stack;
	/** Effective capabilities. */
	uint64_t cap_effective;
};

/** Reads /proc/@pid/status; @pid may be a thread id. @return mw_err_gone when there is none. */
struct mw_error *mw_proc_status_read(pid_t pid, struct mw_proc_status *ret) MW_MUST_CHECK;

/** Parses the text of a status file. Pure; @text is only read. */
struct mw_error *mw_proc_status_parse(const char *text, struct mw_proc_status *ret) MW_MUST_CHECK;

/** Copies the name of a thread of @pid, or "" when it is gone. */
void mw_proc_thread_name(pid_t pid, pid_t tid, char ret[MW_COMM_SIZE]);

/** Lists the thread ids of @pid. @param ret heap array owned by the caller. */
struct mw_error *mw_proc_threads(pid_t pid, pid_t **ret, size_t *ret_count) MW_MUST_CHECK;

/** Reads entry @type (AT_ENTRY …) of /proc/@pid/auxv. @return mw_err_not_found if it isn't there.
 */
struct mw_error *mw_proc_auxv(pid_t pid, uint64_t type, uint64_t *ret) MW_MUST_CHECK;

/** When @pid was started, in clock ticks since boot: with the pid it names one process only. */
struct mw_error *mw_proc_start_time(pid_t pid, uint64_t *ret) MW_MUST_CHECK;

#endif
