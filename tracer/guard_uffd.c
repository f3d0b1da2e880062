// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/error.h"
#include "tracer/engine.h"

/* What guards pages is decided by the tracer: see mw_page_arm(). */
static struct mw_error *arm(struct mw_tracer *tracer, const struct mw_guard *guards, size_t count)
{
	struct mw_error *err;

	if (tracer->pages.list.count && !mw_wp_is_on(&tracer->wp))
		return mw_error_create(MW_ERROR_OTHER,
				       "other watches guard their pages with back end page, which "
				       "uffd can't work beside: end them first");
	err = mw_wp_open(tracer);
	if (!err)
		err = mw_page_arm(tracer, guards, count);
	if (err && !tracer->pages.list.count)
		mw_wp_close(tracer);
	return err;
}

static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	return mw_guard_page.disarm(tracer, guard);
}

static void describe(const struct mw_tracer *tracer, const struct mw_guard *guard,
		     struct mw_guard_info *ret)
{
	mw_guard_page.describe(tracer, guard, ret);
	snprintf(ret->note, sizeof(ret->note), "the kernel's stores are seen too");
}

static struct mw_error *release(struct mw_tracer *tracer)
{
	mw_wp_close(tracer);
	return NULL;
}

const struct mw_guard_ops mw_guard_uffd = {
	.arm = arm,
	.disarm = disarm,
	.describe = describe,
	.release = release,
	.forget = mw_wp_close,
	.together = MW_GUARDS_TOGETHER,
};
