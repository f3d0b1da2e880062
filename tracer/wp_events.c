// SPDX-License-Identifier: MIT
/* What the target does itself to memory guarded by userfaultfd: the kernel tells of that, too. */
#include <linux/userfaultfd.h>

#include "base/error.h"
#include "tracer/engine.h"

void mw_wp_note_event(struct mw_tracer *tracer, const struct uffd_msg *message)
{
	struct mw_wp_event event = {.kind = message->event};

	if (message->event == UFFD_EVENT_REMAP) {
		event.range = (struct mw_range){mw_addr_make(message->arg.remap.from),
						message->arg.remap.len};
		event.to = mw_addr_make(message->arg.remap.to);
	} else {
		event.range.start = mw_addr_make(message->arg.remove.start);
		event.range.size = message->arg.remove.end - message->arg.remove.start;
	}
	if (!mw_vec_push(&tracer->wp.events, event))
		mw_engine_emit_notice(tracer, "no memory to follow the target's own mappings");
}

/* The list gets shorter under the search. */
static void end_guards(struct mw_tracer *tracer, struct mw_range range, const char *why)
{
	for (size_t i = tracer->guards.count; i-- > 0;) {
		const struct mw_guard *guard = &tracer->guards.items[i];

		if ((guard->backend == MW_BACKEND_UFFD || guard->backend == MW_BACKEND_PAGE) &&
		    mw_range_overlaps(guard->range, range))
			mw_guard_end(tracer, guard->id, why);
	}
}

static struct mw_error *lose(struct mw_tracer *tracer, const struct mw_wp_event *event)
{
	end_guards(tracer, event->range, "its memory was unmapped");
	return mw_spans_cut(&tracer->pages, event->range);
}

/* The protection has moved with the pages, where nobody watches them. */
static struct mw_error *leave(struct mw_tracer *tracer, const struct mw_wp_event *event)
{
	struct mw_range there = {event->to, event->range.size};

	end_guards(tracer, event->range, "its memory was moved (mremap): watch it anew");
	mw_error_destroy(mw_uffd_protect(&tracer->wp.uffd, there, false));
	return mw_spans_cut(&tracer->pages, event->range);
}

/* Pages given back (madvise) come anew, as zeros, and without protection. */
static struct mw_error *protect_again(struct mw_tracer *tracer, const struct mw_wp_event *event)
{
	struct mw_error *err = NULL;

	for (size_t i = mw_spans_lower(&tracer->pages, event->range.start.v);
	     i < tracer->pages.list.count && !err; i++) {
		struct mw_range part =
			mw_range_common(tracer->pages.list.items[i].range, event->range);

		if (!part.size)
			break;
		err = mw_uffd_protect(&tracer->wp.uffd, part, true);
	}
	return err;
}

static struct mw_error *follow(struct mw_tracer *tracer, const struct mw_wp_event *event)
{
	switch (event->kind) {
	case UFFD_EVENT_UNMAP:
		return lose(tracer, event);
	case UFFD_EVENT_REMAP:
		return leave(tracer, event);
	default:
		return protect_again(tracer, event);
	}
}

struct mw_error *mw_wp_follow_events(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;

	mw_vec_foreach (event, &tracer->wp.events) {
		struct mw_error *err = follow(tracer, event);

		first = mw_error_first(first, err);
	}
	tracer->wp.events.count = 0;
	return first;
}
