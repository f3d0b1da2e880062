// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tracer/remap_call.h"
#include "tracer/sys.h"

/*
 * The program unmaps, moves, empties or protects guarded memory. Our protections split mappings,
 * and what they hide from the program (a write bit, mremap()'s rule of one mapping) must not show
 * in the outcome. So such a call is made to fail at its entry, by an argument that does nothing,
 * and carried out at its exit: every other thread stops, the pages open, the call is made as the
 * program meant it, and what is left of the guards is guarded again. Nothing can store unseen
 * meanwhile, and the program sees the result of its own call.
 */

/** A guard that the call affects. */
struct touched {
	uint32_t id;
	struct mw_range before;
	/** Why it can't be guarded again; NULL if it is. */
	struct mw_error *err;
};

struct remap {
	struct mw_tracer *tracer;
	struct mw_thread *thread;
	struct mw_remap_call call;
	struct mw_injection injection;
	MW_VEC(struct touched) touched;
	/** Watched bytes that the call affects, and how they were, one behind the other. */
	struct mw_spans watched;
	uint8_t *before;
	/** Watched bytes that are gone, by their addresses before the call. */
	struct mw_spans lost;
	int64_t result;
};

static struct mw_error *add_range(struct mw_spans *spans, struct mw_range range)
{
	struct mw_span span = {.range = range};
	struct mw_error *err;

	if (!range.size)
		return NULL;
	err = mw_spans_cut(spans, range);
	return err ? err : mw_spans_add(spans, &span);
}

static bool overlaps_any(const struct mw_spans *spans, struct mw_range range)
{
	size_t index = mw_spans_lower(spans, range.start.v);

	return index < spans->list.count &&
	       mw_range_overlaps(spans->list.items[index].range, range);
}

struct mw_error *mw_remap_check(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_redirect *redirect = &thread->redirect;
	struct mw_remap_call call;
	struct mw_remap_dud dud;
	struct mw_error *err;

	thread->remaps = false;
	if (!mw_remap_call_is_known(redirect->number))
		return NULL;
	err = mw_remap_call_init(thread->tid, redirect->number, redirect->args, &call);
	mw_vec_foreach (span, &call.affected.list)
		thread->remaps |= overlaps_any(&tracer->watched, span->range);
	mw_remap_call_deinit(&call);
	if (err || !thread->remaps)
		return err;
	dud = mw_remap_call_dud(redirect->number);
	mw_arch_set_syscall_arg(&thread->regs, dud.index, dud.value);
	mw_thread_regs_changed(thread);
	return NULL;
}

static struct mw_error *find_touched(struct remap *remap)
{
	mw_vec_foreach (guard, &remap->tracer->guards) {
		struct touched touched = {guard->id, guard->range, NULL};

		if (overlaps_any(&remap->call.affected, guard->range) &&
		    !mw_vec_push(&remap->touched, touched))
			return mw_err_nomem;
	}
	return NULL;
}

static struct mw_error *find_watched(struct remap *remap)
{
	struct mw_error *err = NULL;

	mw_vec_foreach (affected, &remap->call.affected.list)
		mw_vec_foreach (watched, &remap->tracer->watched.list)
			if (!err)
				err = add_range(&remap->watched,
						mw_range_common(affected->range, watched->range));
	return err;
}

/* What can't be read (the end of a file that shrank before) reads as zeros. */
static struct mw_error *save_watched(struct remap *remap)
{
	uint8_t *to;
	size_t size = 0;

	mw_vec_foreach (span, &remap->watched.list)
		size += span->range.size;
	to = remap->before = calloc(1, size + 1);
	if (!to)
		return mw_err_nomem;
	mw_vec_foreach (span, &remap->watched.list) {
		mw_mem_read_some(&remap->tracer->mem, span->range.start, to, span->range.size);
		to += span->range.size;
	}
	return NULL;
}

static struct mw_error *prepare(struct remap *remap)
{
	const struct mw_redirect *redirect = &remap->thread->redirect;
	struct mw_error *err = mw_remap_call_init(remap->thread->tid, redirect->number,
						  redirect->args, &remap->call);

	if (!err)
		err = find_touched(remap);
	if (!err)
		err = find_watched(remap);
	return err ? err : save_watched(remap);
}

static struct mw_error *open_affected(struct remap *remap)
{
	struct mw_error *err = NULL;

	mw_vec_foreach (span, &remap->call.affected.list)
		if (!err)
			err = mw_page_open(remap->tracer, &remap->injection, span->range);
	return err;
}

static bool has_failed(const struct remap *remap)
{
	return remap->result < 0 && remap->result > -4096;
}

/** True for an mremap() that has moved its memory to another address. */
static bool has_moved(const struct remap *remap)
{
	return remap->call.kept.size && !has_failed(remap) &&
	       (uint64_t)remap->result != remap->call.kept.start.v;
}

/** What an mremap() works on. */
static struct mw_range source_of(const struct remap *remap)
{
	return (struct mw_range){remap->call.kept.start, mw_page_ceil(remap->call.args[1])};
}

static bool is_inside(struct mw_range inner, struct mw_range outer)
{
	return mw_range_common(inner, outer).size == inner.size;
}

static bool is_there(const struct remap *remap, mw_addr addr)
{
	uint8_t byte;

	return !(remap->call.makes_stack && mw_spans_find(&remap->call.affected, addr)) &&
	       mw_mem_read_some(&remap->tracer->mem, addr, &byte, 1) == 1;
}

/** Lists the parts of a watched range that don't exist any more. */
static struct mw_error *find_lost_parts(struct remap *remap, struct mw_range range)
{
	uint64_t end = mw_range_end(range), start = range.start.v, next;
	struct mw_error *err = NULL;

	/* From start to at all is lost. */
	for (uint64_t at = start; at < end && !err; at = next) {
		next = mw_min(end, mw_page_floor(at) + MW_PAGE_SIZE);
		if (!is_there(remap, mw_addr_make(at)))
			continue;
		err = add_range(&remap->lost, (struct mw_range){mw_addr_make(start), at - start});
		start = next;
	}
	return err ? err
		   : add_range(&remap->lost, (struct mw_range){mw_addr_make(start), end - start});
}

/** Takes the beginning and the end of @range off as far as they are lost. */
static struct mw_range trim(const struct remap *remap, struct mw_range range)
{
	uint64_t start = range.start.v, end = mw_range_end(range);
	const struct mw_span *span;

	while (start < end && (span = mw_spans_find(&remap->lost, mw_addr_make(start))))
		start = mw_range_end(span->range);
	while (start < end && (span = mw_spans_find(&remap->lost, mw_addr_make(end - 1))))
		end = span->range.start.v;
	return (struct mw_range){mw_addr_make(start), start < end ? end - start : 0};
}

/** A guard goes with its memory when all of it was in what moved; else it stays with the rest. */
static struct mw_error *follow_move(struct remap *remap, struct mw_guard *guard)
{
	struct mw_range source = source_of(remap), before = guard->range, left = before;
	struct mw_range kept = mw_range_common(before, remap->call.kept);
	struct mw_error *err;

	if (!is_inside(before, source)) {
		err = add_range(&remap->lost, mw_range_common(before, source));
		if (!err)
			guard->range = trim(remap, before);
		return err;
	}
	left.start.v += kept.size;
	left.size -= kept.size;
	guard->range = kept;
	guard->range.start.v += (uint64_t)remap->result - remap->call.kept.start.v;
	return add_range(&remap->lost, left);
}

static struct mw_error *follow_guards(struct remap *remap)
{
	struct mw_error *err = NULL;

	mw_vec_foreach (span, &remap->watched.list)
		if (!err && !(has_moved(remap) && is_inside(span->range, source_of(remap))))
			err = find_lost_parts(remap, span->range);
	mw_vec_foreach (touched, &remap->touched) {
		struct mw_guard *guard = mw_guard_find(remap->tracer, touched->id);

		if (err)
			return err;
		if (has_moved(remap) && mw_range_overlaps(touched->before, source_of(remap)))
			err = follow_move(remap, guard);
		else
			guard->range = trim(remap, guard->range);
	}
	return err;
}

/* One that can't be guarded any more (mseal, too many mappings) ends with the reason. */
static struct mw_error *guard_again(struct remap *remap)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(remap->tracer->pid, &maps);

	if (err)
		return err;
	mw_vec_foreach (touched, &remap->touched) {
		const struct mw_guard *guard = mw_guard_find(remap->tracer, touched->id);
		struct mw_range pages = mw_range_pages(guard->range);

		if (guard->range.size && guard->backend == MW_BACKEND_PAGE)
			touched->err = mw_page_guard_gaps(remap->tracer, &remap->injection, &maps,
							  &pages, 1);
	}
	mw_procmaps_deinit(&maps);
	return NULL;
}

/** Whatever goes wrong with the guards, the program's call is made. */
static struct mw_error *make_call(struct remap *remap)
{
	const struct mw_redirect *redirect = &remap->thread->redirect;
	struct mw_error *err, *call_err;

	err = mw_inject_begin(&remap->injection, remap->thread, remap->tracer->syscall_ip);
	if (err)
		return err;
	err = open_affected(remap);
	call_err =
		mw_inject_call(&remap->injection, redirect->number, redirect->args, &remap->result);
	if (!err && !call_err)
		err = follow_guards(remap);
	if (!err && !call_err)
		err = guard_again(remap);
	if (!err)
		err = mw_annex_note_spans(remap->tracer);
	mw_inject_end(&remap->injection);
	if (!call_err) {
		mw_arch_set_syscall_result(&remap->thread->regs, remap->result);
		mw_thread_regs_changed(remap->thread);
		return err;
	}
	mw_error_destroy(err);
	return call_err;
}

static struct mw_hit start_hit(const struct remap *remap, enum mw_cause cause)
{
	const struct mw_redirect *redirect = &remap->thread->redirect;
	struct mw_hit hit = {
		.cause = (uint8_t)cause,
		.backend = MW_BACKEND_PAGE,
		.ip = mw_arch_ip(&remap->thread->regs),
		.ip_is_after = true,
		.syscall = {.number = redirect->number, .result = remap->result},
	};

	memcpy(hit.syscall.args, redirect->args, sizeof(hit.syscall.args));
	return hit;
}

static void report_lost(struct remap *remap)
{
	mw_vec_foreach (span, &remap->lost.list) {
		struct mw_hit hit = start_hit(remap, MW_CAUSE_UNMAP);

		hit.addr = span->range.start;
		hit.gone = span->range.size;
		mw_engine_emit(remap->tracer, remap->thread, &hit, NULL, NULL);
	}
}

/** Tells what the call has put in the place of @piece, which has a page's size at most. */
static void report_piece(struct remap *remap, struct mw_range piece, const uint8_t *before)
{
	struct mw_hit hit = start_hit(remap, MW_CAUSE_SYSCALL);
	uint8_t *now = remap->tracer->new_bytes;

	if (mw_spans_find(&remap->lost, piece.start) ||
	    mw_mem_read_some(&remap->tracer->mem, piece.start, now, piece.size) != piece.size ||
	    !memcmp(before, now, piece.size))
		return;
	hit.addr = piece.start;
	hit.size = (uint32_t)piece.size;
	mw_engine_emit(remap->tracer, remap->thread, &hit, before, now);
}

static void report_changes(struct remap *remap)
{
	const uint8_t *before = remap->before;

	mw_vec_foreach (span, &remap->watched.list) {
		uint64_t end = mw_range_end(span->range);
		uint64_t next;

		for (uint64_t at = span->range.start.v; at < end; at = next) {
			next = mw_min(end, mw_page_floor(at) + MW_PAGE_SIZE);
			/* What has moved is the same as before. */
			if (!has_moved(remap) ||
			    !mw_range_contains(source_of(remap), mw_addr_make(at)))
				report_piece(remap, (struct mw_range){mw_addr_make(at), next - at},
					     before);
			before += next - at;
		}
	}
}

static void end_guard(struct remap *remap, const struct touched *touched)
{
	const char *name = mw_syscall_name(remap->call.number);
	char why[160];

	if (touched->err)
		snprintf(why, sizeof(why), "%s", touched->err->message);
	else
		snprintf(why, sizeof(why), "its memory was %s (%s) by thread %d",
			 remap->call.makes_stack ? "made a stack" : "unmapped",
			 name ? name : "system call", remap->thread->tid);
	mw_error_destroy(mw_guard_lose(remap->tracer, touched->id, why));
}

static void settle_guards(struct remap *remap)
{
	mw_vec_foreach (touched, &remap->touched) {
		const struct mw_guard *guard = mw_guard_find(remap->tracer, touched->id);
		bool moved = guard->range.start.v != touched->before.start.v && has_moved(remap) &&
			     is_inside(touched->before, source_of(remap));

		if (guard->range.start.v != touched->before.start.v || !guard->range.size)
			touched->err =
				mw_guard_follow(remap->tracer, touched->id, touched->before, moved);
		if (!guard->range.size || touched->err)
			end_guard(remap, touched);
		else if (moved)
			mw_engine_emit_guard_moved(remap->tracer, touched->id,
						   guard->range.start.v - touched->before.start.v);
		mw_error_destroy(touched->err);
	}
}

static void remap_deinit(struct remap *remap)
{
	mw_remap_call_deinit(&remap->call);
	mw_vec_deinit(&remap->touched);
	mw_spans_deinit(&remap->watched);
	mw_spans_deinit(&remap->lost);
	free(remap->before);
}

static struct mw_error *carry_out(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct remap remap = {.tracer = tracer, .thread = thread};
	struct mw_error *err = prepare(&remap), *call_err;

	/* Without knowing what it affects, nothing is opened that couldn't be guarded again. */
	if (err)
		remap.call.affected.list.count = 0;
	call_err = make_call(&remap);
	/* From here on the thread can be borrowed as one that was interrupted. */
	thread->stop = (struct mw_stop){MW_STOP_INTERRUPT, 0};
	if (!err && !call_err) {
		report_lost(&remap);
		settle_guards(&remap);
		report_changes(&remap);
		err = mw_guard_refresh(tracer);
	}
	remap_deinit(&remap);
	return mw_error_first(err, call_err);
}

struct mw_error *mw_remap_carry_out(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_redirect *redirect = &thread->redirect;
	unsigned dud = mw_remap_call_dud(redirect->number).index;
	struct mw_error *err;

	thread->remaps = false;
	mw_arch_set_syscall_arg(&thread->regs, dud, redirect->args[dud]);
	mw_thread_regs_changed(thread);
	/* A thread that waits for a disk stores nothing either: the call is made all the same. */
	mw_error_destroy(mw_engine_stop_all(tracer, thread));
	err = carry_out(tracer, thread);
	return mw_error_first(err, mw_engine_resume_all(tracer, thread));
}

/* Its pages may be there only in part: the program's own fault tells of the rest. */
static struct mw_error *lose_page(struct mw_tracer *tracer, mw_addr addr, const char *why)
{
	struct mw_range page = {mw_addr_make(mw_page_floor(addr.v)), MW_PAGE_SIZE};
	struct mw_error *first = NULL;

	for (size_t i = tracer->guards.count; i-- > 0;) {
		const struct mw_guard *guard = &tracer->guards.items[i];
		struct mw_error *err = NULL;

		if (mw_range_overlaps(mw_range_pages(guard->range), page))
			err = mw_guard_lose(tracer, guard->id, why);
		first = mw_error_first(first, err);
	}
	return first ? first : mw_guard_refresh(tracer);
}

struct mw_error *mw_remap_lose_page(struct mw_tracer *tracer, struct mw_thread *thread,
				    mw_addr addr, const char *why)
{
	struct mw_error *err;

	/* Whoever doesn't stop may store unseen from here on, but the watch ends anyway. */
	mw_error_destroy(mw_engine_stop_all(tracer, thread));
	err = lose_page(tracer, addr, why);
	return mw_error_first(err, mw_engine_resume_all(tracer, thread));
}
