// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_CGROUP_H
#define MW_PROFILER_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

/** A memory control group made for one job; version 1 or 2. */
struct mw_cgroup {
	/** "" when there is none. */
	char path[PATH_MAX];
	/** Where its processes go when it is removed. */
	char home[PATH_MAX];
	int version;
};

/** Makes a group beside or below our own. Fails without the rights or the controller. */
struct mw_error *mw_cgroup_create(struct mw_cgroup *ret) MW_MUST_CHECK;

/** Moves a process (with what it will fork) into the group. */
struct mw_error *mw_cgroup_add(const struct mw_cgroup *cgroup, pid_t pid) MW_MUST_CHECK;

/** @return the most memory charged at once, KiB: page cache and kernel memory too; or -1. */
int64_t mw_cgroup_peak_kib(const struct mw_cgroup *cgroup);

/** @return how many of its processes the kernel killed for lack of memory. */
uint64_t mw_cgroup_oom_kills(const struct mw_cgroup *cgroup);

/** Moves what is left back home and removes the group. */
void mw_cgroup_destroy(struct mw_cgroup *cgroup);

#endif
