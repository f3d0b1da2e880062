// SPDX-License-Identifier: MIT
#include "watch/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tracer/syscall_buffers.h"
#include "watch/allocator.h"

/* Frames that one event can carry. */
#define STACK_MAX 256

void mw_session_notice(struct mw_session *session, const char *format, ...)
{
	char message[512];
	size_t used = 0;
	va_list args;

	if (session->parent)
		used = (size_t)snprintf(message, sizeof(message),
					"process %d (%s): ", (int)session->pid, session->name);
	va_start(args, format);
	vsnprintf(message + used, sizeof(message) - used, format, args);
	va_end(args);
	mw_vec_foreach (sink, &session->family->sinks)
		if (sink->notice)
			sink->notice(sink->arg, message);
}

static void give_to_sinks(struct mw_session *session, const struct mw_change *change)
{
	mw_vec_foreach (sink, &session->family->sinks)
		if (sink->change && !sink->change(sink->arg, change))
			sink->change = NULL;
}

/** The texts of the members of one change, in the order of the visits. */
struct members {
	struct mw_session *session;
	struct mw_watch *watch;
	struct mw_change *change;
};

static char *format_value(struct mw_session *session, const struct mw_object *object,
			  const uint8_t *bytes)
{
	FILE *out = mw_memory_text_start(&session->value_text);
	const char *text;

	if (!out)
		return NULL;
	mw_symbols_format(session->symbols, object, bytes, out);
	text = mw_memory_text_end(&session->value_text, NULL);
	return text ? strdup(text) : NULL;
}

static void add_member(void *arg, const struct mw_leaf *leaf)
{
	struct members *members = arg;
	struct mw_watch *watch = members->watch;
	uint64_t offset = leaf->object.addr.v - watch->object.addr.v;
	char *path, *old_text, *new_text, *field;

	mw_snapshot_bring_up(watch, offset, leaf->object.size);
	old_text = format_value(members->session, &leaf->object, watch->before + offset);
	new_text = format_value(members->session, &leaf->object, watch->value + offset);
	field = strdup(leaf->path);
	if (asprintf(&path, "%s%s", watch->name, leaf->path) < 0)
		path = NULL;
	if (!path || !field || !old_text || !new_text) {
		free(path);
		free(field);
		free(old_text);
		free(new_text);
		return;
	}
	members->change->members[members->change->member_count++] =
		(struct mw_member_change){path, field, old_text, new_text};
}

static void list_members(struct mw_session *session, struct mw_watch *watch,
			 struct mw_change *change)
{
	struct members members = {session, watch, change};
	size_t differing = mw_symbols_diff(session->symbols, &watch->object, watch->before,
					   watch->value, change->addr.v - watch->object.addr.v,
					   change->size, MW_MEMBERS_MAX, add_member, &members);

	change->members_omitted = differing - mw_min(differing, change->member_count);
}

/* Takes the texts over; short of memory, the change names no member. */
static void show_whole(const struct mw_watch *watch, struct mw_change *change, char *old_text,
		       char *new_text)
{
	char *path = strdup(watch->name), *field = strdup("");

	if (path && field && old_text && new_text) {
		change->members[0] = (struct mw_member_change){path, field, old_text, new_text};
		change->member_count = 1;
		return;
	}
	free(path);
	free(field);
	free(old_text);
	free(new_text);
}

/* A silent store reported all the same names no member: it shows the value that stayed. */
static void show_unchanged(struct mw_session *session, const struct mw_watch *watch,
			   struct mw_change *change)
{
	char *text = format_value(session, &watch->object, watch->value);

	show_whole(watch, change, text, text ? strdup(text) : NULL);
}

/* What is gone has no value any more. */
static void show_unmapped(struct mw_session *session, const struct mw_watch *watch,
			  struct mw_change *change)
{
	show_whole(watch, change, format_value(session, &watch->object, watch->value),
		   strdup("<unmapped>"));
}

static void free_members(struct mw_change *change)
{
	for (size_t i = 0; i < change->member_count; i++) {
		free((char *)change->members[i].path);
		free((char *)change->members[i].field);
		free((char *)change->members[i].old_text);
		free((char *)change->members[i].new_text);
	}
}

static void find_place(struct mw_session *session, struct mw_change *change)
{
	const struct mw_hit *hit = change->hit;
	mw_addr ip = hit->ip;

	if (!mw_change_has_place(change))
		return;
	/* The byte before belongs to the storing instruction. */
	if (hit->ip_is_after)
		ip.v--;
	mw_symbols_place(session->symbols, ip, &change->place);
	change->in_allocator = mw_place_is_allocator(&change->place);
	if (hit->cause == MW_CAUSE_SYSCALL || hit->cause == MW_CAUSE_UNMAP)
		change->syscall_name = mw_syscall_name(hit->syscall.number);
}

static size_t unwind(struct mw_session *session, const struct mw_hit *hit,
		     struct mw_frame frames[STACK_MAX])
{
	struct mw_regs regs;

	if (!hit->stack_size)
		return 0;
	regs = mw_hit_regs(hit);
	return mw_symbols_unwind(session->symbols, &regs, regs.sp, mw_hit_stack(hit),
				 hit->stack_size, frames,
				 mw_min(session->options.stack_depth, (unsigned)STACK_MAX));
}

/* The watch of the target counts for its children as well: that is what a person looks at. */
static struct mw_watch *find_book(struct mw_session *session, struct mw_watch *watch)
{
	struct mw_watch *book = watch;

	if (session->parent)
		book = mw_watch_find(session->family->root, watch->id);
	return book ? book : watch;
}

static void count(struct mw_session *session, struct mw_watch *book, struct mw_change *change)
{
	if (change->silent) {
		book->silent++;
		session->silent++;
	} else {
		book->changes++;
		session->changes++;
	}
	change->hits = book->changes + (session->options.report_silent ? book->silent : 0);
	/* Short of memory the counts stay right, only the row is missing. */
	mw_error_destroy(mw_ledger_count(&book->ledger, change));
}

static void deliver(struct mw_session *session, struct mw_watch *watch, struct mw_change *change)
{
	struct mw_watch *book = find_book(session, watch);
	struct mw_frame frames[STACK_MAX];

	if (change->silent && !session->options.report_silent) {
		count(session, book, change);
		return;
	}
	if (change->silent)
		show_unchanged(session, watch, change);
	else if (change->hit->cause == MW_CAUSE_UNMAP)
		show_unmapped(session, watch, change);
	else
		list_members(session, watch, change);
	count(session, book, change);
	change->stack_count = unwind(session, change->hit, frames);
	change->stack = frames;
	change->seq = ++session->family->last_seq;
	give_to_sinks(session, change);
	change->stack = NULL;
	free_members(change);
}

static bool bits_differ(const struct mw_object *object, const uint8_t *left, const uint8_t *right)
{
	for (uint32_t bit = object->bit_offset; bit < object->bit_offset + object->bit_size; bit++)
		if ((left[bit / 8] ^ right[bit / 8]) >> (bit % 8) & 1)
			return true;
	return false;
}

/* A store to a bit-field rewrites the bytes that its neighbours stand in, too. */
static bool differs(const struct mw_watch *watch, uint64_t offset, uint64_t size)
{
	if (watch->object.bit_size)
		return bits_differ(&watch->object, watch->before, watch->value);
	return memcmp(watch->before + offset, watch->value + offset, size);
}

/** One store, or one look, at one watch: @offset and @size are inside its region. */
static void handle_part(struct mw_session *session, struct mw_watch *watch,
			const struct mw_hit *hit, uint64_t offset, uint64_t size,
			const uint8_t *new_bytes)
{
	struct mw_change change = {
		.hit = hit,
		.watch_id = watch->id,
		.watch_name = watch->name,
		.followed = session->parent != 0,
		.type_name = mw_type_name(session->symbols, watch->object.type),
		.object = watch->object,
		.addr = mw_addr_add(watch->object.addr, offset),
		.size = size,
		.old_part = watch->before + offset,
		.new_part = watch->value + offset,
	};

	if (watch->object.size <= MW_VALUE_SIZE) {
		change.old_value = watch->before;
		change.new_value = watch->value;
	}
	mw_snapshot_change(watch, offset, new_bytes, size);
	change.silent = !differs(watch, offset, size);
	find_place(session, &change);
	deliver(session, watch, &change);
	mw_snapshot_settle(watch);
}

/*
 * What stood there right before the store was put there by somebody who isn't traced: another
 * process through shared memory, or the kernel with --syscalls=off.
 */
static void handle_unseen(struct mw_session *session, struct mw_watch *watch,
			  const struct mw_hit *hit, uint64_t offset, uint64_t size,
			  const uint8_t *old_bytes)
{
	struct mw_hit external = *hit;

	/* After a loss it may as well have been a store of the program's: that was counted. */
	if (session->hits_lost) {
		memcpy(watch->value + offset, old_bytes, size);
		memcpy(watch->before + offset, old_bytes, size);
		return;
	}
	external.cause = MW_CAUSE_EXTERNAL;
	external.stack_size = 0;
	external.ip = MW_ADDR_NULL;
	external.ip_is_after = false;
	handle_part(session, watch, &external, offset, size, old_bytes);
}

/** Part of the region, or all of it, is gone: @part is inside it. */
static void handle_unmap(struct mw_session *session, struct mw_watch *watch,
			 const struct mw_hit *hit, struct mw_range part)
{
	struct mw_change change = {
		.hit = hit,
		.watch_id = watch->id,
		.watch_name = watch->name,
		.followed = session->parent != 0,
		.type_name = mw_type_name(session->symbols, watch->object.type),
		.object = watch->object,
		.addr = part.start,
		.size = part.size,
		.old_part = watch->value + (part.start.v - watch->object.addr.v),
	};

	if (watch->object.size <= MW_VALUE_SIZE)
		change.old_value = watch->value;
	find_place(session, &change);
	deliver(session, watch, &change);
}

/* A store that is caught in the act shows the very bytes that it replaced. */
static bool sees_before(const struct mw_hit *hit)
{
	return hit->backend == MW_BACKEND_PAGE || hit->backend == MW_BACKEND_UFFD;
}

/*
 * When regions overlap, each back end tells of the same store. A store that is carried out from
 * outside passes the debug registers by, so that it has to do for them as well.
 */
static bool is_meant_for(const struct mw_watch *watch, const struct mw_hit *hit)
{
	if (hit->backend == watch->guard.backend)
		return true;
	return sees_before(hit) && watch->guard.backend != MW_BACKEND_POLL;
}

static void handle_watch(struct mw_session *session, struct mw_watch *watch,
			 const struct mw_hit *hit)
{
	struct mw_range region = {watch->object.addr, watch->object.size};
	struct mw_range written = {hit->addr, hit->size + hit->gone};
	uint64_t start, end, offset, skipped;

	if (!watch->enabled || hit->seq <= atomic_load(&watch->guard.armed_after) ||
	    !mw_range_overlaps(region, written) || (!hit->gone && !is_meant_for(watch, hit)))
		return;
	start = mw_max(region.start.v, written.start.v);
	end = mw_min(mw_range_end(region), mw_range_end(written));
	if (hit->gone) {
		handle_unmap(session, watch, hit,
			     (struct mw_range){mw_addr_make(start), end - start});
		return;
	}
	offset = start - region.start.v;
	skipped = start - written.start.v;
	if (hit->cause == MW_CAUSE_POLL &&
	    !memcmp(watch->value + offset, mw_hit_new(hit) + skipped, end - start))
		return;
	/* Others tell only afterwards: what stood there before is what we last saw. */
	if (sees_before(hit) &&
	    memcmp(watch->value + offset, mw_hit_old(hit) + skipped, end - start))
		handle_unseen(session, watch, hit, offset, end - start, mw_hit_old(hit) + skipped);
	handle_part(session, watch, hit, offset, end - start, mw_hit_new(hit) + skipped);
}

static void collect(void *arg, void *watch)
{
	struct mw_session *session = arg;

	/* Short of memory the hit is only counted. */
	(void)mw_vec_push(&session->touched, (struct mw_watch *)watch);
}

static int by_id(const void *left, const void *right)
{
	const struct mw_watch *a = *(struct mw_watch *const *)left;
	const struct mw_watch *b = *(struct mw_watch *const *)right;

	return (a->id > b->id) - (a->id < b->id);
}

static void arrange_regions(struct mw_session *session)
{
	if (!session->regions_stale)
		return;
	session->regions_stale = false;
	mw_region_index_clear(&session->regions);
	mw_vec_foreach (item, &session->watches) {
		struct mw_range region = {(*item)->object.addr, (*item)->object.size};
		struct mw_error *err = mw_region_index_add(&session->regions, region, *item);

		session->regions_stale |= err != NULL;
		mw_error_destroy(err);
	}
}

void mw_session_handle_hit(struct mw_session *session, const struct mw_hit *hit)
{
	struct mw_range written = {hit->addr, hit->size + hit->gone};

	session->hits_lost |= hit->seq != session->last_hit + 1;
	session->last_hit = hit->seq;
	arrange_regions(session);
	session->touched.count = 0;
	mw_region_index_visit(&session->regions, written, collect, session);
	if (session->touched.count > 1)
		qsort(session->touched.items, session->touched.count,
		      sizeof(*session->touched.items), by_id);
	mw_vec_foreach (watch, &session->touched)
		handle_watch(session, *watch, hit);
}

void mw_session_handle_move(struct mw_session *session, uint32_t guard_id, uint64_t moved_by)
{
	mw_vec_foreach (item, &session->watches) {
		struct mw_watch *watch = *item;
		uint64_t before = watch->object.addr.v;

		if (watch->guard.id != guard_id)
			continue;
		watch->object.addr.v += moved_by;
		session->regions_stale = true;
		mw_session_notice(session, "watch %u (%s) moved from 0x%" PRIx64 " to 0x%" PRIx64,
				  watch->id, watch->name, before, watch->object.addr.v);
	}
}
