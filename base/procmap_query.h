// SPDX-License-Identifier: MIT
/** Single lines of a maps file, since Linux 6.11; newer than Debian 12's linux/fs.h. */
#ifndef MW_BASE_PROCMAP_QUERY_H
#define MW_BASE_PROCMAP_QUERY_H

#include <stdint.h>
#include <sys/ioctl.h>

struct mw_procmap_query {
	uint64_t size;
	uint64_t flags;
	uint64_t addr;
	uint64_t start;
	uint64_t end;
	uint64_t vma_flags;
	uint64_t page_size;
	uint64_t offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	/** Bytes of the name's buffer; then those of the name with its NUL, 0 for none. */
	uint32_t name_size;
	uint32_t build_id_size;
	uint64_t name;
	uint64_t build_id;
};

#define MW_PROCMAP_QUERY _IOWR('f', 17, struct mw_procmap_query)
#define MW_PROCMAP_READABLE (UINT64_C(1) << 0)
#define MW_PROCMAP_WRITABLE (UINT64_C(1) << 1)
#define MW_PROCMAP_EXECUTABLE (UINT64_C(1) << 2)
#define MW_PROCMAP_SHARED (UINT64_C(1) << 3)
/** The mapping that holds the address, or the next one behind it. */
#define MW_PROCMAP_OR_NEXT (UINT64_C(1) << 4)

#endif
