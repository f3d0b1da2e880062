// SPDX-License-Identifier: MIT
/*
 * A watch's memory of its region. `before` differs from `value` only while a change is shown, and
 * only in the bytes of that change. So of a large region it holds nothing but what was needed: a
 * region of a gigabyte is kept once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "watch/core.h"

#define LARGEST_REGION (UINT64_C(8) << 30)
/* From here on `before` is filled where it is needed. */
#define LARGE (UINT64_C(64) << 10)
/* Around a change: no scalar reaches further. */
#define MARGIN 64u
/* Of a member as much as any text shows. */
#define SHOWN 4096u
/* What may be used of a large `before` until it is given back. */
#define USED_MAX (UINT64_C(8) << 20)

static void *map(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	return memory;
}

static bool is_large(const struct mw_watch *watch)
{
	return watch->snapshot_size > LARGE;
}

/* Small ones are many: both copies stand in one piece. */
static void allocate_small(struct mw_watch *watch)
{
	watch->value = malloc(2 * watch->snapshot_size);
	if (watch->value)
		watch->before = watch->value + watch->snapshot_size;
}

static void allocate_large(struct mw_watch *watch)
{
	watch->value = map(watch->snapshot_size);
	watch->before = map(watch->snapshot_size);
	/* Filled whole at once: fewer, larger pages make that cheaper. */
	if (watch->value)
		madvise(watch->value, watch->snapshot_size, MADV_HUGEPAGE);
}

struct mw_error *mw_snapshot_create(struct mw_watch *watch)
{
	if (watch->object.size > LARGEST_REGION)
		return mw_error_create(MW_ERROR_USAGE,
				       "%s is %" PRIu64
				       " bytes, and a watch can be at most %" PRIu64 " GiB",
				       watch->expression, watch->object.size, LARGEST_REGION >> 30);
	mw_snapshot_destroy(watch);
	watch->snapshot_size = watch->object.size;
	if (is_large(watch))
		allocate_large(watch);
	else
		allocate_small(watch);
	return watch->value && watch->before ? NULL : mw_err_nomem;
}

static void unmap(uint8_t *memory, uint64_t size)
{
	if (memory)
		munmap(memory, size);
}

void mw_snapshot_destroy(struct mw_watch *watch)
{
	if (is_large(watch)) {
		unmap(watch->value, watch->snapshot_size);
		unmap(watch->before, watch->snapshot_size);
	} else {
		free(watch->value);
	}
	watch->value = watch->before = NULL;
	watch->has_before = false;
	watch->before_used = 0;
}

static void copy(struct mw_watch *watch, uint64_t start, uint64_t end)
{
	if (start < end)
		memcpy(watch->before + start, watch->value + start, end - start);
}

/* Copies what lies around the change; inside it `before` has the old bytes already. */
static void bring_up(struct mw_watch *watch, uint64_t start, uint64_t end)
{
	struct mw_range change = watch->change;

	copy(watch, start, mw_min(end, change.start.v));
	copy(watch, mw_max(start, mw_range_end(change)), end);
	watch->before_used += end - start;
}

void mw_snapshot_bring_up(struct mw_watch *watch, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + mw_min(size, (uint64_t)SHOWN);

	if (is_large(watch))
		bring_up(watch, offset, mw_min(end, watch->snapshot_size));
}

/* A small one is filled once after each arming, and then kept. */
static void fill_small(struct mw_watch *watch)
{
	if (!watch->has_before)
		memcpy(watch->before, watch->value, watch->snapshot_size);
	watch->has_before = true;
}

void mw_snapshot_change(struct mw_watch *watch, uint64_t offset, const uint8_t *bytes,
			uint64_t size)
{
	uint64_t start = offset - mw_min(offset, (uint64_t)MARGIN);

	watch->change = (struct mw_range){mw_addr_make(offset), size};
	if (is_large(watch)) {
		memcpy(watch->before + offset, watch->value + offset, size);
		bring_up(watch, start, mw_min(watch->snapshot_size, offset + size + MARGIN));
	} else {
		fill_small(watch);
	}
	memcpy(watch->value + offset, bytes, size);
}

void mw_snapshot_settle(struct mw_watch *watch)
{
	uint64_t offset = watch->change.start.v;

	if (!is_large(watch)) {
		memcpy(watch->before + offset, watch->value + offset, watch->change.size);
	} else if (watch->before_used > USED_MAX) {
		madvise(watch->before, watch->snapshot_size, MADV_DONTNEED);
		watch->before_used = 0;
	}
}
