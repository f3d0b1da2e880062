// SPDX-License-Identifier: MIT
/**
 * The system calls that memwatch makes on a tracee, one function each: the only raw call sites.
 * All return 0 (or what the call yields) on success and -errno on failure; -ESRCH means that the
 * thread died, which is a result and not a failure.
 */
#ifndef MW_TRACER_SYS_H
#define MW_TRACER_SYS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

#include <linux/filter.h>
#include <linux/perf_event.h>

int mw_sys_seize(pid_t tid, uint64_t options);
int mw_sys_set_options(pid_t tid, uint64_t options);
int mw_sys_interrupt(pid_t tid);
/** @param request PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP or PTRACE_LISTEN. */
int mw_sys_resume(int request, pid_t tid, int signal);
int mw_sys_detach(pid_t tid, int signal);
int mw_sys_get_regs(pid_t tid, struct user_regs_struct *ret);
int mw_sys_set_regs(pid_t tid, const struct user_regs_struct *regs);
/** Reads the XSAVE image. @return its size in bytes. */
int mw_sys_get_xstate(pid_t tid, void *ret, size_t size);
int mw_sys_set_xstate(pid_t tid, const void *xstate, size_t size);
int mw_sys_get_siginfo(pid_t tid, siginfo_t *ret);
int mw_sys_set_siginfo(pid_t tid, const siginfo_t *info);
/** Copies the signals that wait for this very thread. @return how many. */
int mw_sys_peek_pending(pid_t tid, siginfo_t *ret, size_t max);
/** Copies the @index-th newest seccomp filter (at most BPF_MAXINSNS). @return how many steps. */
int mw_sys_get_seccomp_filter(pid_t tid, unsigned index, struct sock_filter *ret);
int mw_sys_get_event_message(pid_t tid, uint64_t *ret);
int mw_sys_get_signal_mask(pid_t tid, uint64_t *ret);
int mw_sys_set_signal_mask(pid_t tid, uint64_t mask);
/** Says whether a syscall stop is the entry or the exit. @return PTRACE_SYSCALL_INFO_ENTRY … */
int mw_sys_get_syscall_op(pid_t tid);
/** Where the thread keeps its struct rseq; 0: nowhere. @return 0 or -errno. */
int mw_sys_get_rseq(pid_t tid, uint64_t *ret);
int mw_sys_poke_user(pid_t tid, size_t offset, uint64_t value);
int mw_sys_peek_user(pid_t tid, size_t offset, uint64_t *ret);
/** Sends a signal again, with as much of its siginfo as the kernel lets a stranger say. */
int mw_sys_queue_signal(pid_t tgid, pid_t tid, siginfo_t *info);
int mw_sys_tgkill(pid_t tgid, pid_t tid, int signal);
/** @return a duplicate of @fd of the process @tgid. */
int mw_sys_fetch_fd(pid_t tgid, int fd);
/** @return a descriptor. */
int mw_sys_perf_event_open(struct perf_event_attr *attr, pid_t tid);

#endif
