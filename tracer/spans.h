// SPDX-License-Identifier: MIT
/** Sorted, disjoint page ranges that are write-protected, and what they were before. Pure. */
#ifndef MW_TRACER_SPANS_H
#define MW_TRACER_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/target.h"
#include "base/vec.h"

#define MW_PAGE_SIZE UINT64_C(4096)

static inline uint64_t mw_page_floor(uint64_t address)
{
	return address & ~(MW_PAGE_SIZE - 1);
}

static inline uint64_t mw_page_ceil(uint64_t address)
{
	return mw_page_floor(address + MW_PAGE_SIZE - 1);
}

/** The whole pages that hold @range. */
static inline struct mw_range mw_range_pages(struct mw_range range)
{
	uint64_t start = mw_page_floor(range.start.v);

	return (struct mw_range){mw_addr_make(start), mw_page_ceil(mw_range_end(range)) - start};
}

/** What both ranges hold; size 0 when that is nothing. */
static inline struct mw_range mw_range_common(struct mw_range left, struct mw_range right)
{
	uint64_t start = mw_max(left.start.v, right.start.v);
	uint64_t end = mw_min(mw_range_end(left), mw_range_end(right));

	return (struct mw_range){mw_addr_make(start), end > start ? end - start : 0};
}

struct mw_span {
	struct mw_range range;
	/** A writable second mapping of shared memory in the tracee, or NULL for private memory. */
	mw_addr alias;
	/** Protection before ours; always with PROT_WRITE. */
	uint64_t prot : 8;
	/** Stores into its pages but into no watched range. */
	uint64_t foreign : 56;
};
/* There may be hundreds of thousands. */
_Static_assert(sizeof(struct mw_span) == 32, "a span is small");

/** A zeroed one is empty. */
struct mw_spans {
	MW_VEC(struct mw_span) list;
};

void mw_spans_deinit(struct mw_spans *spans);
/** @return the span that holds @addr, or NULL. Valid until the next change. */
struct mw_span *mw_spans_find(const struct mw_spans *spans, mw_addr addr);
/** @return the index of the first span that ends behind @addr; the count if there is none. */
size_t mw_spans_lower(const struct mw_spans *spans, uint64_t addr);
/** Adds a span that overlaps no other. @return NULL or mw_err_nomem. */
struct mw_error *mw_spans_add(struct mw_spans *spans, const struct mw_span *span) MW_MUST_CHECK;
/** Takes [@range) out of all spans, splitting those that reach beyond. @return or mw_err_nomem. */
struct mw_error *mw_spans_cut(struct mw_spans *spans, struct mw_range range) MW_MUST_CHECK;
/**
 * Calls @visit for each part of @range that no span covers, in order. Stops at the first error.
 */
struct mw_error *mw_spans_gaps(const struct mw_spans *spans, struct mw_range range,
			       struct mw_error *(*visit)(void *arg, struct mw_range gap),
			       void *arg) MW_MUST_CHECK;
/** True when spans cover all of @range. */
bool mw_spans_cover(const struct mw_spans *spans, struct mw_range range);

#endif
