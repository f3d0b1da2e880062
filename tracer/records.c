// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

static void *reserve(struct mw_tracer *tracer, size_t size, bool may_drop)
{
	void *room;

	while (!(room = mw_ring_reserve(tracer->ring, size))) {
		if (may_drop || atomic_load(&tracer->leaving) ||
		    atomic_load(&tracer->crew->emergency))
			return NULL;
		tracer->stats.ring_waits++;
		mw_ring_wait_room(tracer->ring);
	}
	return room;
}

/* Control records are small and rare: they are only dropped when nobody listens any more. */
static void emit_control(struct mw_tracer *tracer, const struct mw_record *record)
{
	void *room = reserve(tracer, sizeof(*record), false);

	if (!room)
		return;
	memcpy(room, record, sizeof(*record));
	mw_ring_publish(tracer->ring);
}

/* Copies as much stack as is mapped above the stack pointer. */
static uint32_t copy_stack(const struct mw_tracer *tracer, struct mw_thread *thread, uint8_t *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	struct mw_regs dwarf;

	if (err)
		return 0;
	mw_arch_dwarf_regs(regs, &dwarf);
	memcpy(ret, &dwarf, sizeof(dwarf));
	return (uint32_t)mw_mem_read_some(&tracer->mem, dwarf.sp, ret + sizeof(dwarf),
					  tracer->options.stack_size);
}

static void fill_origin(const struct mw_tracer *tracer, struct mw_thread *thread,
			struct mw_hit *hit)
{
	hit->time_ns = mw_clock_now_ns();
	hit->pid = thread ? thread->tgid : tracer->pid;
	hit->tid = thread ? thread->tid : 0;
	if (thread)
		snprintf(hit->thread_name, sizeof(hit->thread_name), "%s",
			 mw_thread_name(thread, hit->time_ns));
}

void mw_engine_emit(struct mw_tracer *tracer, struct mw_thread *thread, struct mw_hit *hit,
		    const uint8_t *old_bytes, const uint8_t *new_bytes)
{
	size_t size = offsetof(struct mw_record, hit) + sizeof(*hit) + (size_t)hit->size * 2;
	bool has_stack = thread && tracer->options.stack_size;
	struct mw_record *record;
	uint8_t *bytes;

	if (has_stack)
		size += sizeof(struct mw_regs) + tracer->options.stack_size;
	hit->seq = ++tracer->seq;
	tracer->stats.hits++;
	/* What was only looked at isn't held up by a wait, and wouldn't be found again. */
	record = reserve(tracer, mw_max(size, sizeof(*record)),
			 thread && tracer->options.drop_when_full);
	if (!record) {
		tracer->stats.dropped++;
		return;
	}
	fill_origin(tracer, thread, hit);
	bytes = (uint8_t *)(&record->hit + 1);
	if (hit->size) {
		memcpy(bytes, old_bytes, hit->size);
		memcpy(bytes + hit->size, new_bytes, hit->size);
	}
	if (has_stack)
		hit->stack_size = copy_stack(tracer, thread, bytes + (size_t)hit->size * 2);
	record->kind = MW_RECORD_HIT;
	record->hit = *hit;
	mw_ring_publish(tracer->ring);
}

void mw_engine_emit_state(struct mw_tracer *tracer, enum mw_tracee_state state, int status)
{
	struct mw_record record = {.kind = MW_RECORD_STATE, .state = state, .status = status};

	tracer->state = state;
	emit_control(tracer, &record);
}

void mw_engine_emit_notice(struct mw_tracer *tracer, const char *format, ...)
{
	struct mw_record record = {.kind = MW_RECORD_NOTICE};
	va_list args;

	va_start(args, format);
	vsnprintf(record.text, sizeof(record.text), format, args);
	va_end(args);
	emit_control(tracer, &record);
}

void mw_engine_emit_guard_ended(struct mw_tracer *tracer, enum mw_record_kind kind,
				uint32_t guard_id, const char *why)
{
	struct mw_record record = {.kind = kind, .guard_id = guard_id};
	struct mw_guard_info info;
	struct mw_error *err = mw_guard_describe(tracer, guard_id, &info);

	if (!err) {
		record.foreign = info.foreign;
		record.pages = info.pages;
	}
	mw_error_destroy(err);
	snprintf(record.text, sizeof(record.text), "%s", why);
	emit_control(tracer, &record);
}

void mw_engine_emit_guard_moved(struct mw_tracer *tracer, uint32_t guard_id, uint64_t moved_by)
{
	struct mw_record record = {
		.kind = MW_RECORD_GUARD_MOVED,
		.guard_id = guard_id,
		.moved_by = moved_by,
	};

	emit_control(tracer, &record);
}

void mw_engine_emit_guard_backend(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_record record = {
		.kind = MW_RECORD_GUARD_BACKEND,
		.guard_id = guard->id,
		.backend = guard->backend,
	};

	emit_control(tracer, &record);
}

void mw_engine_emit_exec(struct mw_tracer *tracer)
{
	struct mw_record record = {.kind = MW_RECORD_EXEC};

	emit_control(tracer, &record);
}

/* The smallest range that holds every watched byte of @range; size 0 if there is none. */
static struct mw_range watched_part(const struct mw_tracer *tracer, struct mw_range range)
{
	size_t index = mw_spans_lower(&tracer->watched, range.start.v);
	uint64_t start = 0, end = 0;

	for (; index < tracer->watched.list.count; index++) {
		struct mw_range watched = tracer->watched.list.items[index].range;

		if (!mw_range_overlaps(watched, range))
			break;
		if (!end)
			start = mw_max(watched.start.v, range.start.v);
		end = mw_min(mw_range_end(watched), mw_range_end(range));
	}
	return (struct mw_range){mw_addr_make(start), end - start};
}

/* One store has one width; only the pieces of a string store are cut to what is watched. */
#define WHOLE_STORE 64u

void mw_engine_report_store(struct mw_tracer *tracer, struct mw_thread *thread, struct mw_hit *hit,
			    const uint8_t *old_bytes, const uint8_t *new_bytes)
{
	struct mw_range part = watched_part(tracer, (struct mw_range){hit->addr, hit->size});
	struct mw_span *span;
	size_t skipped = 0;

	if (!part.size) {
		span = mw_spans_find(&tracer->pages, hit->addr);
		if (span && !(++span->foreign % MW_HOT_SAMPLE))
			mw_hot_sample(tracer, span);
		tracer->stats.foreign++;
		return;
	}
	if (hit->size > WHOLE_STORE) {
		skipped = part.start.v - hit->addr.v;
		hit->addr = part.start;
		hit->size = (uint32_t)part.size;
	}
	mw_engine_emit(tracer, thread, hit, old_bytes + skipped, new_bytes + skipped);
}
