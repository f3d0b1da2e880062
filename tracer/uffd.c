// SPDX-License-Identifier: MIT
#include "tracer/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/procfs.h"
#include "tracer/engine.h"
#include "tracer/pagemap.h"
#include "tracer/seccomp.h"
#include "tracer/sys.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static struct mw_error *make_in_target(struct mw_injection *injection, bool *ret_user_only,
				       int64_t *ret)
{
	uint64_t args[6] = {O_CLOEXEC | O_NONBLOCK};
	struct mw_error *err = mw_inject_call(injection, SYS_userfaultfd, args, ret);

	*ret_user_only = !err && *ret == -EPERM;
	if (*ret_user_only) {
		args[0] |= UFFD_USER_MODE_ONLY;
		err = mw_inject_call(injection, SYS_userfaultfd, args, ret);
	}
	if (!err && *ret < 0)
		err = mw_error_create(*ret == -EPERM ? MW_ERROR_PERMISSION : MW_ERROR_OTHER,
				      "the target can't make a userfaultfd (%s): use "
				      "--backend=page, hw or poll",
				      strerror((int)-*ret));
	return err;
}

static struct mw_error *close_in_target(struct mw_injection *injection, int64_t fd)
{
	const uint64_t args[6] = {(uint64_t)fd};
	int64_t result;

	return mw_inject_call(injection, SYS_close, args, &result);
}

static struct mw_error *fetch(struct mw_injection *injection, struct mw_uffd *ret)
{
	struct mw_error *err;
	int64_t there;

	err = make_in_target(injection, &ret->user_only, &there);
	if (err)
		return err;
	ret->fd = mw_sys_fetch_fd(injection->thread->tgid, (int)there);
	if (ret->fd < 0)
		err = mw_error_os(-ret->fd, "cannot fetch the target's userfaultfd");
	ret->open = ret->fd >= 0;
	return mw_error_first(err, close_in_target(injection, there));
}

static struct mw_error *fetch_from_any(struct mw_tracer *tracer, struct mw_uffd *ret)
{
	struct mw_injection injection;
	struct mw_error *err = mw_engine_inject(tracer, &injection);

	if (err)
		return err;
	err = fetch(&injection, ret);
	mw_inject_end(&injection);
	return err;
}

struct mw_error *mw_uffd_open(struct mw_tracer *tracer, uint64_t features, struct mw_uffd *ret)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	struct mw_uffd uffd = {.fd = -1};
	struct mw_error *err = mw_seccomp_check(tracer, MW_SECCOMP_UFFD);

	if (!err)
		err = fetch_from_any(tracer, &uffd);
	if (!err && ioctl(uffd.fd, UFFDIO_API, &api) < 0)
		err = mw_error_os(errno, "this kernel's userfaultfd is too old");
	if (err) {
		mw_uffd_close(&uffd);
		return err;
	}
	*ret = uffd;
	return NULL;
}

void mw_uffd_close(struct mw_uffd *uffd)
{
	if (uffd->open)
		close(uffd->fd);
	uffd->open = false;
	mw_vec_deinit(&uffd->registered);
}

/** @return the index of the first registered mapping that ends behind @addr. */
static size_t lower(const struct mw_uffd *uffd, uint64_t addr)
{
	size_t low = 0, high = uffd->registered.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mw_range_end(uffd->registered.items[middle]) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct mw_range mw_uffd_registered(const struct mw_uffd *uffd, mw_addr addr)
{
	size_t index = lower(uffd, addr.v);

	if (index < uffd->registered.count &&
	    mw_range_contains(uffd->registered.items[index], addr))
		return uffd->registered.items[index];
	return (struct mw_range){0};
}

/* What was registered there before is this mapping, or is gone. */
static struct mw_error *note(struct mw_uffd *uffd, struct mw_range mapping)
{
	size_t index = lower(uffd, mapping.start.v);

	while (index < uffd->registered.count &&
	       mw_range_overlaps(uffd->registered.items[index], mapping))
		mw_vec_remove(&uffd->registered, index);
	if (!mw_vec_reserve(&uffd->registered, uffd->registered.count + 1))
		return mw_err_nomem;
	memmove(&uffd->registered.items[index + 1], &uffd->registered.items[index],
		(uffd->registered.count - index) * sizeof(mapping));
	uffd->registered.items[index] = mapping;
	uffd->registered.count++;
	return NULL;
}

static struct mw_error *register_mapping(struct mw_uffd *uffd, const struct mw_mapping *mapping)
{
	struct uffdio_register request = {
		.range = {mapping->range.start.v, mapping->range.size},
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	if (ioctl(uffd->fd, UFFDIO_REGISTER, &request) == 0)
		return note(uffd, mapping->range);
	if (errno == EBUSY)
		return mw_error_create(MW_ERROR_OTHER,
				       "the memory at 0x%" PRIx64 " has a userfaultfd already",
				       mapping->range.start.v);
	return mw_error_os(errno, "userfaultfd can't guard the memory at 0x%" PRIx64 " (%s)",
			   mapping->range.start.v,
			   *mapping->path ? mapping->path : "anonymous memory");
}

struct mw_error *mw_uffd_register(struct mw_uffd *uffd, const struct mw_procmaps *maps,
				  struct mw_range pages)
{
	struct mw_error *err = NULL;

	for (uint64_t at = pages.start.v; at < mw_range_end(pages) && !err;) {
		const struct mw_mapping *mapping = mw_procmaps_find(maps, mw_addr_make(at));

		if (!mapping)
			return mw_error_fault(mw_addr_make(at),
					      "0x%" PRIx64 " is not mapped in the target", at);
		err = register_mapping(uffd, mapping);
		at = mw_range_end(mapping->range);
	}
	return err;
}

struct mw_error *mw_uffd_protect(const struct mw_uffd *uffd, struct mw_range pages, bool on)
{
	struct uffdio_writeprotect request = {
		.range = {pages.start.v, pages.size},
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int result;

	do
		result = ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &request);
	while (result < 0 && (errno == EAGAIN || errno == EINTR));
	if (result == 0)
		return NULL;
	/* The address space is gone. */
	if (errno == ESRCH)
		return mw_err_gone;
	return mw_error_os(errno, "userfaultfd can't change the protection of 0x%" PRIx64,
			   pages.start.v);
}
