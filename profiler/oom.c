// SPDX-License-Identifier: MIT
#include "profiler/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void mw_oom_watch_init(struct mw_oom_watch *watch, const struct mw_cgroup *cgroup)
{
	watch->kmsg_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (watch->kmsg_fd >= 0)
		lseek(watch->kmsg_fd, 0, SEEK_END);
	watch->kills_before = mw_cgroup_oom_kills(cgroup);
}

static uint64_t sum_of_sizes(const char *message)
{
	static const char *const keys[] = {"anon-rss:", "file-rss:", "shmem-rss:"};
	uint64_t sum = 0;

	for (size_t i = 0; i < mw_array_size(keys); i++) {
		const char *value = strstr(message, keys[i]);

		if (value)
			sum += strtoull(value + strlen(keys[i]), NULL, 10);
	}
	return sum;
}

bool mw_oom_message_parse(const char *message, struct mw_oom_kill *ret)
{
	struct mw_oom_kill kill = {.from_kmsg = true};
	const char *text = strstr(message, "Killed process ");
	const char *open;
	const char *close;

	if (!text)
		return false;
	kill.pid = (pid_t)strtol(text + strlen("Killed process "), NULL, 10);
	open = strchr(text, '(');
	/* The name may hold parentheses; what follows it doesn't. */
	close = strstr(text, ") total-vm:");
	if (kill.pid <= 0 || !open || !close || close < open)
		return false;
	snprintf(kill.name, sizeof(kill.name), "%.*s", (int)mw_min(close - open - 1, (ptrdiff_t)15),
		 open + 1);
	kill.rss_kib = sum_of_sizes(close);
	*ret = kill;
	return true;
}

static void read_kmsg(const struct mw_oom_watch *watch, struct mw_job *job)
{
	char message[8192];

	for (;;) {
		ssize_t got = read(watch->kmsg_fd, message, sizeof(message) - 1);
		struct mw_oom_kill kill;

		/* EPIPE: messages were overwritten meanwhile; the next ones are there. */
		if (got < 0 && errno != EPIPE)
			return;
		if (got <= 0)
			continue;
		message[got] = '\0';
		if (!mw_oom_message_parse(message, &kill) || !mw_job_find(job, kill.pid))
			continue;
		if (job->has_oom && job->oom.rss_kib >= kill.rss_kib)
			continue;
		job->has_oom = true;
		job->oom = kill;
	}
}

/** Without kernel messages: the largest of those that a SIGKILL ended. */
static void guess_victim(struct mw_job *job)
{
	job->has_oom = true;
	for (size_t i = 0; i < job->processes.count; i++) {
		const struct mw_process *process = job->processes.items[i];

		if (!process->has_wait_status || !WIFSIGNALED(process->wait_status) ||
		    WTERMSIG(process->wait_status) != SIGKILL ||
		    process->max_rss_kib < job->oom.rss_kib)
			continue;
		job->oom.pid = process->pid;
		job->oom.rss_kib = process->max_rss_kib;
		memcpy(job->oom.name, process->name, sizeof(job->oom.name));
	}
}

void mw_oom_watch_finish(struct mw_oom_watch *watch, const struct mw_cgroup *cgroup,
			 struct mw_job *job)
{
	if (watch->kmsg_fd >= 0) {
		read_kmsg(watch, job);
		close(watch->kmsg_fd);
	}
	watch->kmsg_fd = -1;
	if (!job->has_oom && mw_cgroup_oom_kills(cgroup) > watch->kills_before)
		guess_victim(job);
}
