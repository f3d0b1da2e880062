// SPDX-License-Identifier: MIT
/** Finds, among many regions that may overlap, those that a store touches. Pure. */
#ifndef MW_WATCH_REGION_INDEX_H
#define MW_WATCH_REGION_INDEX_H

#include "base/compiler.h"
#include "base/target.h"
#include "base/vec.h"

struct mw_region_entry {
	struct mw_range range;
	/** The furthest end in the half of the list whose middle this is. */
	uint64_t reach;
	void *value;
};

/** A zeroed one is empty. */
struct mw_region_index {
	MW_VEC(struct mw_region_entry) entries;
	bool unsorted;
};

void mw_region_index_deinit(struct mw_region_index *index);
void mw_region_index_clear(struct mw_region_index *index);
struct mw_error *mw_region_index_add(struct mw_region_index *index, struct mw_range range,
				     void *value) MW_MUST_CHECK;
/** Calls @visit for each region that overlaps @range, in the order of their addresses. */
void mw_region_index_visit(struct mw_region_index *index, struct mw_range range,
			   void (*visit)(void *arg, void *value), void *arg);

#endif
