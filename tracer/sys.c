// SPDX-License-Identifier: MIT
#include "tracer/sys.h"

#include <elf.h>
#include <errno.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* glibc's ptrace() is variadic and rewrites PEEK results: the system call itself is plainer. */
static int ptrace_call(long request, pid_t tid, uintptr_t addr, uintptr_t data)
{
	long result = syscall(SYS_ptrace, request, tid, addr, data);

	return result < 0 ? -errno : (int)result;
}

int mw_sys_seize(pid_t tid, uint64_t options)
{
	return ptrace_call(PTRACE_SEIZE, tid, 0, options);
}

int mw_sys_set_options(pid_t tid, uint64_t options)
{
	return ptrace_call(PTRACE_SETOPTIONS, tid, 0, options);
}

int mw_sys_interrupt(pid_t tid)
{
	return ptrace_call(PTRACE_INTERRUPT, tid, 0, 0);
}

int mw_sys_resume(int request, pid_t tid, int signal)
{
	return ptrace_call(request, tid, 0, (uintptr_t)signal);
}

int mw_sys_detach(pid_t tid, int signal)
{
	return ptrace_call(PTRACE_DETACH, tid, 0, (uintptr_t)signal);
}

int mw_sys_get_regs(pid_t tid, struct user_regs_struct *ret)
{
	return ptrace_call(PTRACE_GETREGS, tid, 0, (uintptr_t)ret);
}

int mw_sys_set_regs(pid_t tid, const struct user_regs_struct *regs)
{
	return ptrace_call(PTRACE_SETREGS, tid, 0, (uintptr_t)regs);
}

int mw_sys_get_xstate(pid_t tid, void *ret, size_t size)
{
	struct iovec iov = {ret, size};
	int result = ptrace_call(PTRACE_GETREGSET, tid, NT_X86_XSTATE, (uintptr_t)&iov);

	return result < 0 ? result : (int)iov.iov_len;
}

int mw_sys_set_xstate(pid_t tid, const void *xstate, size_t size)
{
	struct iovec iov = {(void *)(uintptr_t)xstate, size};

	return ptrace_call(PTRACE_SETREGSET, tid, NT_X86_XSTATE, (uintptr_t)&iov);
}

int mw_sys_get_siginfo(pid_t tid, siginfo_t *ret)
{
	return ptrace_call(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)ret);
}

int mw_sys_set_siginfo(pid_t tid, const siginfo_t *info)
{
	return ptrace_call(PTRACE_SETSIGINFO, tid, 0, (uintptr_t)info);
}

int mw_sys_peek_pending(pid_t tid, siginfo_t *ret, size_t max)
{
	struct __ptrace_peeksiginfo_args args = {.nr = (int)max};

	return ptrace_call(PTRACE_PEEKSIGINFO, tid, (uintptr_t)&args, (uintptr_t)ret);
}

int mw_sys_get_seccomp_filter(pid_t tid, unsigned index, struct sock_filter *ret)
{
	return ptrace_call(PTRACE_SECCOMP_GET_FILTER, tid, index, (uintptr_t)ret);
}

int mw_sys_get_event_message(pid_t tid, uint64_t *ret)
{
	return ptrace_call(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)ret);
}

int mw_sys_get_signal_mask(pid_t tid, uint64_t *ret)
{
	return ptrace_call(PTRACE_GETSIGMASK, tid, sizeof(*ret), (uintptr_t)ret);
}

int mw_sys_set_signal_mask(pid_t tid, uint64_t mask)
{
	return ptrace_call(PTRACE_SETSIGMASK, tid, sizeof(mask), (uintptr_t)&mask);
}

int mw_sys_get_syscall_op(pid_t tid)
{
	struct __ptrace_syscall_info info = {0};
	int result = ptrace_call(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), (uintptr_t)&info);

	return result < 0 ? result : info.op;
}

int mw_sys_get_rseq(pid_t tid, uint64_t *ret)
{
	struct ptrace_rseq_configuration rseq = {0};
	int result =
		ptrace_call(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(rseq), (uintptr_t)&rseq);

	*ret = rseq.rseq_abi_pointer;
	return result < 0 ? result : 0;
}

int mw_sys_poke_user(pid_t tid, size_t offset, uint64_t value)
{
	return ptrace_call(PTRACE_POKEUSER, tid, offset, value);
}

int mw_sys_peek_user(pid_t tid, size_t offset, uint64_t *ret)
{
	return ptrace_call(PTRACE_PEEKUSER, tid, offset, (uintptr_t)ret);
}

int mw_sys_tgkill(pid_t tgid, pid_t tid, int signal)
{
	return syscall(SYS_tgkill, tgid, tid, signal) < 0 ? -errno : 0;
}

int mw_sys_fetch_fd(pid_t tgid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);
	int fetched, errnum;

	if (pidfd < 0)
		return -errno;
	fetched = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	errnum = errno;
	close(pidfd);
	return fetched < 0 ? -errnum : fetched;
}

int mw_sys_queue_signal(pid_t tgid, pid_t tid, siginfo_t *info)
{
	if (syscall(SYS_rt_tgsigqueueinfo, tgid, tid, info->si_signo, info) == 0)
		return 0;
	return mw_sys_tgkill(tgid, tid, info->si_signo);
}

int mw_sys_perf_event_open(struct perf_event_attr *attr, pid_t tid)
{
	long fd = syscall(SYS_perf_event_open, attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}
