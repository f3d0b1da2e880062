// SPDX-License-Identifier: MIT
#include "tracer/spans.h"

#include <string.h>

#include "base/error.h"

void mw_spans_deinit(struct mw_spans *spans)
{
	mw_vec_deinit(&spans->list);
}

size_t mw_spans_lower(const struct mw_spans *spans, uint64_t addr)
{
	size_t low = 0, high = spans->list.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mw_range_end(spans->list.items[middle].range) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct mw_span *mw_spans_find(const struct mw_spans *spans, mw_addr addr)
{
	size_t index = mw_spans_lower(spans, addr.v);

	if (index < spans->list.count && mw_range_contains(spans->list.items[index].range, addr))
		return &spans->list.items[index];
	return NULL;
}

static struct mw_error *insert(struct mw_spans *spans, size_t index, const struct mw_span *span)
{
	if (!mw_vec_reserve(&spans->list, spans->list.count + 1))
		return mw_err_nomem;
	memmove(&spans->list.items[index + 1], &spans->list.items[index],
		(spans->list.count - index) * sizeof(*span));
	spans->list.items[index] = *span;
	spans->list.count++;
	return NULL;
}

struct mw_error *mw_spans_add(struct mw_spans *spans, const struct mw_span *span)
{
	return insert(spans, mw_spans_lower(spans, span->range.start.v), span);
}

static struct mw_span part_of(const struct mw_span *span, uint64_t start, uint64_t end)
{
	struct mw_span part = *span;

	part.range = (struct mw_range){mw_addr_make(start), end - start};
	if (span->alias.v)
		part.alias = mw_addr_add(span->alias, start - span->range.start.v);
	return part;
}

struct mw_error *mw_spans_cut(struct mw_spans *spans, struct mw_range range)
{
	uint64_t start = range.start.v, end = mw_range_end(range);
	size_t index = mw_spans_lower(spans, start);

	while (index < spans->list.count && spans->list.items[index].range.start.v < end) {
		struct mw_span span = spans->list.items[index];
		uint64_t span_start = span.range.start.v, span_end = mw_range_end(span.range);
		struct mw_span after = part_of(&span, end, mw_max(span_end, end));

		if (span_start < start) {
			spans->list.items[index] = part_of(&span, span_start, start);
			index++;
			if (span_end > end)
				return insert(spans, index, &after);
		} else if (span_end > end) {
			spans->list.items[index] = after;
			return NULL;
		} else {
			mw_vec_remove(&spans->list, index);
		}
	}
	return NULL;
}

struct mw_error *mw_spans_gaps(const struct mw_spans *spans, struct mw_range range,
			       struct mw_error *(*visit)(void *arg, struct mw_range gap), void *arg)
{
	uint64_t at = range.start.v, end = mw_range_end(range);
	size_t index = mw_spans_lower(spans, at);

	while (at < end) {
		uint64_t gap_end = end;
		struct mw_error *err;

		if (index < spans->list.count)
			gap_end = mw_min(end, spans->list.items[index].range.start.v);
		if (gap_end > at) {
			err = visit(arg, (struct mw_range){mw_addr_make(at), gap_end - at});
			if (err)
				return err;
		}
		if (index == spans->list.count)
			return NULL;
		at = mw_range_end(spans->list.items[index++].range);
	}
	return NULL;
}

bool mw_spans_cover(const struct mw_spans *spans, struct mw_range range)
{
	uint64_t at = range.start.v, end = mw_range_end(range);
	size_t index = mw_spans_lower(spans, at);

	while (at < end && index < spans->list.count) {
		if (spans->list.items[index].range.start.v > at)
			return false;
		at = mw_range_end(spans->list.items[index++].range);
	}
	return at >= end;
}
