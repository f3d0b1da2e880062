// SPDX-License-Identifier: MIT
/*
 * Ranges that are looked at every few milliseconds: the kernel notes which pages are written to,
 * nobody is stopped, and what differs from the last look is reported. It says what changed, not
 * who changed it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/bypass.h"
#include "tracer/engine.h"
#include "tracer/look.h"
#include "tracer/pagemap.h"
#include "tracer/sys.h"
#include "tracer/timer.h"

#define WINDOW_NS UINT64_C(10000000)
/* Looking takes at most a fifth of the tracer's time. */
#define REST_FACTOR 4
/* Bytes of a snapshot taken while the target stands; larger ones are filled while it runs. */
#define FILL_SIZE (UINT64_C(16) << 20)
/* An analyst that handles nothing for so long handles nothing more. */
#define PATIENCE_NS UINT64_C(1000000000)

static uint64_t window_of(const struct mw_tracer *tracer)
{
	return tracer->options.poll_window_ns ? tracer->options.poll_window_ns : WINDOW_NS;
}

/* A thread that ends shows itself before its memory goes: that is the time of the last look. */
static void trace_ends(struct mw_tracer *tracer)
{
	const struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->state == MW_THREAD_STOPPED)
			mw_sys_set_options(thread->tid, MW_TRACE_OPTIONS | PTRACE_O_TRACEEXIT);
}

static void refuse(struct mw_poll *poll, struct mw_error *err)
{
	snprintf(poll->refusal, sizeof(poll->refusal), "%s", err->message);
	mw_error_destroy(err);
}

static struct mw_error *open_pagemap(struct mw_tracer *tracer)
{
	struct mw_scan_request probe = {.size = sizeof(probe)};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", tracer->pid);
	tracer->poll.pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (tracer->poll.pagemap < 0)
		return mw_error_os(errno, "cannot open %s", path);
	if (ioctl(tracer->poll.pagemap, MW_PAGEMAP_SCAN, &probe) < 0 && errno == ENOTTY)
		return mw_error_create(MW_ERROR_OTHER, "this kernel can't scan page tables (6.7)");
	return NULL;
}

/* Without the kernel's help the regions are compared whole at each look. */
static struct mw_error *open_poll(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;
	const char *what = mw_bypass_find(tracer->pid);
	struct mw_error *err;

	poll->buffer = malloc(MW_LOOK_BUFFER);
	if (!poll->buffer)
		return mw_err_nomem;
	err = mw_timer_create(&poll->timer);
	if (err) {
		free(poll->buffer);
		return err;
	}
	poll->opened = true;
	trace_ends(tracer);
	if (what) {
		snprintf(poll->refusal, sizeof(poll->refusal), "the target uses %s", what);
		return NULL;
	}
	err = open_pagemap(tracer);
	if (!err)
		err = mw_uffd_open(tracer, MW_UFFD_WP_UNPOPULATED | MW_UFFD_WP_ASYNC, &poll->uffd);
	if (err)
		refuse(poll, err);
	return NULL;
}

static void close_poll(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;

	if (!poll->opened)
		return;
	mw_uffd_close(&poll->uffd);
	if (poll->pagemap >= 0)
		close(poll->pagemap);
	timer_delete(poll->timer);
	free(poll->buffer);
	mw_vec_deinit(&poll->regions);
	mw_vec_deinit(&poll->extents);
	*poll = (struct mw_poll){.pagemap = -1};
}

static bool is_shared(const struct mw_procmaps *maps, struct mw_range range)
{
	for (uint64_t at = range.start.v; at < mw_range_end(range);) {
		const struct mw_mapping *mapping = mw_procmaps_find(maps, mw_addr_make(at));

		if (mapping->shared)
			return true;
		at = mw_range_end(mapping->range);
	}
	return false;
}

/*
 * The kernel notes only what comes through the target's own page tables: memory that is shared may
 * be written through another process's.
 */
static struct mw_error *prepare(struct mw_tracer *tracer, const struct mw_procmaps *maps,
				struct mw_poll_region *region)
{
	struct mw_range pages = mw_range_pages(region->range);
	struct mw_error *err = mw_page_check_writable(tracer, maps, pages);

	if (!err && !region->compared)
		region->compared = is_shared(maps, region->range);
	if (!err && !region->compared)
		region->compared =
			mw_error_catch_any(mw_uffd_register(&tracer->poll.uffd, maps, pages));
	return err;
}

/* A page is protected before it is read: what is stored later is found by the next look. */
static struct mw_error *fill_more(struct mw_tracer *tracer, struct mw_poll_region *region,
				  bool keeps)
{
	struct mw_range part = {
		mw_addr_add(region->range.start, region->filled),
		mw_min(region->range.size - region->filled, FILL_SIZE),
	};
	struct mw_error *err = NULL;

	if (!region->compared) {
		err = mw_uffd_protect(&tracer->poll.uffd, mw_range_pages(part), true);
		region->compared = err;
		mw_error_destroy(err);
		err = NULL;
	}
	if (!keeps)
		err = mw_mem_read(&tracer->mem, part.start, region->snapshot + region->filled,
				  part.size);
	if (!err)
		region->filled += part.size;
	return err;
}

static struct mw_error *add_region(struct mw_tracer *tracer, const struct mw_procmaps *maps,
				   const struct mw_guard *guard)
{
	struct mw_poll *poll = &tracer->poll;
	struct mw_poll_region region = {
		.range = guard->range,
		.snapshot = guard->snapshot,
		.guard_id = guard->id,
		.compared = !poll->uffd.open,
	};
	struct mw_error *err = prepare(tracer, maps, &region);

	while (!err && region.filled < region.range.size &&
	       (guard->keeps_snapshot || region.range.size <= FILL_SIZE))
		err = fill_more(tracer, &region, guard->keeps_snapshot);
	if (!err && !mw_vec_push(&poll->regions, region))
		err = mw_err_nomem;
	poll->filling |= !err && region.filled < region.range.size;
	return err;
}

static struct mw_error *add_regions(struct mw_tracer *tracer, const struct mw_guard *guards,
				    size_t count)
{
	struct mw_range pages[MW_GUARDS_TOGETHER] = {0};
	struct mw_procmaps maps;
	struct mw_error *err;

	for (size_t i = 0; i < count; i++)
		pages[i] = mw_range_pages(guards[i].range);
	err = mw_procmaps_read_part(tracer->pid, pages, count, &maps);
	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++)
		err = add_region(tracer, &maps, &guards[i]);
	mw_procmaps_deinit(&maps);
	return err;
}

static struct mw_error *arm(struct mw_tracer *tracer, const struct mw_guard *guards, size_t count)
{
	struct mw_poll *poll = &tracer->poll;
	size_t before = poll->regions.count;
	struct mw_error *err = poll->opened ? NULL : open_poll(tracer);

	if (!err)
		err = add_regions(tracer, guards, count);
	if (err) {
		poll->regions.count = before;
		if (!before)
			close_poll(tracer);
		return err;
	}
	poll->changed = true;
	if (!before) {
		mw_timer_set(poll->timer, window_of(tracer));
		poll->due_ns = mw_clock_now_ns() + window_of(tracer);
	}
	return NULL;
}

/* The pages stay protected: they cost their next writer a microsecond, and tell nobody. */
static struct mw_error *disarm(struct mw_tracer *tracer, const struct mw_guard *guard)
{
	mw_poll_look_last(tracer);
	mw_look_forget(&tracer->poll, guard->id);
	if (!tracer->poll.regions.count)
		close_poll(tracer);
	return NULL;
}

/* The next look finds that the kernel doesn't watch there, and takes it up again. */
static struct mw_error *follow(struct mw_tracer *tracer, const struct mw_guard *guard,
			       struct mw_range before, bool moved)
{
	struct mw_poll_region *region = mw_look_find(&tracer->poll, guard->id);
	uint64_t cut = moved ? 0 : guard->range.start.v - before.start.v;

	region->range = guard->range;
	region->snapshot += cut;
	region->filled -= mw_min(region->filled, cut);
	region->filled = mw_min(region->filled, guard->range.size);
	tracer->poll.changed = true;
	return NULL;
}

static void describe(const struct mw_tracer *tracer, const struct mw_guard *guard,
		     struct mw_guard_info *ret)
{
	const struct mw_poll *poll = &tracer->poll;
	const struct mw_poll_region *region = mw_look_region_of(poll, guard);
	double period_ms = (double)window_of(tracer) / 1e6;

	ret->pages = mw_range_pages(guard->range).size / MW_PAGE_SIZE;
	if (region && region->compared)
		snprintf(ret->note, sizeof(ret->note), "compared whole every %g ms: %s", period_ms,
			 *poll->refusal ? poll->refusal : "it may be written from elsewhere");
	else
		snprintf(ret->note, sizeof(ret->note), "looked at every %g ms", period_ms);
}

static struct mw_error *release(struct mw_tracer *tracer)
{
	close_poll(tracer);
	return NULL;
}

const struct mw_guard_ops mw_guard_poll = {
	.arm = arm,
	.disarm = disarm,
	.follow = follow,
	.describe = describe,
	.release = release,
	.forget = close_poll,
	.takes_snapshot = true,
	.together = MW_GUARDS_TOGETHER,
};

/** Fills the next part of a snapshot. @return whether there is more to do. */
static bool fill_next(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;

	mw_vec_foreach (region, &poll->regions) {
		struct mw_error *err;

		if (region->filled == region->range.size)
			continue;
		err = fill_more(tracer, region, false);
		poll->changed = true;
		if (err) {
			mw_error_destroy(err);
			mw_guard_end(tracer, region->guard_id, "its memory was unmapped");
			mw_look_forget(poll, region->guard_id);
		}
		return true;
	}
	return false;
}

/* The snapshots are the analyst's: it has to have handled what the last look found. */
static bool is_handled(const struct mw_tracer *tracer)
{
	return mw_ring_released(tracer->ring) >= tracer->poll.mark;
}

static void look(struct mw_tracer *tracer)
{
	uint64_t start_ns = mw_clock_now_ns(), end_ns;

	mw_look(tracer);
	tracer->poll.mark = mw_ring_published(tracer->ring);
	end_ns = mw_clock_now_ns();
	tracer->poll.due_ns = end_ns + mw_max(window_of(tracer), REST_FACTOR * (end_ns - start_ns));
}

bool mw_poll_turn(struct mw_tracer *tracer)
{
	struct mw_poll *poll = &tracer->poll;

	if (!poll->regions.count) {
		close_poll(tracer);
		return false;
	}
	if (poll->filling)
		poll->filling = fill_next(tracer);
	if (mw_clock_now_ns() >= poll->due_ns && is_handled(tracer))
		look(tracer);
	return poll->filling;
}

static void await_analyst(const struct mw_tracer *tracer)
{
	const struct timespec pause = {0, 100000};
	uint64_t released = mw_ring_released(tracer->ring);
	uint64_t deadline = mw_clock_now_ns() + PATIENCE_NS;

	while (!is_handled(tracer) && mw_clock_now_ns() < deadline) {
		nanosleep(&pause, NULL);
		if (mw_ring_released(tracer->ring) != released) {
			released = mw_ring_released(tracer->ring);
			deadline = mw_clock_now_ns() + PATIENCE_NS;
		}
	}
}

void mw_poll_look_last(struct mw_tracer *tracer)
{
	if (!tracer->poll.regions.count)
		return;
	await_analyst(tracer);
	look(tracer);
}
