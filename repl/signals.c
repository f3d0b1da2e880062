// SPDX-License-Identifier: MIT
#include "repl/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"

/** The pipe's other end; a handler can reach nothing else. */
static volatile sig_atomic_t signal_pipe = -1;

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGPIPE};

static void note_signal(int signal)
{
	unsigned char byte = (unsigned char)signal;
	int saved = errno;

	/* A full pipe has news enough. */
	if (signal != SIGPIPE && write(signal_pipe, &byte, 1) < 0)
		errno = saved;
}

struct mw_error *mw_signals_catch(int *ret_fd)
{
	/* Restart: a report being written must not be cut by a window that changes its size. */
	struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART}, before;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return mw_error_os(errno, "cannot make a pipe");
	signal_pipe = ends[1];
	for (size_t i = 0; i < mw_array_size(caught); i++) {
		sigaction(caught[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
	*ret_fd = ends[0];
	return NULL;
}

void mw_signals_release(int fd)
{
	struct sigaction action = {.sa_handler = SIG_DFL}, before;

	if (fd < 0)
		return;
	for (size_t i = 0; i < mw_array_size(caught); i++) {
		sigaction(caught[i], NULL, &before);
		if (before.sa_handler == note_signal && caught[i] != SIGPIPE)
			sigaction(caught[i], &action, NULL);
	}
	close(signal_pipe);
	signal_pipe = -1;
	close(fd);
}

int mw_signals_next(int fd)
{
	unsigned char byte;

	return read(fd, &byte, 1) == 1 ? byte : 0;
}
