// SPDX-License-Identifier: MIT
/*
 * Debug registers watch addresses, whatever is mapped there, and not what other processes store.
 * So what they watch is looked at from time to time: memory that is gone ends its guard, and a
 * value that nobody was caught storing is reported as external.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/timer.h"

#define PERIOD_NS UINT64_C(100000000)

static bool is_in_use(const struct mw_hw *hw)
{
	for (unsigned slot = 0; slot < MW_ARCH_DEBUG_SLOTS; slot++)
		if (hw->slots[slot].range.size)
			return true;
	return false;
}

static void end_guard(struct mw_tracer *tracer, uint32_t guard_id)
{
	/* Who doesn't stop traps once more, which is ours and passes. */
	mw_error_destroy(mw_engine_stop_all(tracer, NULL));
	mw_engine_tell(tracer, mw_guard_lose(tracer, guard_id, "its memory was unmapped"));
	mw_engine_tell(tracer, mw_guard_refresh(tracer));
	mw_engine_tell(tracer, mw_engine_resume_all(tracer, NULL));
}

static void report(struct mw_tracer *tracer, struct mw_hw_slot *slot, const uint8_t *now)
{
	struct mw_hit hit = {
		.cause = MW_CAUSE_EXTERNAL,
		.backend = MW_BACKEND_HW,
		.addr = slot->range.start,
		.size = (uint32_t)slot->range.size,
	};

	mw_engine_emit(tracer, NULL, &hit, slot->shadow, now);
	memcpy(slot->shadow, now, sizeof(slot->shadow));
	slot->differs = false;
}

/* A trap may be on its way: only what still differs at the next look was stored by nobody here. */
static void look_at(struct mw_tracer *tracer, struct mw_hw_slot *slot)
{
	uint8_t now[sizeof(slot->shadow)];
	bool differed = slot->differs;

	memcpy(now, slot->shadow, sizeof(now));
	if (mw_mem_read_some(&tracer->mem, slot->range.start, now, slot->range.size) !=
	    slot->range.size) {
		end_guard(tracer, slot->guard_id);
		return;
	}
	slot->differs = memcmp(now, slot->shadow, sizeof(now));
	if (differed && slot->differs && !memcmp(now, slot->seen, sizeof(now)))
		report(tracer, slot, now);
	memcpy(slot->seen, now, sizeof(now));
}

static void look(struct mw_tracer *tracer)
{
	for (unsigned i = 0; i < MW_ARCH_DEBUG_SLOTS; i++)
		if (tracer->hw.slots[i].range.size)
			look_at(tracer, &tracer->hw.slots[i]);
	tracer->hw.due_ns = mw_clock_now_ns() + PERIOD_NS;
}

/* Without a timer the looks come as they may, whenever something else happens. */
static void start_timer(struct mw_hw *hw)
{
	hw->has_timer = !mw_error_catch_any(mw_timer_create(&hw->timer));
	if (hw->has_timer)
		mw_timer_set(hw->timer, PERIOD_NS);
	hw->due_ns = mw_clock_now_ns() + PERIOD_NS;
}

void mw_hw_stop_looking(struct mw_hw *hw)
{
	if (hw->has_timer)
		timer_delete(hw->timer);
	hw->has_timer = false;
	hw->due_ns = 0;
}

void mw_hw_turn(struct mw_tracer *tracer)
{
	struct mw_hw *hw = &tracer->hw;

	if (!is_in_use(hw)) {
		mw_hw_stop_looking(hw);
		return;
	}
	if (!hw->due_ns)
		start_timer(hw);
	/* Traps of a held target aren't looked at yet. */
	if (!tracer->hold && mw_clock_now_ns() >= hw->due_ns)
		look(tracer);
}
