// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_DELIVER_H
#define MW_PROFILER_DELIVER_H

#include <stddef.h>

struct mw_job;

enum mw_deliver_to {
	MW_DELIVER_EVERYBODY,
	/** The processes of the root's process group. */
	MW_DELIVER_GROUP,
};

/** Sends a signal to the job's processes, never to one that merely got a pid of theirs. */
void mw_job_deliver(const struct mw_job *job, int signal, enum mw_deliver_to to);

#endif
