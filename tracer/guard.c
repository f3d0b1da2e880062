// SPDX-License-Identifier: MIT
#include "tracer/guard.h"

#include "base/error.h"
#include "tracer/engine.h"

static const struct mw_guard_ops *const back_ends[MW_BACKEND_COUNT] = {
	[MW_BACKEND_PAGE] = &mw_guard_page,
	[MW_BACKEND_HW] = &mw_guard_hw,
	[MW_BACKEND_UFFD] = &mw_guard_uffd,
	[MW_BACKEND_POLL] = &mw_guard_poll,
};

const struct mw_guard_ops *mw_guard_ops_of(enum mw_backend backend)
{
	return back_ends[backend];
}

/* The list is in the order of the numbers. */
struct mw_guard *mw_guard_find(const struct mw_tracer *tracer, uint32_t guard_id)
{
	size_t low = 0, high = tracer->guards.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tracer->guards.items[middle].id < guard_id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < tracer->guards.count && tracer->guards.items[low].id == guard_id)
		return &tracer->guards.items[low];
	return NULL;
}

/**
 * The union of all guards. A store that is carried out from outside passes the debug registers by,
 * so on a guarded page the bytes of the hardware guards count as well.
 */
static struct mw_error *rebuild_watched(struct mw_tracer *tracer)
{
	struct mw_error *err = NULL;

	tracer->watched.list.count = 0;
	mw_vec_foreach (guard, &tracer->guards) {
		struct mw_span span = {.range = guard->range};

		if (err)
			break;
		if (guard->backend == MW_BACKEND_POLL)
			continue;
		err = mw_spans_cut(&tracer->watched, span.range);
		if (!err)
			err = mw_spans_add(&tracer->watched, &span);
	}
	return err;
}

static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_error *err = back_ends[guard->backend]->disarm(tracer, guard);

	return err || guard->backend == MW_BACKEND_POLL ? err : rebuild_watched(tracer);
}

void mw_guard_count(struct mw_tracer *tracer)
{
	const struct mw_poll *poll = &tracer->poll;

	tracer->stats.guards = tracer->guards.count;
	tracer->stats.guard_bytes =
		mw_vec_bytes(&tracer->guards) + mw_vec_bytes(&tracer->pages.list) +
		mw_vec_bytes(&tracer->watched.list) + mw_vec_bytes(&poll->regions) +
		mw_vec_bytes(&poll->extents) + mw_vec_bytes(&poll->uffd.registered) +
		mw_vec_bytes(&tracer->wp.uffd.registered) + mw_vec_bytes(&tracer->hw.events);
}

/*
 * System calls only matter to pages that are write-protected, or will be again, and to a handler
 * that is to stay unseen.
 */
void mw_guard_changed(struct mw_tracer *tracer)
{
	bool any = tracer->pages.list.count > 0;

	mw_guard_count(tracer);
	mw_vec_foreach (guard, &tracer->guards) {
		if (any)
			break;
		any = guard->backend == MW_BACKEND_PAGE;
	}
	tracer->trace_syscalls =
		(any && !mw_wp_is_on(&tracer->wp) && !tracer->options.ignore_syscalls) ||
		tracer->deadman.armed[MW_DEADMAN_SEGV];
}

struct mw_error *mw_guard_remove_stopped(struct mw_tracer *tracer, uint32_t guard_id)
{
	struct mw_guard *guard = mw_guard_find(tracer, guard_id);
	struct mw_guard removed;

	if (!guard)
		return mw_err_not_found;
	removed = *guard;
	mw_vec_remove(&tracer->guards, (size_t)(guard - tracer->guards.items));
	return disarm(tracer, &removed);
}

struct mw_error *mw_guard_remove(struct mw_tracer *tracer, uint32_t guard_id)
{
	struct mw_error *err = mw_engine_quiesce(tracer);

	if (!err)
		err = mw_guard_remove_stopped(tracer, guard_id);
	mw_deadman_settle(tracer);
	mw_guard_changed(tracer);
	return mw_error_first(err, mw_engine_resume_all(tracer, NULL));
}

struct mw_error *mw_guard_remove_all(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;

	/* What is polled is looked at once more, while its watches still listen. */
	mw_poll_look_last(tracer);
	mw_vec_foreach (guard, &tracer->guards)
		mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_ENDED, guard->id, "");
	for (size_t i = 0; i < mw_array_size(back_ends); i++)
		if (back_ends[i])
			first = mw_error_first(first, back_ends[i]->release(tracer));
	tracer->guards.count = 0;
	tracer->watched.list.count = 0;
	mw_guard_changed(tracer);
	return first;
}

struct mw_error *mw_guard_change(struct mw_tracer *tracer, struct mw_guard *guard,
				 enum mw_backend backend)
{
	struct mw_guard before = *guard, after = *guard;
	struct mw_error *err;

	after.backend = (uint8_t)backend;
	after.keeps_snapshot = true;
	err = back_ends[backend]->arm(tracer, &after, 1);
	if (err)
		return err;
	guard->backend = after.backend;
	/* What it did in the target that is still in place makes hits that nobody misses. */
	mw_error_destroy(back_ends[before.backend]->disarm(tracer, &before));
	mw_engine_emit_guard_backend(tracer, &after);
	if (backend == MW_BACKEND_POLL)
		tracer->poll.mark = mw_ring_published(tracer->ring);
	return NULL;
}

struct mw_error *mw_guard_follow(struct mw_tracer *tracer, uint32_t guard_id,
				 struct mw_range before, bool moved)
{
	const struct mw_guard *guard = mw_guard_find(tracer, guard_id);
	const struct mw_guard_ops *ops = back_ends[guard->backend];

	return ops->follow ? ops->follow(tracer, guard, before, moved) : NULL;
}

void mw_guard_end(struct mw_tracer *tracer, uint32_t guard_id, const char *why)
{
	struct mw_guard *guard = mw_guard_find(tracer, guard_id);

	if (!guard)
		return;
	mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_LOST, guard_id, why);
	mw_vec_remove(&tracer->guards, (size_t)(guard - tracer->guards.items));
	/* Without memory for the new list the old one stays, which only watches too much. */
	mw_error_destroy(rebuild_watched(tracer));
	mw_guard_count(tracer);
}

struct mw_error *mw_guard_lose(struct mw_tracer *tracer, uint32_t guard_id, const char *why)
{
	mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_LOST, guard_id, why);
	return mw_guard_remove_stopped(tracer, guard_id);
}

struct mw_error *mw_guard_refresh(struct mw_tracer *tracer)
{
	mw_guard_changed(tracer);
	return rebuild_watched(tracer);
}

void mw_guard_end_all(struct mw_tracer *tracer, const char *why)
{
	mw_vec_foreach (guard, &tracer->guards)
		mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_ENDED, guard->id, why);
	for (size_t i = 0; i < mw_array_size(back_ends); i++)
		if (back_ends[i])
			back_ends[i]->forget(tracer);
	tracer->guards.count = 0;
	mw_spans_deinit(&tracer->watched);
	mw_guard_changed(tracer);
}

struct mw_error *mw_guard_describe(const struct mw_tracer *tracer, uint32_t guard_id,
				   struct mw_guard_info *ret)
{
	const struct mw_guard *guard = mw_guard_find(tracer, guard_id);

	if (!guard)
		return mw_err_not_found;
	*ret = (struct mw_guard_info){.backend = guard->backend};
	back_ends[guard->backend]->describe(tracer, guard, ret);
	return NULL;
}
