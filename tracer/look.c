// SPDX-License-Identifier: MIT
#include "tracer/look.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/procfs.h"
#include "tracer/differences.h"
#include "tracer/engine.h"
#include "tracer/pagemap.h"

/* Regions this close on one mapping are scanned together: walking on costs less than a call. */
#define SCAN_GAP (UINT64_C(64) << 10)
/* What one call finds at most; it goes on from there. */
#define SCAN_BATCH 256
/* Regions that each look checks for being mapped still; a scan doesn't tell. */
#define CHECKS 64u

static const char unmapped[] = "its memory was unmapped";

struct mw_poll_region *mw_look_find(const struct mw_poll *poll, uint32_t guard_id)
{
	mw_vec_foreach (region, &poll->regions)
		if (region->guard_id == guard_id)
			return region;
	return NULL;
}

void mw_look_forget(struct mw_poll *poll, uint32_t guard_id)
{
	const struct mw_poll_region *region = mw_look_find(poll, guard_id);

	if (!region)
		return;
	mw_vec_remove(&poll->regions, (size_t)(region - poll->regions.items));
	poll->changed = true;
}

static int by_address(const void *left, const void *right)
{
	const struct mw_poll_region *a = left, *b = right;

	return (a->range.start.v > b->range.start.v) - (a->range.start.v < b->range.start.v);
}

/** The part whose snapshot is there. */
static struct mw_range filled_part(const struct mw_poll_region *region)
{
	return (struct mw_range){region->range.start, region->filled};
}

static struct mw_error *add_extent(struct mw_poll *poll, struct mw_range pages)
{
	struct mw_range *last =
		poll->extents.count ? &poll->extents.items[poll->extents.count - 1] : NULL;

	if (last && pages.start.v <= mw_range_end(*last) + SCAN_GAP &&
	    mw_range_contains(mw_uffd_registered(&poll->uffd, last->start), pages.start)) {
		last->size = mw_max(mw_range_end(*last), mw_range_end(pages)) - last->start.v;
		return NULL;
	}
	return mw_vec_push(&poll->extents, pages) ? NULL : mw_err_nomem;
}

/* Sorts the regions, and finds what to scan, once they have changed. */
static struct mw_error *arrange(struct mw_poll *poll)
{
	struct mw_error *err = NULL;
	uint64_t reach = 0;

	if (!poll->changed)
		return NULL;
	qsort(poll->regions.items, poll->regions.count, sizeof(*poll->regions.items), by_address);
	poll->extents.count = 0;
	mw_vec_foreach (region, &poll->regions) {
		reach = mw_max(reach, mw_range_end(region->range));
		region->reach = reach;
		if (!err && !region->compared && region->filled)
			err = add_extent(poll, mw_range_pages(filled_part(region)));
	}
	poll->changed = err;
	return err;
}

/* No hit reaches over the end of a page. */
static void report(struct mw_tracer *tracer, mw_addr addr, const uint8_t *old_bytes,
		   const uint8_t *new_bytes, struct mw_run run)
{
	while (run.start < run.end) {
		mw_addr at = mw_addr_add(addr, run.start);
		struct mw_hit hit = {
			.cause = MW_CAUSE_POLL,
			.backend = MW_BACKEND_POLL,
			.addr = at,
			.size = (uint32_t)mw_min(run.end - run.start,
						 MW_PAGE_SIZE - at.v % MW_PAGE_SIZE),
		};

		tracer->stats.polled++;
		mw_engine_emit(tracer, NULL, &hit, old_bytes + run.start, new_bytes + run.start);
		run.start += hit.size;
	}
}

/* Compares a part of a region with its snapshot. */
static bool compare(struct mw_tracer *tracer, const struct mw_poll_region *region,
		    struct mw_range part)
{
	uint8_t *bytes = tracer->poll.buffer;

	while (part.size) {
		const uint8_t *old = region->snapshot + (part.start.v - region->range.start.v);
		size_t size = mw_min(part.size, (uint64_t)MW_LOOK_BUFFER);
		struct mw_run run = {0};

		if (mw_mem_read_some(&tracer->mem, part.start, bytes, size) != size)
			return false;
		while (mw_run_next(old, bytes, size, part.start.v, &run))
			report(tracer, part.start, old, bytes, run);
		part.start = mw_addr_add(part.start, size);
		part.size -= size;
	}
	return true;
}

static void lose(struct mw_tracer *tracer, const struct mw_poll_region *region)
{
	uint32_t guard_id = region->guard_id;
	uint8_t byte;
	struct mw_error *err = mw_mem_read(&tracer->mem, region->range.start, &byte, 1);
	bool gone = err == mw_err_gone;

	mw_error_destroy(err);
	/* The whole address space is: that ends all guards at once. */
	if (gone)
		return;
	mw_look_forget(&tracer->poll, guard_id);
	mw_guard_end(tracer, guard_id, unmapped);
}

/** @return the index behind the last region that starts before @addr. */
static size_t regions_before(const struct mw_poll *poll, uint64_t addr)
{
	size_t low = 0, high = poll->regions.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (poll->regions.items[middle].range.start.v < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mw_poll_region *mw_look_region_of(const struct mw_poll *poll,
					       const struct mw_guard *guard)
{
	uint64_t start = guard->range.start.v;

	if (poll->changed)
		return mw_look_find(poll, guard->id);
	for (size_t index = regions_before(poll, start); index < poll->regions.count; index++) {
		const struct mw_poll_region *region = &poll->regions.items[index];

		if (region->guard_id == guard->id)
			return region;
		if (region->range.start.v != start)
			break;
	}
	return NULL;
}

static void compare_written(struct mw_tracer *tracer, struct mw_range written)
{
	const struct mw_poll *poll = &tracer->poll;
	size_t index = regions_before(poll, mw_range_end(written));

	while (index-- > 0 && poll->regions.items[index].reach > written.start.v) {
		const struct mw_poll_region *region = &poll->regions.items[index];
		struct mw_range filled = filled_part(region);
		uint64_t start = mw_max(filled.start.v, written.start.v);
		uint64_t end = mw_min(mw_range_end(filled), mw_range_end(written));

		if (start < end && !region->compared &&
		    !compare(tracer, region, (struct mw_range){mw_addr_make(start), end - start}))
			lose(tracer, region);
	}
}

/* Finds the pages written since the last scan, and protects them again in the same step. */
static bool scan(struct mw_tracer *tracer, struct mw_range extent)
{
	struct mw_scan_region found[SCAN_BATCH];
	struct mw_scan_request request = {
		.size = sizeof(request),
		.flags = MW_SCAN_WP_MATCHING | MW_SCAN_CHECK_WPASYNC,
		.start = extent.start.v,
		.end = mw_range_end(extent),
		.vec = (uintptr_t)found,
		.vec_len = SCAN_BATCH,
		.category_mask = MW_PAGE_IS_WRITTEN,
		.return_mask = MW_PAGE_IS_WRITTEN,
	};

	while (request.start < request.end) {
		int count = ioctl(tracer->poll.pagemap, MW_PAGEMAP_SCAN, &request);

		if (count < 0)
			return false;
		for (int i = 0; i < count; i++)
			compare_written(tracer, (struct mw_range){mw_addr_make(found[i].start),
								  found[i].end - found[i].start});
		if (request.walk_end <= request.start)
			break;
		request.start = request.walk_end;
	}
	return true;
}

/* The target has mapped its memory anew: what stands there now is registered, and compared. */
static void take_up_again(struct mw_tracer *tracer, struct mw_poll_region *region)
{
	struct mw_range pages = mw_range_pages(region->range);
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read_part(tracer->pid, &pages, 1, &maps);

	if (!err) {
		err = mw_uffd_register(&tracer->poll.uffd, &maps, pages);
		mw_procmaps_deinit(&maps);
	}
	if (!err)
		err = mw_uffd_protect(&tracer->poll.uffd, pages, true);
	region->compared = err;
	mw_error_destroy(err);
	tracer->poll.changed = true;
}

/* The memory of a target that is ending is gone as a whole: its death ends the guards, at once. */
static bool has_memory(const struct mw_tracer *tracer)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(tracer->pid, &status);

	return !mw_error_catch_any(err) && !status.no_memory;
}

/* Downwards, because a region that is lost makes those behind it move up. */
static void recover(struct mw_tracer *tracer, struct mw_range extent)
{
	struct mw_poll *poll = &tracer->poll;

	if (!has_memory(tracer))
		return;
	for (size_t index = regions_before(poll, mw_range_end(extent)); index-- > 0;) {
		struct mw_poll_region *region = &poll->regions.items[index];

		if (region->reach <= extent.start.v)
			break;
		if (!mw_range_overlaps(mw_range_pages(region->range), extent))
			continue;
		take_up_again(tracer, region);
		if (!compare(tracer, region, filled_part(region)))
			lose(tracer, region);
	}
}

static void compare_whole(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;

	for (size_t index = poll->regions.count; index-- > 0;) {
		const struct mw_poll_region *region = &poll->regions.items[index];

		if (region->compared && !compare(tracer, region, filled_part(region)))
			lose(tracer, region);
	}
}

static void check_some(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;

	for (unsigned i = 0; i < CHECKS && i < poll->regions.count; i++) {
		const struct mw_poll_region *region =
			&poll->regions.items[poll->next_check++ % poll->regions.count];
		uint8_t byte;

		if (!mw_mem_read_some(&tracer->mem, region->range.start, &byte, 1))
			lose(tracer, region);
	}
}

void mw_look(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;
	struct mw_error *err = arrange(poll);

	/* Short of memory: the next look tries again. */
	if (err) {
		mw_error_destroy(err);
		return;
	}
	mw_guard_count(tracer);
	if (!has_memory(tracer))
		return;
	for (size_t i = 0; i < poll->extents.count; i++) {
		struct mw_range extent = poll->extents.items[i];

		if (!scan(tracer, extent))
			recover(tracer, extent);
	}
	compare_whole(tracer);
	check_some(tracer);
}
