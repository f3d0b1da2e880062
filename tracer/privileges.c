// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "base/procfs.h"
#include "tracer/sys.h"

/*
 * The kernel withholds the privileges of a set-user-ID program that is traced by somebody who
 * could not give them (ptrace(2), execve(2)). A fork child is let go before it can call exec; a
 * vfork child, as posix_spawn() makes them, is let go right at its exec.
 */

static bool can_give_privileges(void)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(getpid(), &status);

	if (err) {
		mw_error_destroy(err);
		return false;
	}
	return status.cap_effective >> CAP_SYS_PTRACE & 1;
}

/** True for a file that changes the privileges of who runs it. */
static bool changes_privileges(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0 || !S_ISREG(file.st_mode))
		return false;
	return (file.st_mode & (S_ISUID | S_ISGID)) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/** What the thread is about to execute, as this process reaches it. @return false: unknown. */
static bool executed_path(const struct mw_tracer *tracer, pid_t tid, int64_t number,
			  const uint64_t args[6], char ret[PATH_MAX])
{
	char name[PATH_MAX - 64] = "";
	bool at = number == SYS_execveat;
	int length;

	mw_mem_read_some(&tracer->mem, mw_addr_make(args[at]), name, sizeof(name) - 1);
	if (*name == '/')
		length = snprintf(ret, PATH_MAX, "/proc/%d/root%s", tid, name);
	else if (at && (int)args[0] != AT_FDCWD)
		length = snprintf(ret, PATH_MAX, "/proc/%d/fd/%d%s%s", tid, (int)args[0],
				  *name ? "/" : "", name);
	else
		length = snprintf(ret, PATH_MAX, "/proc/%d/cwd/%s", tid, name);
	return length < PATH_MAX;
}

void mw_privileges_check(struct mw_tracer *tracer, struct mw_thread *thread, bool *ret)
{
	struct user_regs_struct *regs;
	char path[PATH_MAX];
	struct mw_error *err;
	uint64_t args[6];
	int64_t number;

	*ret = false;
	if (thread->tgid == tracer->pid)
		return;
	err = mw_thread_regs(thread, &regs);
	if (err) {
		mw_error_destroy(err);
		return;
	}
	number = mw_arch_syscall_number(regs);
	if (number != SYS_execve && number != SYS_execveat)
		return;
	mw_arch_syscall_args(regs, args);
	if (mw_sys_get_syscall_op(thread->tid) != PTRACE_SYSCALL_INFO_ENTRY ||
	    !executed_path(tracer, thread->tid, number, args, path) || !changes_privileges(path) ||
	    can_give_privileges())
		return;
	mw_sys_detach(thread->tid, 0);
	mw_engine_remove_thread(tracer, thread);
	*ret = true;
}

void mw_privileges_tell(struct mw_tracer *tracer)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", tracer->pid);
	if (changes_privileges(path) && !can_give_privileges())
		mw_engine_emit_notice(tracer,
				      "process %d runs a program without the privileges of its "
				      "owner, because it is traced: start memwatch as root",
				      tracer->pid);
}
