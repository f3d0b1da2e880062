// SPDX-License-Identifier: MIT
#include "tracer/stop.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/compiler.h"

static const struct {
	int event;
	enum mw_stop_kind kind;
} events[] = {
	{PTRACE_EVENT_FORK, MW_STOP_FORK},
	{PTRACE_EVENT_VFORK, MW_STOP_VFORK},
	{PTRACE_EVENT_VFORK_DONE, MW_STOP_VFORK_DONE},
	{PTRACE_EVENT_CLONE, MW_STOP_CLONE},
	{PTRACE_EVENT_EXEC, MW_STOP_EXEC},
	{PTRACE_EVENT_EXIT, MW_STOP_EXIT},
};

/* PTRACE_EVENT_STOP carries SIGTRAP for an interrupt and the stopping signal for a group-stop. */
static struct mw_stop classify_event_stop(int signal)
{
	if (signal == SIGTRAP)
		return (struct mw_stop){MW_STOP_INTERRUPT, 0};
	return (struct mw_stop){MW_STOP_GROUP, signal};
}

struct mw_stop mw_stop_classify(int status)
{
	int event = status >> 16;

	if (WIFEXITED(status))
		return (struct mw_stop){MW_STOP_EXITED, WEXITSTATUS(status)};
	if (WIFSIGNALED(status))
		return (struct mw_stop){MW_STOP_KILLED, WTERMSIG(status)};
	if (!WIFSTOPPED(status))
		return (struct mw_stop){MW_STOP_UNKNOWN, 0};
	if (event == PTRACE_EVENT_STOP)
		return classify_event_stop(WSTOPSIG(status));
	for (size_t i = 0; i < mw_array_size(events); i++)
		if (events[i].event == event)
			return (struct mw_stop){events[i].kind, 0};
	if (event)
		return (struct mw_stop){MW_STOP_UNKNOWN, event};
	if (WSTOPSIG(status) == (SIGTRAP | 0x80))
		return (struct mw_stop){MW_STOP_SYSCALL, 0};
	return (struct mw_stop){MW_STOP_SIGNAL, WSTOPSIG(status)};
}
