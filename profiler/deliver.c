// SPDX-License-Identifier: MIT
#include "profiler/deliver.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profiler/job.h"
#include "profiler/procinfo.h"

/** The descriptor pins the process; the start time then tells whether it is the right one. */
static void send_to(const struct mw_process *process, int signal)
{
	mw_auto_close int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	struct mw_task_stat stat;

	if (!mw_task_stat_read(process->pid, &stat) || stat.start_ticks != process->start_ticks)
		return;
	if (fd >= 0)
		syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
	else
		kill(process->pid, signal);
}

void mw_job_deliver(const struct mw_job *job, int signal, enum mw_deliver_to to)
{
	struct mw_task_stat stat;
	/* The root was left in our own group, so that the terminal reaches it. */
	pid_t group = getpgrp();

	for (size_t i = 0; i < job->live.count; i++) {
		const struct mw_process *process = job->live.items[i];

		if (to == MW_DELIVER_GROUP && process != job->root &&
		    (!mw_task_stat_read(process->pid, &stat) || stat.pgrp != group))
			continue;
		send_to(process, signal);
	}
}
