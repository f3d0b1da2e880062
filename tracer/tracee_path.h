// SPDX-License-Identifier: MIT
/** The file that a tracee means by a path or a descriptor. */
#ifndef MW_TRACER_TRACEE_PATH_H
#define MW_TRACER_TRACEE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

struct mw_tracee_path {
	/** A descriptor of the tracee, or AT_FDCWD. */
	int dir;
	/** The text of the path. */
	mw_addr text;
	/** O_NOFOLLOW, or 0. */
	int flags;
	/** openat2()'s RESOLVE_…. */
	uint64_t resolve;
};

/**
 * Finds the inode that @path leads to for thread @tid. Waits for no disk, network or file server:
 * whose file is mapped has its path in the kernel's cache, mostly.
 *
 * @return false when there is none, or it can't be told without waiting (or before Linux 5.12).
 */
bool mw_tracee_path_inode(pid_t tid, const struct mw_tracee_path *path, uint64_t *ret);
/** The same for an open file. */
bool mw_tracee_file_inode(pid_t tid, int fd, uint64_t *ret);

#endif
