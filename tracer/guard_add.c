// SPDX-License-Identifier: MIT
/* How guards come: as many as a short stop of the target has time for, several at a time. */
#include "base/clock.h"
#include "base/error.h"
#include "tracer/engine.h"
#include "tracer/guard.h"

/* A stop that has taken so long ends: what is left comes in the next one. */
#define STOP_NS UINT64_C(5000000)
/* What is armed together is read in one go, in about a millisecond. */
#define BYTES_TOGETHER (UINT64_C(4) << 20)

static struct mw_error *watch_more(struct mw_tracer *tracer, struct mw_range range)
{
	struct mw_span span = {.range = range};
	struct mw_error *err = mw_spans_cut(&tracer->watched, range);

	return err ? err : mw_spans_add(&tracer->watched, &span);
}

/* Nothing can store there unseen any more: this is the value that the first hit changes. */
static struct mw_error *take_in(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_error *err = NULL;

	/* Those who poll ask for no store. */
	if (guard->backend != MW_BACKEND_POLL)
		err = watch_more(tracer, guard->range);
	if (!err && !mw_guard_ops_of(guard->backend)->takes_snapshot)
		err = mw_mem_read(&tracer->mem, guard->range.start, guard->snapshot,
				  guard->range.size);
	return err;
}

static struct mw_error *take_in_all(struct mw_tracer *tracer, const struct mw_guard *guards,
				    size_t count)
{
	struct mw_error *err = NULL;

	for (size_t i = 0; i < count; i++)
		tracer->guards.items[tracer->guards.count++] = guards[i];
	tracer->last_guard_id += (uint32_t)count;
	for (size_t i = 0; i < count && !err; i++)
		err = take_in(tracer, &guards[i]);
	for (size_t i = 0; i < count && err; i++) {
		struct mw_error *undo = mw_guard_remove_stopped(tracer, guards[i].id);

		mw_error_destroy(undo);
	}
	return err;
}

static void hand_over(const struct mw_tracer *tracer, const struct mw_guard *guard,
		      struct mw_guard_handle *handle)
{
	atomic_store(&handle->armed_after, tracer->seq);
	atomic_store(&handle->backend, guard->backend);
	atomic_store(&handle->id, guard->id);
}

/** All of them, or none. @param count at most what the back end arms together. */
static struct mw_error *add_by(struct mw_tracer *tracer, const struct mw_guard_request *requests,
			       size_t count, enum mw_backend backend)
{
	struct mw_guard guards[MW_GUARDS_TOGETHER];
	struct mw_error *err;

	if (!mw_vec_reserve(&tracer->guards, tracer->guards.count + count))
		return mw_err_nomem;
	for (size_t i = 0; i < count; i++)
		guards[i] = (struct mw_guard){
			.id = tracer->last_guard_id + 1 + (uint32_t)i,
			.range = requests[i].range,
			.backend = (uint8_t)backend,
			.may_move = requests[i].may_move,
			.snapshot = requests[i].snapshot,
		};
	/* Children inherit it; without it they would be at risk while they are armed. */
	if (tracer->options.take_child && !tracer->annex.size)
		mw_deadman_cover(tracer);
	err = mw_guard_ops_of(backend)->arm(tracer, guards, count);
	if (!err)
		err = take_in_all(tracer, guards, count);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		hand_over(tracer, &guards[i], requests[i].handle);
	return NULL;
}

/* The later back ends are makeshifts: if none works, the first one's reason is what counts. */
static struct mw_error *add_one(struct mw_tracer *tracer, struct mw_guard_request *request)
{
	struct mw_error *first = NULL;

	for (size_t i = 0; i < request->backend_count; i++) {
		struct mw_error *err = add_by(tracer, request, 1, request->backends[i]);

		if (!err) {
			request->refusal = first;
			return NULL;
		}
		first = mw_error_first(first, err);
	}
	return first;
}

/** How many begin with the same back end, as far as that arms them together. */
static size_t count_alike(const struct mw_guard_request *requests, size_t count)
{
	size_t most = mw_min(count, mw_guard_ops_of(requests->backends[0])->together);
	uint64_t bytes = requests->range.size;
	size_t alike = 1;

	while (alike < most && requests[alike].backends[0] == requests[0].backends[0] &&
	       requests[alike].range.size <= BYTES_TOGETHER - mw_min(bytes, BYTES_TOGETHER))
		bytes += requests[alike++].range.size;
	return alike;
}

/* Together they are armed at the price of one. Where that fails, each shows by itself why. */
static struct mw_error *add_alike(struct mw_tracer *tracer, struct mw_guard_request *requests,
				  size_t count, size_t *ret_count)
{
	struct mw_error *err = NULL;

	if (count > 1) {
		err = add_by(tracer, requests, count, requests->backends[0]);
		if (!mw_error_catch_any(err)) {
			*ret_count += count;
			return NULL;
		}
		err = NULL;
	}
	for (size_t i = 0; i < count && !err; i++) {
		err = add_one(tracer, &requests[i]);
		*ret_count += !err;
	}
	return err;
}

struct mw_error *mw_guard_add(struct mw_tracer *tracer, struct mw_guard_request *requests,
			      size_t count, size_t *ret_count)
{
	uint64_t deadline = mw_clock_now_ns() + STOP_NS;
	struct mw_error *err = mw_engine_quiesce(tracer);
	size_t done = 0;

	if (!err && count && requests->backends[0] != MW_BACKEND_POLL &&
	    !mw_deadman_ends_calls(tracer))
		err = mw_engine_await_cover(tracer);
	while (!err && done < count && (!done || mw_clock_now_ns() < deadline))
		err = add_alike(tracer, &requests[done], count_alike(&requests[done], count - done),
				&done);
	if (err)
		mw_deadman_settle(tracer);
	mw_guard_changed(tracer);
	*ret_count = done;
	/* What is guarded is guarded, even so. */
	mw_engine_tell(tracer, mw_engine_resume_all(tracer, NULL));
	return err;
}
