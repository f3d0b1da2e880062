// SPDX-License-Identifier: MIT
#include "watch/region_index.h"

#include <stdlib.h>

#include "base/error.h"

void mw_region_index_deinit(struct mw_region_index *index)
{
	mw_vec_deinit(&index->entries);
}

void mw_region_index_clear(struct mw_region_index *index)
{
	index->entries.count = 0;
}

struct mw_error *mw_region_index_add(struct mw_region_index *index, struct mw_range range,
				     void *value)
{
	struct mw_region_entry entry = {.range = range, .value = value};

	index->unsorted = true;
	return mw_vec_push(&index->entries, entry) ? NULL : mw_err_nomem;
}

static int by_address(const void *left, const void *right)
{
	const struct mw_region_entry *a = left, *b = right;

	return (a->range.start.v > b->range.start.v) - (a->range.start.v < b->range.start.v);
}

/* The sorted list is read as a tree: the middle of each part is its root. */
static uint64_t fill_reach(struct mw_region_entry *entries, size_t count)
{
	struct mw_region_entry *middle = entries + count / 2;
	uint64_t reach, behind;

	if (!count)
		return 0;
	behind = fill_reach(entries, count / 2);
	reach = mw_max(behind, mw_range_end(middle->range));
	behind = fill_reach(middle + 1, count - count / 2 - 1);
	middle->reach = mw_max(reach, behind);
	return middle->reach;
}

static void visit_part(const struct mw_region_entry *entries, size_t count, struct mw_range range,
		       void (*visit)(void *arg, void *value), void *arg)
{
	const struct mw_region_entry *middle = entries + count / 2;

	if (!count || middle->reach <= range.start.v)
		return;
	visit_part(entries, count / 2, range, visit, arg);
	if (middle->range.start.v >= mw_range_end(range))
		return;
	if (mw_range_overlaps(middle->range, range))
		visit(arg, middle->value);
	visit_part(middle + 1, count - count / 2 - 1, range, visit, arg);
}

void mw_region_index_visit(struct mw_region_index *index, struct mw_range range,
			   void (*visit)(void *arg, void *value), void *arg)
{
	if (index->unsorted) {
		qsort(index->entries.items, index->entries.count, sizeof(*index->entries.items),
		      by_address);
		fill_reach(index->entries.items, index->entries.count);
		index->unsorted = false;
	}
	visit_part(index->entries.items, index->entries.count, range, visit, arg);
}
