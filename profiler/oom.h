// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_OOM_H
#define MW_PROFILER_OOM_H

#include "profiler/cgroup.h"
#include "profiler/job.h"

/** Watches for processes the kernel kills for lack of memory. */
struct mw_oom_watch {
	/** /dev/kmsg from the start of the job on; -1 when it can't be read. */
	int kmsg_fd;
	uint64_t kills_before;
};

void mw_oom_watch_init(struct mw_oom_watch *watch, const struct mw_cgroup *cgroup);

/** Parses a kernel message "… Killed process 123 (name) … anon-rss:4kB, file-rss:…". Pure. */
bool mw_oom_message_parse(const char *message, struct mw_oom_kill *ret);

/** Finds out whether one of the job's processes was killed, and fills job->oom. */
void mw_oom_watch_finish(struct mw_oom_watch *watch, const struct mw_cgroup *cgroup,
			 struct mw_job *job);

#endif
