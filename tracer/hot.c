// SPDX-License-Identifier: MIT
#include "tracer/hot.h"

#include "base/clock.h"
#include "base/error.h"
#include "tracer/engine.h"

#define SECOND_NS UINT64_C(1000000000)
#define RATE 5000u
#define COOL_DOWN_NS (UINT64_C(10) * SECOND_NS)
/* A measurement that took this long says nothing about now. */
#define STALE_NS (UINT64_C(3) * SECOND_NS)

static uint64_t rate_limit(const struct mw_tracer *tracer)
{
	return tracer->options.hot_rate ? tracer->options.hot_rate : RATE;
}

static uint64_t cool_down(const struct mw_tracer *tracer)
{
	return tracer->options.cool_down_ns ? tracer->options.cool_down_ns : COOL_DOWN_NS;
}

static void start_measuring(struct mw_hot *hot, unsigned slot, const struct mw_span *span,
			    uint64_t now_ns)
{
	hot->slots[slot].start = span->range.start;
	hot->slots[slot].foreign = span->foreign;
	hot->slots[slot].since_ns = now_ns;
}

void mw_hot_sample(struct mw_tracer *tracer, const struct mw_span *span)
{
	struct mw_hot *hot = &tracer->hot;
	uint64_t now_ns = mw_clock_now_ns(), past_ns;
	unsigned slot = 0;

	while (slot < MW_HOT_SLOTS && hot->slots[slot].start.v != span->range.start.v)
		slot++;
	if (slot == MW_HOT_SLOTS) {
		start_measuring(hot, hot->next_slot++ % MW_HOT_SLOTS, span, now_ns);
		return;
	}
	past_ns = now_ns - hot->slots[slot].since_ns;
	if (past_ns < SECOND_NS)
		return;
	hot->rate = (span->foreign - hot->slots[slot].foreign) * SECOND_NS / past_ns;
	if (past_ns < STALE_NS && hot->rate > rate_limit(tracer))
		hot->pages = span->range;
	start_measuring(hot, slot, span, now_ns);
}

static bool is_on(const struct mw_guard *guard, struct mw_range pages)
{
	return mw_range_overlaps(mw_range_pages(guard->range), pages);
}

/* One guard that must stay keeps the page guarded, and moving the others wins nothing. */
static bool may_all_move(const struct mw_tracer *tracer, struct mw_range pages)
{
	bool any = false;

	mw_vec_foreach (guard, &tracer->guards) {
		if (guard->backend != MW_BACKEND_PAGE || !is_on(guard, pages))
			continue;
		if (!guard->may_move)
			return false;
		any = true;
	}
	return any;
}

static struct mw_error *move_guard(struct mw_tracer *tracer, struct mw_guard *guard)
{
	struct mw_error *err = mw_guard_change(tracer, guard, MW_BACKEND_HW);

	if (err) {
		mw_error_destroy(err);
		err = mw_guard_change(tracer, guard, MW_BACKEND_POLL);
	}
	if (err)
		return err;
	guard->moved = true;
	tracer->hot.moved++;
	mw_engine_emit_notice(tracer,
			      "0x%" PRIx64 ": %" PRIu64 " stores a second beside it on its page: "
			      "watched by %s for now",
			      guard->range.start.v, tracer->hot.rate,
			      mw_backend_name(guard->backend));
	return NULL;
}

static struct mw_error *move_guards(struct mw_tracer *tracer, struct mw_range pages)
{
	struct mw_error *err = NULL;

	mw_vec_foreach (guard, &tracer->guards)
		if (!err && guard->backend == MW_BACKEND_PAGE && is_on(guard, pages))
			err = move_guard(tracer, guard);
	return err;
}

/* A last look may find that a guard's memory is gone: the list changes under the search. */
static struct mw_guard *next_moved(const struct mw_tracer *tracer, uint32_t behind)
{
	mw_vec_foreach (guard, &tracer->guards)
		if (guard->moved && guard->id > behind)
			return guard;
	return NULL;
}

static struct mw_error *move_back(struct mw_tracer *tracer)
{
	struct mw_error *err = NULL;
	struct mw_guard *guard;
	uint32_t id = 0;

	while (!err && (guard = next_moved(tracer, id))) {
		id = guard->id;
		guard->moved = false;
		err = mw_guard_change(tracer, guard, MW_BACKEND_PAGE);
	}
	tracer->hot.moved = next_moved(tracer, 0) != NULL;
	return err;
}

/* Either way nobody stores while guards change. */
static void with_all_stopped(struct mw_tracer *tracer, bool back, struct mw_range pages)
{
	struct mw_error *err = mw_engine_quiesce(tracer);

	if (!err)
		err = back ? move_back(tracer) : move_guards(tracer, pages);
	if (!err)
		err = mw_guard_refresh(tracer);
	mw_engine_tell(tracer, mw_error_first(err, mw_engine_resume_all(tracer, NULL)));
	tracer->hot.back_ns = mw_clock_now_ns() + cool_down(tracer);
}

void mw_hot_turn(struct mw_tracer *tracer)
{
	struct mw_range pages = tracer->hot.pages;

	tracer->hot.pages = (struct mw_range){0};
	if (pages.size && may_all_move(tracer, pages))
		with_all_stopped(tracer, false, pages);
	else if (tracer->hot.moved && mw_clock_now_ns() >= tracer->hot.back_ns)
		with_all_stopped(tracer, true, pages);
}
