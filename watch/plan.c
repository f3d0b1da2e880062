// SPDX-License-Identifier: MIT
#include "watch/core.h"

/* What one hardware slot watches, and how many there are. */
#define HW_WORD 8
#define HW_WORDS 4

size_t mw_plan_backends(const struct mw_watch *watch, enum mw_backend ret[MW_BACKEND_COUNT])
{
	size_t count = 0;

	if (watch->wanted != MW_BACKEND_AUTO) {
		ret[count++] = watch->wanted;
		return count;
	}
	ret[count++] = MW_BACKEND_PAGE;
	/* Stacks and control blocks can't be write-protected, but are often small. */
	if (watch->object.size <= HW_WORD * HW_WORDS)
		ret[count++] = MW_BACKEND_HW;
	return count;
}
