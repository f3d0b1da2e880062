// SPDX-License-Identifier: MIT
/**
 * A userfaultfd of the target, held by memwatch: made in the target by injection, fetched and
 * closed there. Whatever it protects is open again once memwatch closes it, also by dying.
 */
#ifndef MW_TRACER_UFFD_H
#define MW_TRACER_UFFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/procmaps.h"
#include "base/target.h"
#include "base/vec.h"

struct mw_tracer;

struct mw_uffd {
	bool open;
	int fd;
	/** The target isn't privileged: the kernel's own stores don't wait, but fail. */
	bool user_only;
	/** The mappings it is registered for, sorted. */
	MW_VEC(struct mw_range) registered;
};

/**
 * Makes one; every thread is stopped.
 *
 * @param features UFFD_FEATURE_…, all needed.
 */
struct mw_error *mw_uffd_open(struct mw_tracer *tracer, uint64_t features,
			      struct mw_uffd *ret) MW_MUST_CHECK;
/** Opens all pages again. Fine on a zeroed one. */
void mw_uffd_close(struct mw_uffd *uffd);

/** Registers the mappings that hold @pages, whole, so that none is split. */
struct mw_error *mw_uffd_register(struct mw_uffd *uffd, const struct mw_procmaps *maps,
				  struct mw_range pages) MW_MUST_CHECK;
/** @return the registered mapping that holds @addr; size 0: none. */
struct mw_range mw_uffd_registered(const struct mw_uffd *uffd, mw_addr addr);

/** Write-protects pages, or opens them and wakes who waits for that. */
struct mw_error *mw_uffd_protect(const struct mw_uffd *uffd, struct mw_range pages,
				 bool on) MW_MUST_CHECK;

#endif
