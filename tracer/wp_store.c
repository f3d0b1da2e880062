// SPDX-License-Identifier: MIT
/* Stores that wait at pages guarded by userfaultfd: how they are carried out, and reported. */
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "tracer/differences.h"
#include "tracer/engine.h"
#include "tracer/sys.h"

/* After this long without a message the tracer sleeps again. */
#define HOT_NS UINT64_C(100000)
#define STOP_TIMEOUT_NS UINT64_C(2000000000)
/* What others store for the target, as io_uring's workers do, is given this long. */
#define STRANGER_NS 200000

/** The pages that are open for one thread. */
struct opened {
	struct mw_range pages[MW_STEP_PAGES];
	size_t count;
};

static uint8_t *saved_page(struct mw_tracer *tracer, size_t index)
{
	return tracer->step_bytes + index * MW_PAGE_SIZE;
}

static bool is_open(const struct opened *opened, mw_addr addr)
{
	for (size_t i = 0; i < opened->count; i++)
		if (mw_range_contains(opened->pages[i], addr))
			return true;
	return false;
}

static struct mw_error *open_page(struct mw_tracer *tracer, struct opened *opened, mw_addr addr)
{
	struct mw_range page = {addr, MW_PAGE_SIZE};
	struct mw_error *err = NULL;

	if (!is_open(opened, addr)) {
		err = mw_mem_read(&tracer->mem, addr, saved_page(tracer, opened->count),
				  MW_PAGE_SIZE);
		if (!err)
			opened->pages[opened->count++] = page;
	}
	return err ? err : mw_uffd_protect(&tracer->wp.uffd, page, false);
}

/** What the stores into open pages are reported as. */
struct origin {
	struct mw_thread *thread;
	struct mw_hit hit;
	/** What is stored to, if that is known. Otherwise it is what differs. */
	struct mw_range target;
};

static void report_part(struct mw_tracer *tracer, const struct origin *origin, mw_addr addr,
			size_t size, const uint8_t *old_bytes, const uint8_t *new_bytes)
{
	struct mw_hit hit = origin->hit;

	hit.backend = MW_BACKEND_UFFD;
	hit.addr = addr;
	hit.size = (uint32_t)size;
	mw_engine_report_store(tracer, origin->thread, &hit, old_bytes, new_bytes);
}

static void report_page(struct mw_tracer *tracer, const struct origin *origin, struct mw_range page,
			const uint8_t *old_page)
{
	struct mw_range known = mw_range_common(origin->target, page);
	uint64_t start = known.start.v - page.start.v;
	uint8_t new_page[MW_PAGE_SIZE];
	struct mw_run run = {0};

	if (mw_mem_read_some(&tracer->mem, page.start, new_page, sizeof(new_page)) !=
	    sizeof(new_page))
		return;
	if (known.size)
		report_part(tracer, origin, known.start, known.size, old_page + start,
			    new_page + start);
	while (!known.size && mw_run_next(old_page, new_page, sizeof(new_page), page.start.v, &run))
		report_part(tracer, origin, mw_addr_add(page.start, run.start), run.end - run.start,
			    old_page + run.start, new_page + run.start);
}

/* Protects what is open again, and reports what was stored there meanwhile. */
static struct mw_error *close_pages(struct mw_tracer *tracer, struct opened *opened,
				    const struct origin *origin)
{
	struct mw_error *first = NULL;

	for (size_t i = 0; i < opened->count; i++) {
		struct mw_error *err = mw_uffd_protect(&tracer->wp.uffd, opened->pages[i], true);

		first = mw_error_first(first, err);
	}
	for (size_t i = 0; i < opened->count && origin; i++)
		report_page(tracer, origin, opened->pages[i], saved_page(tracer, i));
	opened->count = 0;
	return first;
}

static struct mw_error *doesnt_stop(const struct mw_thread *thread)
{
	return mw_error_create(MW_ERROR_OTHER, "thread %d doesn't stop behind a store",
			       thread->tid);
}

/** Lets one thread run until it stops, opening each page that it stands at. */
static struct mw_error *run_until_stop(struct mw_tracer *tracer, struct mw_thread *thread,
				       struct opened *opened, const struct origin *origin)
{
	struct mw_error *err = NULL;
	bool stopped = false;

	while (!err && !stopped) {
		if (thread->wp_fault.v) {
			if (opened->count == MW_STEP_PAGES)
				err = close_pages(tracer, opened, origin);
			if (!err)
				err = open_page(tracer, opened, thread->wp_fault);
			thread->wp_fault = MW_ADDR_NULL;
		}
		if (!err)
			err = mw_wp_await_stop_or_fault(tracer, thread, STOP_TIMEOUT_NS, 0,
							&stopped);
		if (!err && !stopped && !thread->wp_fault.v)
			err = doesnt_stop(thread);
	}
	return err;
}

static void fill_call(struct mw_thread *thread, struct mw_hit *hit)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);

	if (err) {
		mw_error_destroy(err);
		return;
	}
	hit->ip = mw_arch_ip(regs);
	hit->syscall.number = mw_arch_syscall_number(regs);
	/* A signal frame or rseq: nobody's call, and nobody's instruction either. */
	if (hit->syscall.number < 0) {
		hit->cause = MW_CAUSE_EXTERNAL;
		return;
	}
	mw_arch_syscall_args(regs, hit->syscall.args);
	hit->syscall.result = mw_arch_syscall_result(regs);
}

/* The call returns to an interruption, which shows its result. */
static struct mw_error *finish_call(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct origin origin = {
		.thread = thread,
		.hit = {.cause = MW_CAUSE_SYSCALL, .ip_is_after = true},
	};
	struct opened opened = {.count = 0};
	struct mw_error *err;

	err = run_until_stop(tracer, thread, &opened, NULL);
	thread->wp_in_kernel = false;
	if (thread->state == MW_THREAD_STOPPED)
		fill_call(thread, &origin.hit);
	return mw_error_first(err, close_pages(tracer, &opened, &origin));
}

/* Somebody who isn't traced stores into the target's memory: he is given the time for that. */
static struct mw_error *let_stranger_store(struct mw_tracer *tracer)
{
	const struct origin origin = {.hit = {.cause = MW_CAUSE_EXTERNAL}};
	const struct timespec pause = {0, STRANGER_NS};
	struct opened opened = {.count = 0};
	struct mw_error *err = NULL;

	while (!err && tracer->wp_stranger.v && opened.count < MW_STEP_PAGES) {
		err = open_page(tracer, &opened, tracer->wp_stranger);
		tracer->wp_stranger = MW_ADDR_NULL;
		nanosleep(&pause, NULL);
		mw_wp_take_messages(tracer);
	}
	return mw_error_first(err, close_pages(tracer, &opened, &origin));
}

/* A page that is open for one call is open for the others that stand at it, too. */
struct mw_error *mw_wp_finish_calls(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct mw_error *err = NULL;

		if (thread->wp_in_kernel && thread->state == MW_THREAD_RUNNING)
			err = finish_call(tracer, thread);
		if (err != mw_err_gone)
			first = mw_error_first(first, err);
	}
	return first;
}

static struct origin origin_of_store(struct mw_tracer *tracer, struct mw_thread *thread)
{
	mw_addr ip = mw_arch_ip(&thread->regs);
	const struct mw_store *store = mw_engine_decode(tracer, ip);
	struct mw_store_target target = mw_engine_locate(tracer, thread);

	return (struct origin){
		.thread = thread,
		.hit = {.cause = store ? store->cause : MW_CAUSE_STORE, .ip = ip},
		.target = {target.addr, target.size},
	};
}

/* The instruction can't be carried out from outside: it runs alone, with its pages open. */
static struct mw_error *step(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct origin origin = origin_of_store(tracer, thread);
	struct opened opened = {.count = 0};
	struct mw_injection injection;
	struct mw_error *err = mw_inject_begin(&injection, thread, tracer->syscall_ip);
	struct mw_error *close_err;
	struct mw_stop own_stop;

	if (err)
		return err;
	err = mw_thread_resume(thread, MW_RESUME_STEP, 0);
	if (!err)
		err = run_until_stop(tracer, thread, &opened, &origin);
	own_stop = thread->stop;
	/* Then it may not have come to the store at all. */
	if (own_stop.kind != MW_STOP_SIGNAL || own_stop.code != SIGTRAP)
		origin.target.size = 0;
	close_err = close_pages(tracer, &opened, &origin);
	if (!err)
		err = mw_inject_adopt_regs(&injection);
	mw_inject_end(&injection);
	tracer->stats.stepped++;
	/* A signal of its own is the program's: it is handled as such. */
	if (!err && own_stop.kind == MW_STOP_SIGNAL && own_stop.code != SIGTRAP) {
		thread->has_saved_siginfo =
			!mw_sys_get_siginfo(thread->tid, &thread->saved_siginfo);
		thread->stop = own_stop;
	}
	return mw_error_first(err, close_err);
}

static struct mw_error *carry_out(struct mw_tracer *tracer, struct mw_thread *thread)
{
	struct user_regs_struct *regs;
	struct mw_error *err = mw_thread_regs(thread, &regs);
	bool must_step = false;

	thread->wp_fault = MW_ADDR_NULL;
	if (!err)
		err = mw_engine_carry_out(tracer, thread, &must_step);
	if (!err && must_step)
		err = step(tracer, thread);
	mw_burst_note(tracer, thread, mw_clock_now_ns());
	return err == mw_err_gone ? NULL : err;
}

/* Only one that was interrupted stands before its store; others have something else to do first. */
static bool stands_at_store(const struct mw_thread *thread)
{
	return thread->wp_fault.v && thread->state == MW_THREAD_STOPPED && !thread->stashed &&
	       thread->stop.kind == MW_STOP_INTERRUPT;
}

static struct mw_error *carry_out_all(struct mw_tracer *tracer)
{
	struct mw_error *first = NULL;
	struct mw_thread *thread;
	size_t cursor = 0;

	while ((thread = mw_intmap_next(&tracer->threads, &cursor))) {
		struct mw_error *err = NULL;

		if (stands_at_store(thread))
			err = carry_out(tracer, thread);
		first = mw_error_first(first, err);
	}
	return first;
}

/* A page is writable while its store is carried out: nobody else may run then. */
static struct mw_error *serve(struct mw_tracer *tracer)
{
	struct mw_error *err = mw_engine_stop_all(tracer, NULL);

	if (!err)
		err = mw_wp_follow_events(tracer);
	if (!err && tracer->wp_stranger.v)
		err = let_stranger_store(tracer);
	if (!err)
		err = carry_out_all(tracer);
	return mw_error_first(err, mw_engine_resume_all(tracer, NULL));
}

bool mw_wp_serve(struct mw_tracer *tracer)
{
	struct mw_error *err;

	if (!mw_wp_is_on(&tracer->wp) || !mw_wp_receive(tracer))
		return false;
	err = serve(tracer);
	if (err)
		mw_engine_emit_notice(tracer, "%s", err->message);
	mw_error_destroy(err);
	tracer->wp.hot_until_ns = mw_clock_now_ns() + HOT_NS;
	return true;
}

bool mw_wp_is_hot(const struct mw_tracer *tracer)
{
	return mw_wp_is_on(&tracer->wp) && mw_clock_now_ns() < tracer->wp.hot_until_ns;
}
