// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <stdio.h>

#include "base/error.h"

struct mw_guard *mw_guard_find(const struct mw_tracer *tracer, uint32_t guard_id)
{
	mw_vec_foreach (guard, &tracer->guards)
		if (guard->id == guard_id)
			return guard;
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
		err = mw_spans_cut(&tracer->watched, span.range);
		if (!err)
			err = mw_spans_add(&tracer->watched, &span);
	}
	return err;
}

static struct mw_error *watch_more(struct mw_tracer *tracer, struct mw_range range)
{
	struct mw_span span = {.range = range};
	struct mw_error *err = mw_spans_cut(&tracer->watched, range);

	return err ? err : mw_spans_add(&tracer->watched, &span);
}

static struct mw_error *arm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_error *err;

	if (guard->backend == MW_BACKEND_HW)
		err = mw_hw_arm(tracer, guard);
	else
		err = mw_page_arm(tracer, guard->range);
	if (!err)
		err = watch_more(tracer, guard->range);
	return err;
}

static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	struct mw_error *err;

	if (guard->backend == MW_BACKEND_HW)
		err = mw_hw_disarm(tracer, guard->id);
	else
		err = mw_page_disarm(tracer, guard->range);
	return err ? err : rebuild_watched(tracer);
}

/*
 * System calls only matter to pages that are write-protected, or will be again, and to a handler
 * that is to stay unseen.
 */
static void update_syscall_tracing(struct mw_tracer *tracer)
{
	bool any = tracer->pages.list.count > 0;

	mw_vec_foreach (guard, &tracer->guards)
		any |= guard->backend == MW_BACKEND_PAGE;
	tracer->trace_syscalls =
		(any && !tracer->options.ignore_syscalls) || tracer->deadman.armed[MW_DEADMAN_SEGV];
}

static struct mw_error *add_stopped(struct mw_tracer *tracer,
				    const struct mw_guard_request *request, uint32_t *ret)
{
	struct mw_guard guard = {
		.id = tracer->last_guard_id + 1,
		.range = request->range,
		.backend = request->backend,
	};
	struct mw_error *err;

	if (!mw_vec_reserve(&tracer->guards, tracer->guards.count + 1))
		return mw_err_nomem;
	err = arm(tracer, &guard);
	if (err)
		return err;
	tracer->guards.items[tracer->guards.count++] = guard;
	tracer->last_guard_id = guard.id;
	/* Nothing can store there unseen any more: this is the value that the first hit changes. */
	err = mw_mem_read(&tracer->mem, request->range.start, request->snapshot,
			  request->range.size);
	if (err) {
		struct mw_error *undo = mw_guard_remove(tracer, guard.id);

		mw_error_destroy(undo);
		return err;
	}
	atomic_store(request->armed_after, tracer->seq);
	*ret = guard.id;
	return NULL;
}

struct mw_error *mw_guard_add(struct mw_tracer *tracer, const struct mw_guard_request *request,
			      uint32_t *ret)
{
	struct mw_error *err = mw_engine_quiesce(tracer);
	struct mw_error *resume_err;

	if (!err)
		err = add_stopped(tracer, request, ret);
	if (err)
		mw_deadman_settle(tracer);
	update_syscall_tracing(tracer);
	resume_err = mw_engine_resume_all(tracer, NULL);
	if (!err)
		return resume_err;
	mw_error_destroy(resume_err);
	return err;
}

static struct mw_error *remove_stopped(struct mw_tracer *tracer, uint32_t guard_id)
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
	struct mw_error *resume_err;

	if (!err)
		err = remove_stopped(tracer, guard_id);
	mw_deadman_settle(tracer);
	update_syscall_tracing(tracer);
	resume_err = mw_engine_resume_all(tracer, NULL);
	if (!err)
		return resume_err;
	mw_error_destroy(resume_err);
	return err;
}

struct mw_error *mw_guard_remove_all(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;

	while (tracer->guards.count) {
		struct mw_guard guard = tracer->guards.items[tracer->guards.count - 1];
		struct mw_error *err;

		mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_ENDED, guard.id, "");
		tracer->guards.count--;
		err = disarm(tracer, &guard);

		if (!first)
			first = err;
		else
			mw_error_destroy(err);
	}
	update_syscall_tracing(tracer);
	return first;
}

struct mw_error *mw_guard_lose(struct mw_tracer *tracer, uint32_t guard_id, const char *why)
{
	mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_LOST, guard_id, why);
	return remove_stopped(tracer, guard_id);
}

struct mw_error *mw_guard_refresh(struct mw_tracer *tracer)
{
	update_syscall_tracing(tracer);
	return rebuild_watched(tracer);
}

void mw_guard_end_all(struct mw_tracer *tracer, const char *why)
{
	mw_vec_foreach (guard, &tracer->guards)
		mw_engine_emit_guard_ended(tracer, MW_RECORD_GUARD_ENDED, guard->id, why);
	tracer->guards.count = 0;
	mw_spans_deinit(&tracer->pages);
	mw_spans_deinit(&tracer->watched);
	mw_hw_deinit(tracer);
	update_syscall_tracing(tracer);
}

static uint64_t foreign_on(const struct mw_tracer *tracer, struct mw_range pages)
{
	size_t index = mw_spans_lower(&tracer->pages, pages.start.v);
	uint64_t foreign = 0;

	for (; index < tracer->pages.list.count; index++) {
		if (!mw_range_overlaps(tracer->pages.list.items[index].range, pages))
			break;
		foreign += tracer->pages.list.items[index].foreign;
	}
	return foreign;
}

struct mw_error *mw_guard_describe(const struct mw_tracer *tracer, uint32_t guard_id,
				   struct mw_guard_info *ret)
{
	const struct mw_guard *guard = mw_guard_find(tracer, guard_id);
	struct mw_range pages;

	if (!guard)
		return mw_err_not_found;
	*ret = (struct mw_guard_info){.backend = guard->backend};
	if (guard->backend == MW_BACKEND_HW) {
		snprintf(ret->note, sizeof(ret->note), "%s",
			 tracer->hw.by_ptrace     ? "by ptrace; the kernel's stores are not seen"
			 : tracer->hw.sees_kernel ? "the kernel's stores are seen too"
						  : "the kernel's stores are not seen");
		return NULL;
	}
	pages = mw_range_pages(guard->range);
	ret->pages = pages.size / MW_PAGE_SIZE;
	ret->foreign = foreign_on(tracer, pages);
	if (!mw_spans_cover(&tracer->pages, pages))
		snprintf(ret->note, sizeof(ret->note),
			 "suspended where the program itself has write-protected it");
	else if (tracer->options.ignore_syscalls)
		snprintf(ret->note, sizeof(ret->note),
			 "system calls into its pages fail (--syscalls=off)");
	return NULL;
}
