// SPDX-License-Identifier: MIT
#include "tracer/feature_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* No probe waits for anything but its own child; a second is long. */
#define PROBE_SECONDS 5

void mw_feature_set(struct mw_feature_result *ret, enum mw_feature_state state, const char *format,
		    ...)
{
	va_list args;

	ret->state = state;
	va_start(args, format);
	vsnprintf(ret->detail, sizeof(ret->detail), format, args);
	va_end(args);
}

void mw_feature_pass(struct mw_feature_result *ret)
{
	*ret = (struct mw_feature_result){.state = MW_FEATURE_YES};
}

void mw_feature_fail(struct mw_feature_result *ret, const char *what)
{
	mw_feature_set(ret, MW_FEATURE_NO, "%s: %s", what, strerror(errno));
}

/** fork() without a signal to the parent at the end, and without running atfork handlers. */
static pid_t fork_silently(void)
{
	return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

/** A handler of the parent's must not run in here, and a probe must not outlive its time. */
static void settle_in(void)
{
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PROBE_SECONDS);
}

static void reap(pid_t pid, struct mw_feature_result *ret)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR) {
			mw_feature_fail(ret, "lost the probing process");
			return;
		}
	if (WIFSIGNALED(status))
		mw_feature_set(ret, MW_FEATURE_NO, "the probe was ended by signal %d",
			       WTERMSIG(status));
}

void mw_feature_run_apart(void (*probe)(struct mw_feature_result *ret),
			  struct mw_feature_result *ret)
{
	struct mw_feature_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (shared == MAP_FAILED) {
		mw_feature_fail(ret, "no memory to probe with");
		return;
	}
	pid = fork_silently();
	if (!pid) {
		settle_in();
		probe(shared);
		_exit(0);
	}
	if (pid < 0)
		mw_feature_fail(shared, "no process to probe with");
	else
		reap(pid, shared);
	*ret = *shared;
	munmap(shared, sizeof(*shared));
}

pid_t mw_feature_child_create(void (*body)(void *arg), void *arg)
{
	pid_t pid = fork_silently();

	if (pid)
		return pid;
	settle_in();
	for (;;)
		body(arg);
}

void mw_feature_child_destroy(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

bool mw_feature_stop(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		return false;
	return waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

bool mw_feature_number(const char *path, long *ret)
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32], *end;
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long value;

	if (size <= 0)
		return false;
	text[size] = '\0';
	value = strtol(text, &end, 10);
	if (end == text)
		return false;
	*ret = value;
	return true;
}
