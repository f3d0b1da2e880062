// SPDX-License-Identifier: MIT
/** What linux/fs.h and linux/userfaultfd.h say since Linux 6.7; newer than Debian 12's headers. */
#ifndef MW_TRACER_PAGEMAP_H
#define MW_TRACER_PAGEMAP_H

#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define MW_USERFAULTFD_NEW _IO(0xAA, 0x00)
/** Since Linux 6.0: the fault's own address instead of its page's. */
#define MW_UFFD_EXACT_ADDRESS (UINT64_C(1) << 11)
/** Since Linux 5.19, 6.4 and 6.7. */
#define MW_UFFD_WP_HUGETLBFS_SHMEM (UINT64_C(1) << 12)
#define MW_UFFD_WP_UNPOPULATED (UINT64_C(1) << 13)
#define MW_UFFD_WP_ASYNC (UINT64_C(1) << 15)

struct mw_scan_request {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

struct mw_scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

#define MW_PAGEMAP_SCAN _IOWR('f', 16, struct mw_scan_request)
/** Write-protects what it finds, in the same step. */
#define MW_SCAN_WP_MATCHING (UINT64_C(1) << 0)
/** Fails where memory isn't registered with MW_UFFD_WP_ASYNC. */
#define MW_SCAN_CHECK_WPASYNC (UINT64_C(1) << 1)
#define MW_PAGE_IS_WRITTEN (UINT64_C(1) << 1)
#define MW_PAGE_IS_PRESENT (UINT64_C(1) << 3)

#endif
