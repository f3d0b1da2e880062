// SPDX-License-Identifier: MIT
#include "profiler/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"

static void drop_output(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static MW_NORETURN void become_command(char *const *argv, const struct mw_launch_setup *setup,
				       int go_fd, int error_fd)
{
	char byte;
	int errnum;

	while (read(go_fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (setup->silent)
		drop_output();
	setrlimit(RLIMIT_NOFILE, &setup->files);
	sigaction(SIGCHLD, &setup->on_child, NULL);
	sigprocmask(SIG_SETMASK, &setup->mask, NULL);
	execvp(argv[0], argv);
	errnum = errno;
	mw_write_full(error_fd, &errnum, sizeof(errnum));
	_exit(errnum == ENOENT ? 127 : 126);
}

static void close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

struct mw_error *mw_launch_begin(char *const *argv, const struct mw_launch_setup *setup,
				 struct mw_launch *ret)
{
	int go[2];
	int error[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		return mw_error_os(errno, "cannot create a pipe");
	if (pipe2(error, O_CLOEXEC)) {
		close_pair(go);
		return mw_error_os(errno, "cannot create a pipe");
	}
	pid = fork();
	if (pid < 0) {
		struct mw_error *err = mw_error_os(errno, "cannot fork");

		close_pair(go);
		close_pair(error);
		return err;
	}
	if (!pid) {
		close(go[1]);
		close(error[0]);
		become_command(argv, setup, go[0], error[1]);
	}
	close(go[0]);
	close(error[1]);
	*ret = (struct mw_launch){.pid = pid, .go_fd = go[1], .error_fd = error[0]};
	return NULL;
}

void mw_launch_go(struct mw_launch *launch)
{
	close(launch->go_fd);
	launch->go_fd = -1;
}

bool mw_launch_check(struct mw_launch *launch, int timeout_ms, int *ret_errno)
{
	struct pollfd readable = {.fd = launch->error_fd, .events = POLLIN};
	int errnum = 0;

	if (poll(&readable, 1, timeout_ms) <= 0)
		return false;
	if (read(launch->error_fd, &errnum, sizeof(errnum)) != sizeof(errnum))
		errnum = 0;
	*ret_errno = errnum;
	return true;
}

void mw_launch_deinit(struct mw_launch *launch)
{
	if (launch->go_fd >= 0)
		close(launch->go_fd);
	if (launch->error_fd >= 0)
		close(launch->error_fd);
	launch->go_fd = launch->error_fd = -1;
}
