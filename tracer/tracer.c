// SPDX-License-Identifier: MIT
#include "tracer/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "tracer/engine.h"

/* Typical records are small; those with a stack carry it whole. */
static size_t ring_bytes(const struct mw_tracer_options *options)
{
	size_t typical = 256 + (size_t)(options->stack_size ? 4096 : 0);

	return mw_min(typical * options->ring_entries, (size_t)256 << 20);
}

static struct mw_error *allocate(struct mw_tracer *tracer)
{
	struct mw_error *err;

	tracer->cache = calloc(MW_STORE_CACHE_SLOTS, sizeof(*tracer->cache));
	tracer->step_bytes = malloc(MW_STEP_PAGES * MW_PAGE_SIZE);
	tracer->xstate = aligned_alloc(64, MW_XSTATE_MAX);
	if (!tracer->cache || !tracer->step_bytes || !tracer->xstate)
		return mw_err_nomem;
	err = mw_ahead_create(&tracer->ahead);
	if (err)
		return err;
	err = mw_ring_create(tracer->options.ring_entries, ring_bytes(&tracer->options),
			     &tracer->ring);
	return err ? err : mw_replayer_create(&tracer->replayer);
}

static void release(struct mw_tracer *tracer)
{
	mw_guardian_deinit(&tracer->guardian);
	mw_annex_unshare(tracer);
	mw_replayer_destroy(tracer->replayer);
	mw_ring_destroy(tracer->ring);
	mw_ahead_destroy(tracer->ahead);
	free(tracer->cache);
	free(tracer->step_bytes);
	free(tracer->xstate);
	mw_spans_deinit(&tracer->pages);
	mw_spans_deinit(&tracer->watched);
	mw_vec_deinit(&tracer->guards);
	mw_vec_deinit(&tracer->spare_scratch);
	mw_intmap_deinit(&tracer->threads);
	free(tracer);
}

static struct mw_error *create(const struct mw_tracer_options *options, struct mw_tracer **ret)
{
	struct mw_tracer *tracer = calloc(1, sizeof(*tracer));
	struct mw_error *err;

	if (!tracer)
		return mw_err_nomem;
	tracer->options = *options;
	tracer->mem.fd = -1;
	tracer->poll.pagemap = -1;
	tracer->text_generation = 1;
	err = allocate(tracer);
	if (err) {
		release(tracer);
		return err;
	}
	*ret = tracer;
	return NULL;
}

struct mw_error *mw_tracer_create(const struct mw_tracer_options *options, struct mw_tracer **ret)
{
	struct mw_tracer *tracer;
	struct mw_error *err = create(options, &tracer);

	if (err)
		return err;
	err = mw_crew_create(tracer, &tracer->crew);
	if (err) {
		release(tracer);
		return err;
	}
	*ret = tracer;
	return NULL;
}

struct mw_error *mw_engine_create_beside(struct mw_tracer *tracer, struct mw_tracer **ret)
{
	struct mw_tracer *other;
	struct mw_error *err = create(&tracer->options, &other);

	if (err)
		return err;
	other->crew = tracer->crew;
	err = mw_crew_add(other->crew, other);
	if (err) {
		release(other);
		return err;
	}
	*ret = other;
	return NULL;
}

void mw_engine_discard(struct mw_tracer *tracer)
{
	mw_crew_remove(tracer->crew, tracer);
	release(tracer);
}

/** A tracer on its way out. */
struct farewell {
	struct mw_tracer *tracer;
	bool is_last;
};

static struct mw_error *run_quit(void *arg)
{
	struct farewell *farewell = arg;
	struct mw_error *err = mw_engine_detach(farewell->tracer);

	farewell->is_last = mw_crew_remove(farewell->tracer->crew, farewell->tracer);
	return err;
}

void mw_tracer_destroy(struct mw_tracer *tracer)
{
	struct farewell farewell = {.tracer = tracer};

	if (!tracer)
		return;
	atomic_store(&tracer->leaving, true);
	mw_error_destroy(mw_mailbox_call(&tracer->crew->mailbox, run_quit, &farewell));
	if (farewell.is_last)
		mw_crew_destroy(tracer->crew);
	release(tracer);
}

/** A command's arguments, on their way to the tracer thread. */
struct call {
	struct mw_tracer *tracer;
	pid_t pid;
	char *const *argv;
	struct mw_guard_request *requests;
	size_t request_count;
	size_t guarded;
	uint32_t guard_id;
	const uint32_t *guard_ids;
	size_t guard_count;
	struct mw_guard_info *guard_infos;
	struct mw_tracee_info *threads;
	size_t thread_count;
};

static struct mw_error *call(struct call *call, struct mw_error *(*run)(void *arg))
{
	return mw_mailbox_call(&call->tracer->crew->mailbox, run, call);
}

static struct mw_error *run_attach(void *arg)
{
	struct call *call = arg;

	return mw_engine_attach(call->tracer, call->pid);
}

struct mw_error *mw_tracer_attach(struct mw_tracer *tracer, pid_t pid)
{
	return call(&(struct call){.tracer = tracer, .pid = pid}, run_attach);
}

static struct mw_error *run_launch(void *arg)
{
	struct call *call = arg;
	struct mw_error *err = mw_engine_launch(call->tracer, call->argv);

	call->pid = call->tracer->pid;
	return err;
}

struct mw_error *mw_tracer_launch(struct mw_tracer *tracer, char *const argv[], pid_t *ret)
{
	struct call launch = {.tracer = tracer, .argv = argv};
	struct mw_error *err = call(&launch, run_launch);

	if (!err)
		*ret = launch.pid;
	return err;
}

static struct mw_error *no_target(void)
{
	return mw_error_create(MW_ERROR_OTHER, "there is no target any more");
}

static bool is_alive(const struct mw_tracer *tracer)
{
	return tracer->state == MW_TRACEE_RUNNING || tracer->state == MW_TRACEE_STOPPED;
}

static struct mw_error *run_continue(void *arg)
{
	struct mw_tracer *tracer = ((struct call *)arg)->tracer;
	bool was_stopped = tracer->state == MW_TRACEE_STOPPED;

	if (!is_alive(tracer))
		return no_target();
	tracer->hold = false;
	tracer->entry.reached = false;
	if (was_stopped)
		mw_engine_emit_state(tracer, MW_TRACEE_RUNNING, 0);
	return mw_engine_resume_all(tracer, NULL);
}

struct mw_error *mw_tracer_continue(struct mw_tracer *tracer)
{
	return call(&(struct call){.tracer = tracer}, run_continue);
}

static struct mw_error *run_interrupt(void *arg)
{
	struct mw_tracer *tracer = ((struct call *)arg)->tracer;
	struct mw_error *err;

	if (!is_alive(tracer))
		return no_target();
	if (tracer->state == MW_TRACEE_STOPPED)
		return NULL;
	err = mw_engine_quiesce(tracer);
	if (err)
		return err;
	tracer->hold = true;
	mw_engine_emit_state(tracer, MW_TRACEE_STOPPED, 0);
	return NULL;
}

struct mw_error *mw_tracer_interrupt(struct mw_tracer *tracer)
{
	return call(&(struct call){.tracer = tracer}, run_interrupt);
}

static struct mw_error *run_kill(void *arg)
{
	struct mw_tracer *tracer = ((struct call *)arg)->tracer;

	if (!is_alive(tracer))
		return no_target();
	return kill(tracer->pid, SIGKILL) < 0
		       ? mw_error_os(errno, "cannot kill process %d", tracer->pid)
		       : NULL;
}

struct mw_error *mw_tracer_kill(struct mw_tracer *tracer)
{
	return call(&(struct call){.tracer = tracer}, run_kill);
}

void mw_tracer_leave(struct mw_tracer *tracer)
{
	atomic_store(&tracer->leaving, true);
}

static struct mw_error *run_detach(void *arg)
{
	return mw_engine_detach(((struct call *)arg)->tracer);
}

struct mw_error *mw_tracer_detach(struct mw_tracer *tracer)
{
	/* Its reader may be stuck: the target doesn't have to wait for that. */
	mw_tracer_leave(tracer);
	return call(&(struct call){.tracer = tracer}, run_detach);
}

static struct mw_error *run_guard(void *arg)
{
	struct call *call = arg;

	if (!is_alive(call->tracer))
		return no_target();
	return mw_guard_add(call->tracer, call->requests, call->request_count, &call->guarded);
}

struct mw_error *mw_tracer_guard(struct mw_tracer *tracer, struct mw_guard_request *requests,
				 size_t count, size_t *ret_count)
{
	struct mw_error *err = NULL;
	size_t guarded = 0;

	/* Between two calls the tracer does what else there is to do. */
	while (guarded < count && !err) {
		struct call guard = {
			.tracer = tracer,
			.requests = requests + guarded,
			.request_count = count - guarded,
		};

		err = call(&guard, run_guard);
		guarded += guard.guarded;
	}
	*ret_count = guarded;
	return err;
}

static struct mw_error *run_unguard(void *arg)
{
	struct call *call = arg;

	return mw_guard_remove(call->tracer, call->guard_id);
}

struct mw_error *mw_tracer_unguard(struct mw_tracer *tracer, uint32_t guard_id)
{
	return call(&(struct call){.tracer = tracer, .guard_id = guard_id}, run_unguard);
}

static struct mw_error *run_guard_infos(void *arg)
{
	struct call *call = arg;
	struct mw_error *err = NULL;

	for (size_t i = 0; i < call->guard_count && !err; i++) {
		err = mw_guard_describe(call->tracer, call->guard_ids[i], &call->guard_infos[i]);
		mw_error_catch(&err, MW_ERROR_NOT_FOUND);
	}
	return err;
}

struct mw_error *mw_tracer_guard_infos(struct mw_tracer *tracer, const uint32_t *guard_ids,
				       size_t count, struct mw_guard_info *ret)
{
	return call(&(struct call){.tracer = tracer,
				   .guard_ids = guard_ids,
				   .guard_count = count,
				   .guard_infos = ret},
		    run_guard_infos);
}

const struct mw_record *mw_tracer_next(struct mw_tracer *tracer, uint64_t timeout_ns)
{
	const void *record = mw_ring_peek(tracer->ring);

	if (!record && timeout_ns) {
		mw_ring_wait(tracer->ring, timeout_ns);
		record = mw_ring_peek(tracer->ring);
	}
	return record;
}

void mw_tracer_release(struct mw_tracer *tracer)
{
	mw_ring_release(tracer->ring);
}

void mw_tracer_wake_reader(struct mw_tracer *tracer)
{
	mw_ring_wake(tracer->ring);
}

void mw_tracer_progress(struct mw_tracer *tracer, uint64_t *ret_written, uint64_t *ret_released)
{
	*ret_written = mw_ring_published(tracer->ring);
	*ret_released = mw_ring_released(tracer->ring);
}

struct mw_mem_reader mw_tracer_reader(struct mw_tracer *tracer)
{
	return mw_mem_as_reader(&tracer->mem);
}

const struct mw_tracer_stats *mw_tracer_stats(const struct mw_tracer *tracer)
{
	return &tracer->stats;
}

static const char *const state_names[] = {
	[MW_THREAD_RUNNING] = "running",
	[MW_THREAD_STOPPED] = "stopped",
	[MW_THREAD_LISTENING] = "stopped by job control",
	[MW_THREAD_GONE] = "ended",
};

static void describe_thread(const struct mw_tracer *tracer, struct mw_thread *thread,
			    struct mw_tracee_info *ret)
{
	struct user_regs_struct *regs;
	struct mw_error *err;

	*ret = (struct mw_tracee_info){.tid = thread->tid, .state = state_names[thread->state]};
	mw_proc_thread_name(thread->tgid, thread->tid, ret->name);
	if (!tracer->hold || thread->state != MW_THREAD_STOPPED)
		return;
	err = mw_thread_regs(thread, &regs);
	if (!err)
		mw_arch_dwarf_regs(regs, &ret->regs);
	mw_error_destroy(err);
}

static int by_tid(const void *left, const void *right)
{
	const struct mw_tracee_info *a = left, *b = right;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

static struct mw_error *run_threads(void *arg)
{
	struct call *call = arg;
	const struct mw_tracer *tracer = call->tracer;
	struct mw_thread *thread;
	size_t cursor = 0;

	call->threads = calloc(tracer->threads.count + 1, sizeof(*call->threads));
	if (!call->threads)
		return mw_err_nomem;
	while ((thread = mw_intmap_next(&tracer->threads, &cursor)))
		if (thread->tgid == tracer->pid)
			describe_thread(tracer, thread, &call->threads[call->thread_count++]);
	qsort(call->threads, call->thread_count, sizeof(*call->threads), by_tid);
	return NULL;
}

struct mw_error *mw_tracer_threads(struct mw_tracer *tracer, struct mw_tracee_info **ret,
				   size_t *ret_count)
{
	struct call threads = {.tracer = tracer};
	struct mw_error *err = call(&threads, run_threads);

	if (err)
		return err;
	*ret = threads.threads;
	*ret_count = threads.thread_count;
	return NULL;
}
