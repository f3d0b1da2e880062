// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_GROUPS_H
#define MW_PROFILER_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/vec.h"

struct mw_job;
struct mw_process;

enum mw_group_by {
	/** The kernel's name of the program. */
	MW_GROUP_BY_COMMAND,
	MW_GROUP_BY_EXE,
	MW_GROUP_BY_PPID,
	/** The child of the root it descends from. */
	MW_GROUP_BY_SUBTREE,
};

const char *mw_group_by_name(enum mw_group_by by);

struct mw_group {
	char *name;
	/** Sum in the sample being taken. */
	uint64_t rss_kib;
	uint64_t peak_rss_kib;
	/* Filled when the report is made. */
	size_t processes;
	uint64_t max_process_kib;
};

struct mw_groups {
	MW_VEC(struct mw_group *) items;
};

void mw_groups_deinit(struct mw_groups *groups);

/** Puts @process into its group, created when new; NULL when memory is short. */
void mw_groups_assign(struct mw_job *job, struct mw_process *process);

/** Sets the sums of a new sample to 0. */
void mw_groups_sample_begin(struct mw_groups *groups);
void mw_groups_sample_end(struct mw_groups *groups);

/** Counts processes and largest ones anew and sorts by the largest sum. */
void mw_groups_finish(struct mw_job *job);

#endif
