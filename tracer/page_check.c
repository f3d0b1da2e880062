// SPDX-License-Identifier: MIT
/* Whether pages can be guarded at all. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/procmaps.h"
#include "tracer/engine.h"

/* Always fine: the limit isn't even asked for. */
#define FEW_MAPPINGS 2000u

struct mw_error *mw_page_check_writable(const struct mw_tracer *tracer,
					const struct mw_procmaps *maps, struct mw_range pages)
{
	for (uint64_t at = pages.start.v; at < mw_range_end(pages);) {
		const struct mw_mapping *mapping = mw_procmaps_find(maps, mw_addr_make(at));
		const struct mw_span *span = mw_spans_find(&tracer->pages, mw_addr_make(at));

		/* What is guarded already was writable before. */
		if (span) {
			at = mw_range_end(span->range);
			continue;
		}

		if (!mapping)
			return mw_error_fault(mw_addr_make(at),
					      "0x%" PRIx64 " is not mapped in the target", at);
		if (!(mapping->prot & PROT_WRITE))
			return mw_error_create(
				MW_ERROR_OTHER,
				"0x%" PRIx64
				" is read-only in the target (%s): nothing can change it",
				at, *mapping->path ? mapping->path : "anonymous memory");
		at = mw_range_end(mapping->range);
	}
	return NULL;
}

/*
 * The stack of a thread: the whole mapping that its stack pointer is in. When its control block
 * lies above in the same mapping (glibc places it so), the stack ends there, and what follows is
 * merely a neighbour that the kernel merged.
 */
static struct mw_range stack_of(const struct mw_thread *thread, const struct mw_procmaps *maps)
{
	const struct mw_mapping *mapping = mw_procmaps_find(maps, thread->last_sp);
	struct mw_range stack = {0};

	if (!mapping)
		return stack;
	stack = mapping->range;
	if (thread->last_tcb.v > thread->last_sp.v && mw_range_contains(stack, thread->last_tcb))
		stack.size = mw_page_ceil(thread->last_tcb.v + MW_ARCH_TCB_SIZE) - stack.start.v;
	return stack;
}

/*
 * The kernel itself writes to stacks (signal frames) and control blocks (rseq, robust futexes);
 * on a read-only page that would kill the thread.
 */
static struct mw_error *check_thread(const struct mw_thread *thread, const struct mw_procmaps *maps,
				     struct mw_range pages)
{
	struct mw_range tcb = {thread->last_tcb, MW_ARCH_TCB_SIZE};

	if (mw_range_overlaps(stack_of(thread, maps), pages))
		return mw_error_create(MW_ERROR_OTHER,
				       "0x%" PRIx64 " is on the stack of thread %d, which can't be "
				       "write-protected: use --backend=hw",
				       pages.start.v, thread->tid);
	if (thread->last_tcb.v && mw_range_overlaps(tcb, pages))
		return mw_error_create(
			MW_ERROR_OTHER,
			"0x%" PRIx64 " shares a page with the control block of "
			"thread %d, which can't be write-protected: use --backend=hw",
			pages.start.v, thread->tid);
	return NULL;
}

/*
 * A guarded page in the middle of a mapping makes two more of it, and a target that has as many
 * mappings as it may can't even start a thread.
 */
static struct mw_error *check_room(const struct mw_tracer *tracer, size_t more)
{
	uint64_t mappings = 2 * (tracer->pages.list.count + more);
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	uint64_t limit;

	if (mappings < FEW_MAPPINGS)
		return NULL;
	err = mw_file_read("/proc/sys/vm/max_map_count", &text, NULL);
	if (err)
		return err;
	limit = strtoull(text, NULL, 10) / 4;
	if (mappings <= limit)
		return NULL;
	return mw_error_create(MW_ERROR_OTHER,
			       "%zu separate pages are guarded, and more would take more than a "
			       "quarter of the mappings that the target may have "
			       "(vm.max_map_count): use --backend=poll, or uffd from the start",
			       tracer->pages.list.count);
}

static struct mw_error *check_threads(const struct mw_tracer *tracer,
				      const struct mw_procmaps *maps, struct mw_range pages)
{
	struct mw_error *err = NULL;
	const struct mw_thread *thread;
	size_t cursor = 0;

	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->same_memory)
			err = check_thread(thread, maps, pages);
	return err;
}

struct mw_error *mw_page_check(const struct mw_tracer *tracer, const struct mw_procmaps *maps,
			       const struct mw_range pages[], size_t count)
{
	/* There the kernel waits for us as well. */
	bool anywhere = mw_wp_is_on(&tracer->wp);
	struct mw_error *err = NULL;

	for (size_t i = 0; i < count && !err; i++) {
		err = mw_page_check_writable(tracer, maps, pages[i]);
		if (!err && !anywhere)
			err = check_threads(tracer, maps, pages[i]);
	}
	return err || anywhere ? err : check_room(tracer, count);
}

struct mw_error *mw_page_read_maps(const struct mw_tracer *tracer, const struct mw_range pages[],
				   size_t count, struct mw_procmaps *ret)
{
	MW_VEC(struct mw_range) ranges = {0};
	struct mw_error *err = mw_vec_append(&ranges, pages, count) ? NULL : mw_err_nomem;
	struct mw_thread *thread;
	size_t cursor = 0;

	while (!err && (thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct user_regs_struct *regs;

		if (!thread->same_memory)
			continue;
		/* If it can't be asked, where it was. */
		if (thread->state == MW_THREAD_STOPPED)
			err = mw_thread_regs(thread, &regs);
		if (!err && !mw_vec_push(&ranges, (struct mw_range){thread->last_sp, 1}))
			err = mw_err_nomem;
	}
	if (!err)
		err = mw_procmaps_read_part(tracer->pid, ranges.items, ranges.count, ret);
	mw_vec_deinit(&ranges);
	return err;
}
