// SPDX-License-Identifier: MIT
#include "watch/core.h"

/* What four hardware slots of eight bytes watch. */
#define HW_BYTES 32

size_t mw_plan_backends(const struct mw_watch *watch, enum mw_backend ret[MW_BACKEND_COUNT])
{
	size_t count = 0;

	if (watch->wanted != MW_BACKEND_AUTO) {
		ret[count++] = watch->wanted;
		return count;
	}
	ret[count++] = MW_BACKEND_PAGE;
	/* Stacks and control blocks can't be write-protected, but are often small. */
	if (watch->object.size <= HW_BYTES)
		ret[count++] = MW_BACKEND_HW;
	return count;
}
