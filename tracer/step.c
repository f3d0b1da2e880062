// SPDX-License-Identifier: MIT
#include "tracer/engine.h"

#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "tracer/sys.h"

/** The pages that a stepped store needs open. */
struct opened {
	struct mw_range pages[MW_STEP_PAGES];
	size_t count;
};

static uint8_t *saved_page(struct mw_tracer *tracer, size_t index)
{
	return tracer->step_bytes + index * MW_PAGE_SIZE;
}

static struct mw_error *open_page(struct mw_tracer *tracer, struct mw_injection *injection,
				  struct opened *opened, mw_addr fault)
{
	struct mw_range page = {mw_addr_make(mw_page_floor(fault.v)), MW_PAGE_SIZE};
	struct mw_error *err;

	if (opened->count == MW_STEP_PAGES)
		return mw_error_create(MW_ERROR_OTHER,
				       "one instruction stores to more than %d guarded pages",
				       MW_STEP_PAGES);
	err = mw_mem_read(&tracer->mem, page.start, saved_page(tracer, opened->count),
			  MW_PAGE_SIZE);
	if (!err)
		err = mw_page_protect(injection, mw_spans_find(&tracer->pages, fault), page, false);
	if (!err)
		opened->pages[opened->count++] = page;
	return err;
}

static struct mw_error *close_pages(struct mw_tracer *tracer, struct mw_injection *injection,
				    const struct opened *opened)
{
	struct mw_error *first = NULL;

	for (size_t i = 0; i < opened->count; i++) {
		struct mw_range page = opened->pages[i];
		struct mw_error *err = mw_page_protect(
			injection, mw_spans_find(&tracer->pages, page.start), page, true);

		first = mw_error_first(first, err);
	}
	return first;
}

/** What a step led to. */
enum stepped {
	STEPPED_DONE,
	/** It faulted on one more guarded page. */
	STEPPED_FAULT,
	/** It ended in a stop of its own, which is to be handled as such. */
	STEPPED_STOP,
};

static enum stepped classify_step(struct mw_tracer *tracer, const struct mw_injection *injection,
				  mw_addr *ret_fault)
{
	const struct mw_thread *thread = injection->thread;
	siginfo_t info;

	if (thread->stop.kind == MW_STOP_SIGNAL && thread->stop.code == SIGTRAP)
		return STEPPED_DONE;
	if (thread->stop.kind != MW_STOP_SIGNAL || thread->stop.code != SIGSEGV ||
	    mw_sys_get_siginfo(thread->tid, &info) < 0 ||
	    !mw_engine_fault_is_ours(tracer, &info, mw_arch_ip(&injection->saved_regs)))
		return STEPPED_STOP;
	*ret_fault = mw_addr_make((uint64_t)(uintptr_t)info.si_addr);
	return STEPPED_FAULT;
}

static struct mw_error *step_with_open_pages(struct mw_tracer *tracer,
					     struct mw_injection *injection, mw_addr fault,
					     struct opened *opened, enum stepped *ret)
{
	struct mw_error *err;

	do {
		err = open_page(tracer, injection, opened, fault);
		if (!err)
			err = mw_inject_step(injection);
		if (err)
			return err;
		*ret = classify_step(tracer, injection, &fault);
	} while (*ret == STEPPED_FAULT);
	return NULL;
}

/* Cuts [*first, *last) down to the bytes that differ. */
static void trim_equal(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t *first,
		       size_t *last)
{
	while (*first < *last && old_bytes[*first] == new_bytes[*first])
		++*first;
	while (*last > *first && old_bytes[*last - 1] == new_bytes[*last - 1])
		--*last;
}

/* What was stored is known by decoding, or else by what differs on each page. */
static void report_page(struct mw_tracer *tracer, struct mw_thread *thread, struct mw_range page,
			const uint8_t *old_page, const struct mw_store_target *target, mw_addr ip)
{
	struct mw_hit hit = {.cause = MW_CAUSE_STORE, .backend = MW_BACKEND_PAGE, .ip = ip};
	struct mw_range known = {target->addr, target->size};
	size_t first = 0, last = MW_PAGE_SIZE;
	uint8_t new_page[MW_PAGE_SIZE];

	if (mw_mem_read_some(&tracer->mem, page.start, new_page, sizeof(new_page)) !=
	    sizeof(new_page))
		return;
	if (known.size && mw_range_overlaps(known, page)) {
		first = mw_max(known.start.v, page.start.v) - page.start.v;
		last = mw_min(mw_range_end(known), mw_range_end(page)) - page.start.v;
	} else {
		trim_equal(old_page, new_page, &first, &last);
	}
	if (first == last)
		return;
	hit.addr = mw_addr_add(page.start, first);
	hit.size = (uint32_t)(last - first);
	mw_engine_report_store(tracer, thread, &hit, old_page + first, new_page + first);
}

struct mw_store_target mw_engine_locate(struct mw_tracer *tracer, struct mw_thread *thread)
{
	const struct mw_store *store = mw_engine_decode(tracer, mw_arch_ip(&thread->regs));
	struct mw_store_state state = {.regs = thread->regs};
	struct mw_store_target target = {0};

	if (store && store->method == MW_STORE_REPLAY && !store->needs_xstate)
		mw_store_locate(store, &state, &target);
	return target;
}

static struct mw_error *step_alone(struct mw_tracer *tracer, struct mw_thread *thread,
				   mw_addr fault, enum stepped *ret)
{
	struct mw_store_target target = mw_engine_locate(tracer, thread);
	mw_addr ip = mw_arch_ip(&thread->regs);
	struct opened opened = {.count = 0};
	struct mw_injection injection;
	struct mw_error *err, *close_err;
	struct mw_stop own_stop;

	err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	if (err)
		return err;
	err = step_with_open_pages(tracer, &injection, fault, &opened, ret);
	own_stop = thread->stop;
	if (*ret == STEPPED_STOP && own_stop.kind == MW_STOP_SIGNAL)
		thread->has_saved_siginfo =
			!mw_sys_get_siginfo(thread->tid, &thread->saved_siginfo);
	close_err = close_pages(tracer, &injection, &opened);
	mw_inject_end(&injection);
	if (!err && *ret == STEPPED_DONE)
		for (size_t i = 0; i < opened.count; i++)
			report_page(tracer, thread, opened.pages[i], saved_page(tracer, i), &target,
				    ip);
	if (*ret == STEPPED_STOP)
		thread->stop = own_stop;
	return mw_error_first(err, close_err);
}

struct mw_error *mw_engine_step_store(struct mw_tracer *tracer, struct mw_thread *thread,
				      mw_addr fault, bool *ret_done)
{
	enum stepped stepped = STEPPED_STOP;
	struct mw_error *err;

	err = mw_engine_stop_all(tracer, thread);
	if (!err)
		err = step_alone(tracer, thread, fault, &stepped);
	*ret_done = stepped == STEPPED_DONE;
	tracer->stats.stepped += *ret_done;
	return mw_error_first(err, mw_engine_resume_all(tracer, thread));
}
