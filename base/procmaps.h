// SPDX-License-Identifier: MIT
#ifndef MW_BASE_PROCMAPS_H
#define MW_BASE_PROCMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/target.h"

/** One line of /proc/PID/maps. */
struct mw_mapping {
	struct mw_range range;
	/** PROT_READ | PROT_WRITE | PROT_EXEC. */
	int prot;
	bool shared;
	/** Offset in the file, bytes. */
	uint64_t offset;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t inode;
	/** Path or "[heap]"-like name with the kernel's escapes undone; "" when anonymous. */
	const char *path;
};

/** The mappings of one process, sorted by address. */
struct mw_procmaps {
	struct mw_mapping *items;
	size_t count;
	/** Backing store of the paths. */
	char *text;
};

/**
 * Parses the text of a maps file. Pure.
 *
 * @param text heap text with a NUL at the end; owned by @ret on success, by the caller on failure.
 */
struct mw_error *mw_procmaps_parse(char *text, struct mw_procmaps *ret) MW_MUST_CHECK;

/** Reads and parses /proc/@pid/maps. @return mw_err_gone when the process has no memory left. */
struct mw_error *mw_procmaps_read(pid_t pid, struct mw_procmaps *ret) MW_MUST_CHECK;

/**
 * Reads the mappings that overlap @ranges; on kernels that can't be asked for them, all. What lies
 * elsewhere may be there or not.
 */
struct mw_error *mw_procmaps_read_part(pid_t pid, const struct mw_range *ranges, size_t count,
				       struct mw_procmaps *ret) MW_MUST_CHECK;

void mw_procmaps_deinit(struct mw_procmaps *maps);

/** @return the mapping that holds @addr, or NULL. */
const struct mw_mapping *mw_procmaps_find(const struct mw_procmaps *maps, mw_addr addr);

#endif
