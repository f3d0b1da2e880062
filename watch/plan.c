// SPDX-License-Identifier: MIT
#include "watch/core.h"

#include "base/clock.h"
#include "tracer/bypass.h"

/* What one hardware slot watches, and how many there are. */
#define HW_WORD 8
#define HW_WORDS 4
/* Guarding page by page what is larger, and hot somewhere, would hold the target up. */
#define LARGE (UINT64_C(64) << 20)
/* The descriptors of the target are looked through at most so often. */
#define BYPASS_CHECK_NS UINT64_C(1000000000)

/** What the target has open that stores past page guards; NULL: nothing. */
static const char *find_bypass(struct mw_session *session)
{
	uint64_t now_ns = mw_clock_now_ns();
	const char *before = session->bypass;

	if (session->bypass_checked_ns && now_ns - session->bypass_checked_ns < BYPASS_CHECK_NS)
		return before;
	session->bypass_checked_ns = now_ns;
	session->bypass = mw_bypass_find(session->pid);
	return session->bypass;
}

/* Page guards would make what goes past them fail. */
static bool avoids_pages(struct mw_session *session, const struct mw_watch *watch,
			 const char **ret_why)
{
	*ret_why = NULL;
	if (watch->object.size > LARGE)
		*ret_why = "it is large";
	else if (find_bypass(session))
		*ret_why = session->bypass;
	return *ret_why;
}

size_t mw_plan_backends(struct mw_session *session, const struct mw_watch *watch,
			enum mw_backend ret[MW_BACKEND_COUNT], const char **ret_why)
{
	size_t count = 0;

	*ret_why = NULL;
	if (watch->wanted != MW_BACKEND_AUTO) {
		ret[count++] = watch->wanted;
		return count;
	}
	if (!avoids_pages(session, watch, ret_why))
		ret[count++] = MW_BACKEND_PAGE;
	/* Stacks and control blocks can't be write-protected, but are often small. */
	if (watch->object.size <= HW_WORD * HW_WORDS)
		ret[count++] = MW_BACKEND_HW;
	ret[count++] = MW_BACKEND_POLL;
	return count;
}
