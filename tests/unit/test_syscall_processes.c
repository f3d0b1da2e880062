// SPDX-License-Identifier: MIT
/* Children, signals and clocks: when a call writes depends on how it ends. */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "syscall_trial.h"

#define KERNEL_SIGSET_BYTES 8

static void process_exiting(struct trial *trial, int64_t number)
{
	siginfo_t info;

	trial->child = fork();
	if (!trial->child)
		_exit(42);
	assert_int_equal(waitid(P_PID, (id_t)trial->child, &info, WEXITED | WNOWAIT), 0);
	trial->number = number;
}

static void wait4_child(struct trial *trial)
{
	process_exiting(trial, SYS_wait4);
	trial_call(trial, SYS_wait4, (uint64_t)trial->child, trial_pointer(trial_take(trial, 4)), 0,
		   trial_pointer(trial_take(trial, 144)));
}

static void wait4_running_child(struct trial *trial)
{
	trial->child = fork();
	if (!trial->child)
		for (;;)
			pause();
	trial_call(trial, SYS_wait4, (uint64_t)trial->child, trial_pointer(trial_take(trial, 4)),
		   WNOHANG, trial_pointer(trial_take(trial, 144)));
}

static void end_child(struct trial *trial)
{
	kill(trial->child, SIGKILL);
	waitpid(trial->child, NULL, 0);
}

static void waitid_child(struct trial *trial)
{
	process_exiting(trial, SYS_waitid);
	trial_call(trial, SYS_waitid, P_PID, (uint64_t)trial->child,
		   trial_pointer(trial_take(trial, 128)), WEXITED,
		   trial_pointer(trial_take(trial, 144)));
}

static void waitid_without_child(struct trial *trial)
{
	trial_call(trial, SYS_waitid, P_PID, (uint64_t)getpid(),
		   trial_pointer(trial_take(trial, 128)), WEXITED, 0);
}

static void stop_child(struct trial *trial)
{
	trial->child = fork();
	if (!trial->child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(trial->child, NULL, 0);
}

static void ptrace_getsiginfo(struct trial *trial)
{
	stop_child(trial);
	trial_call(trial, SYS_ptrace, PTRACE_GETSIGINFO, (uint64_t)trial->child, 0,
		   trial_pointer(trial_take(trial, 128)));
}

static void ptrace_peekdata(struct trial *trial)
{
	stop_child(trial);
	trial_call(trial, SYS_ptrace, PTRACE_PEEKDATA, (uint64_t)trial->child,
		   trial_pointer(&trial->number), trial_pointer(trial_take(trial, 8)));
}

static void ptrace_syscall_info(struct trial *trial)
{
	stop_child(trial);
	trial_call(trial, SYS_ptrace, PTRACE_GET_SYSCALL_INFO, (uint64_t)trial->child, 200,
		   trial_pointer(trial_take(trial, 200)));
}

static void ptrace_getregset(struct trial *trial)
{
	struct iovec vector = {trial_take(trial, 4096), 4096};

	stop_child(trial);
	trial_call(trial, SYS_ptrace, PTRACE_GETREGSET, (uint64_t)trial->child, 1 /* NT_PRSTATUS */,
		   trial_pointer(trial_put(trial, vector)));
}

static void sigaction_old(struct trial *trial)
{
	trial_call(trial, SYS_rt_sigaction, SIGUSR1, 0, trial_pointer(trial_take(trial, 32)),
		   KERNEL_SIGSET_BYTES);
}

static void sigprocmask_old(struct trial *trial)
{
	trial_call(trial, SYS_rt_sigprocmask, SIG_BLOCK, 0, trial_pointer(trial_take(trial, 8)),
		   KERNEL_SIGSET_BYTES);
}

static void sigpending_set(struct trial *trial)
{
	trial_call(trial, SYS_rt_sigpending, trial_pointer(trial_take(trial, 8)),
		   KERNEL_SIGSET_BYTES);
}

static void sigaltstack_old(struct trial *trial)
{
	trial_call(trial, SYS_sigaltstack, 0, trial_pointer(trial_take(trial, 24)));
}

static void block_usr2(struct trial *trial)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	trial->fds[0] = signalfd(-1, &set, 0);
	kill(getpid(), SIGUSR2);
}

static void sigtimedwait_usr2(struct trial *trial)
{
	block_usr2(trial);
	trial_call(trial, SYS_rt_sigtimedwait,
		   trial_pointer(trial_put(trial, (uint64_t)1 << (SIGUSR2 - 1))),
		   trial_pointer(trial_take(trial, 128)), 0, KERNEL_SIGSET_BYTES);
}

static void read_signalfd(struct trial *trial)
{
	block_usr2(trial);
	trial_call(trial, SYS_read, (uint64_t)trial->fds[0], trial_pointer(trial_take(trial, 300)),
		   300);
}

static void read_eventfd(struct trial *trial)
{
	trial->fds[0] = eventfd(77, 0);
	trial_call(trial, SYS_read, (uint64_t)trial->fds[0], trial_pointer(trial_take(trial, 100)),
		   100);
}

static void timerfd_gettime_armed(struct trial *trial)
{
	const struct itimerspec in_an_hour = {.it_value = {3600, 0}};

	trial->fds[0] = timerfd_create(CLOCK_MONOTONIC, 0);
	assert_int_equal(timerfd_settime(trial->fds[0], 0, &in_an_hour, NULL), 0);
	trial_call(trial, SYS_timerfd_gettime, (uint64_t)trial->fds[0],
		   trial_pointer(trial_take(trial, 32)));
}

static void timer_create_one(struct trial *trial)
{
	trial_call(trial, SYS_timer_create, CLOCK_MONOTONIC, 0,
		   trial_pointer(trial_take(trial, 4)));
}

static void delete_timer(struct trial *trial)
{
	syscall(SYS_timer_delete, *(const int *)trial->arena);
}

static void arm_timer(struct trial *trial)
{
	const struct itimerspec in_an_hour = {.it_value = {3600, 0}};

	syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &trial->child);
	syscall(SYS_timer_settime, trial->child, 0, &in_an_hour, NULL);
}

static void timer_gettime_armed(struct trial *trial)
{
	arm_timer(trial);
	trial_call(trial, SYS_timer_gettime, (uint64_t)trial->child,
		   trial_pointer(trial_take(trial, 32)));
}

static void timer_settime_armed(struct trial *trial)
{
	arm_timer(trial);
	trial_call(trial, SYS_timer_settime, (uint64_t)trial->child, 0,
		   trial_pointer(trial_put(trial, (struct itimerspec){{0, 0}, {0, 0}})),
		   trial_pointer(trial_take(trial, 32)));
}

static void delete_armed_timer(struct trial *trial)
{
	syscall(SYS_timer_delete, trial->child);
}

static void getitimer_real(struct trial *trial)
{
	trial_call(trial, SYS_getitimer, ITIMER_REAL, trial_pointer(trial_take(trial, 32)));
}

static void clock_gettime_now(struct trial *trial)
{
	trial_call(trial, SYS_clock_gettime, CLOCK_REALTIME, trial_pointer(trial_take(trial, 16)));
}

static void gettimeofday_now(struct trial *trial)
{
	trial_call(trial, SYS_gettimeofday, trial_pointer(trial_take(trial, 16)),
		   trial_pointer(trial_take(trial, 8)));
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void alarm_soon(void)
{
	const struct itimerval soon = {.it_value = {0, 20000}};
	const struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

static void nanosleep_interrupted(struct trial *trial)
{
	alarm_soon();
	trial_call(trial, SYS_nanosleep, trial_pointer(trial_put(trial, (struct timespec){100, 0})),
		   trial_pointer(trial_take(trial, 16)));
}

static void nanosleep_whole(struct trial *trial)
{
	trial_call(trial, SYS_nanosleep, trial_pointer(trial_put(trial, (struct timespec){0, 1})),
		   trial_pointer(trial_take(trial, 16)));
}

static void clock_nanosleep_interrupted(struct trial *trial)
{
	alarm_soon();
	trial_call(trial, SYS_clock_nanosleep, CLOCK_MONOTONIC, 0,
		   trial_pointer(trial_put(trial, (struct timespec){100, 0})),
		   trial_pointer(trial_take(trial, 16)));
}

static const struct trial_case cases[] = {
	TRIAL_CASE("wait4", wait4_child, NULL, TRIAL_VOLATILE, 4 + 144),
	TRIAL_CASE("wait4_of_nothing", wait4_running_child, end_child, 0, 0),
	TRIAL_CASE("waitid", waitid_child, NULL, TRIAL_VOLATILE, 28 + 144),
	TRIAL_CASE("failing_waitid", waitid_without_child, NULL, TRIAL_GAPS, 28),
	TRIAL_CASE("ptrace_GETSIGINFO", ptrace_getsiginfo, end_child, TRIAL_VOLATILE, 128),
	TRIAL_CASE("ptrace_PEEKDATA", ptrace_peekdata, end_child, TRIAL_VOLATILE, 8),
	TRIAL_CASE("ptrace_GET_SYSCALL_INFO", ptrace_syscall_info, end_child, TRIAL_VOLATILE, -1),
	TRIAL_CASE("ptrace_GETREGSET", ptrace_getregset, end_child, TRIAL_VOLATILE, 16 + 27 * 8),
	TRIAL_CASE("rt_sigaction", sigaction_old, NULL, 0, 32),
	TRIAL_CASE("rt_sigprocmask", sigprocmask_old, NULL, 0, 8),
	TRIAL_CASE("rt_sigpending", sigpending_set, NULL, 0, 8),
	TRIAL_CASE("sigaltstack", sigaltstack_old, NULL, TRIAL_GAPS, 24),
	TRIAL_CASE("rt_sigtimedwait", sigtimedwait_usr2, NULL, 0, 128),
	TRIAL_CASE("read_of_a_signalfd", read_signalfd, NULL, 0, 128),
	TRIAL_CASE("read_of_an_eventfd", read_eventfd, NULL, 0, 8),
	TRIAL_CASE("timerfd_gettime", timerfd_gettime_armed, NULL, TRIAL_VOLATILE, 32),
	TRIAL_CASE("timer_create", timer_create_one, delete_timer, TRIAL_VOLATILE, 4),
	TRIAL_CASE("timer_gettime", timer_gettime_armed, delete_armed_timer, TRIAL_VOLATILE, 32),
	TRIAL_CASE("timer_settime", timer_settime_armed, delete_armed_timer, TRIAL_VOLATILE, 32),
	TRIAL_CASE("getitimer", getitimer_real, NULL, 0, 32),
	TRIAL_CASE("clock_gettime", clock_gettime_now, NULL, TRIAL_VOLATILE, 16),
	TRIAL_CASE("gettimeofday", gettimeofday_now, NULL, TRIAL_VOLATILE, 24),
	TRIAL_CASE("interrupted_nanosleep", nanosleep_interrupted, NULL, TRIAL_VOLATILE, 16),
	TRIAL_CASE("whole_nanosleep", nanosleep_whole, NULL, 0, 0),
	TRIAL_CASE("interrupted_clock_nanosleep", clock_nanosleep_interrupted, NULL, TRIAL_VOLATILE,
		   16),
};

int main(void)
{
	return trial_run_all("processes", cases, mw_array_size(cases));
}
