// SPDX-License-Identifier: MIT
/* Probes of how writes to memory can be seen; each runs apart and tries on its own memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/feature_probe.h"
#include "tracer/pagemap.h"

#define PAGE_BYTES 4096

/** Opens a userfaultfd; @ret_user_only: it doesn't see the kernel's stores. */
static int open_userfaultfd(bool *ret_user_only)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	int device;

	*ret_user_only = false;
	if (fd >= 0 || errno == ENOSYS)
		return fd;
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	fd = device < 0 ? -1 : ioctl(device, MW_USERFAULTFD_NEW, O_CLOEXEC);
	if (fd >= 0)
		return fd;
	*ret_user_only = true;
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
}

static void set_by_mode(struct mw_feature_result *ret, bool user_only)
{
	if (user_only)
		mw_feature_set(ret, MW_FEATURE_LIMITED,
			       "the kernel's own stores would fail: needs root, or "
			       "vm.unprivileged_userfaultfd=1");
	else
		mw_feature_pass(ret);
}

void mw_probe_userfaultfd(struct mw_feature_result *ret)
{
	bool user_only;

	if (open_userfaultfd(&user_only) < 0)
		mw_feature_fail(ret, "userfaultfd");
	else
		set_by_mode(ret, user_only);
}

static void *map_page(void)
{
	return mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

/** Write-protects @page through a userfaultfd with @features. @return false with errno. */
static bool protect_page(const void *page, uint64_t features, bool *ret_user_only)
{
	int fd = open_userfaultfd(ret_user_only);
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	struct uffdio_range range = {(uintptr_t)page, PAGE_BYTES};
	struct uffdio_register registration = {.range = range, .mode = UFFDIO_REGISTER_MODE_WP};
	struct uffdio_writeprotect protection = {.range = range,
						 .mode = UFFDIO_WRITEPROTECT_MODE_WP};

	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) &&
	       !ioctl(fd, UFFDIO_REGISTER, &registration) &&
	       !ioctl(fd, UFFDIO_WRITEPROTECT, &protection);
}

void mw_probe_userfaultfd_wp(struct mw_feature_result *ret)
{
	bool user_only;

	if (!protect_page(map_page(), UFFD_FEATURE_PAGEFAULT_FLAG_WP, &user_only))
		mw_feature_fail(ret, "needs Linux 5.7");
	else
		set_by_mode(ret, user_only);
}

/** How many pages at @page are in @category; -1 with errno. */
static int scan_page(const void *page, uint64_t category)
{
	struct mw_scan_region region;
	struct mw_scan_request request = {
		.size = sizeof(request),
		.start = (uintptr_t)page,
		.end = (uintptr_t)page + PAGE_BYTES,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = category,
		.return_mask = category,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : ioctl(fd, MW_PAGEMAP_SCAN, &request);
}

void mw_probe_pagemap_scan(struct mw_feature_result *ret)
{
	int found = scan_page(map_page(), MW_PAGE_IS_PRESENT);

	if (found < 0)
		mw_feature_fail(ret, "needs Linux 6.7");
	else if (!found)
		mw_feature_set(ret, MW_FEATURE_NO, "a present page was not found");
	else
		mw_feature_pass(ret);
}

void mw_probe_wp_async(struct mw_feature_result *ret)
{
	volatile char *page = map_page();
	bool user_only;
	int before;

	if (!protect_page((const void *)page, MW_UFFD_WP_ASYNC | MW_UFFD_WP_UNPOPULATED,
			  &user_only)) {
		mw_feature_fail(ret, "needs Linux 6.7");
		return;
	}
	before = scan_page((const void *)page, MW_PAGE_IS_WRITTEN);
	*page = 1;
	if (before == 0 && scan_page((const void *)page, MW_PAGE_IS_WRITTEN) == 1)
		mw_feature_pass(ret);
	else
		mw_feature_set(ret, MW_FEATURE_NO, "a written page was not told from a clean one");
}

void mw_probe_map_files(struct mw_feature_result *ret)
{
	int file = memfd_create("memwatch", MFD_CLOEXEC);
	char path[80];
	uintptr_t page;

	if (file < 0 || ftruncate(file, PAGE_BYTES)) {
		mw_feature_fail(ret, "memfd_create");
		return;
	}
	page = (uintptr_t)mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)page,
		 (unsigned long)(page + PAGE_BYTES));
	if (open(path, O_RDWR | O_CLOEXEC) >= 0)
		mw_feature_pass(ret);
	else
		mw_feature_fail(ret, "needs CAP_CHECKPOINT_RESTORE");
}
