// SPDX-License-Identifier: MIT
#include "tracer/crew.h"

#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "base/error.h"
#include "tracer/emergency.h"
#include "tracer/engine.h"
#include "tracer/wait.h"

#define GUARDIANS_KEPT 8

/** What the new thread reports back before it serves. */
struct startup {
	struct mw_crew *crew;
	sem_t ready;
	struct mw_error *err;
};

static void *crew_main(void *arg)
{
	struct startup *startup = arg;
	struct mw_crew *crew = startup->crew;

	mw_mailbox_serve_here(&crew->mailbox);
	startup->err = mw_burst_init(crew);
	if (startup->err) {
		sem_post(&startup->ready);
		return NULL;
	}
	sem_post(&startup->ready);
	while (!crew->quit)
		if (!mw_crew_turn(crew) && !crew->quit)
			mw_mailbox_wait(&crew->mailbox);
	mw_burst_deinit(crew);
	return NULL;
}

static struct mw_error *start_thread(struct mw_crew *crew)
{
	struct startup startup = {.crew = crew};
	sigset_t all, before;
	int result;

	sem_init(&startup.ready, 0, 0);
	/* The person's signals are the front's. */
	sigfillset(&all);
	mw_emergency_keep_open(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&crew->thread, NULL, crew_main, &startup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result)
		return mw_error_os(result, "cannot start the tracer thread");
	while (sem_wait(&startup.ready) < 0)
		;
	sem_destroy(&startup.ready);
	if (startup.err)
		pthread_join(crew->thread, NULL);
	return startup.err;
}

static void release(struct mw_crew *crew)
{
	mw_vec_foreach (guardian, &crew->guardians)
		mw_guardian_deinit(guardian);
	mw_vec_deinit(&crew->guardians);
	mw_vec_deinit(&crew->members);
	mw_vec_deinit(&crew->strays);
	mw_mailbox_deinit(&crew->mailbox);
	free(crew);
}

struct mw_error *mw_crew_create(struct mw_tracer *first, struct mw_crew **ret)
{
	struct mw_crew *crew = calloc(1, sizeof(*crew));
	struct mw_error *err;

	if (!crew)
		return mw_err_nomem;
	mw_mailbox_init(&crew->mailbox);
	first->crew = crew;
	err = mw_crew_add(crew, first);
	if (!err)
		err = start_thread(crew);
	if (err) {
		release(crew);
		return err;
	}
	mw_emergency_install(crew);
	*ret = crew;
	return NULL;
}

void mw_crew_destroy(struct mw_crew *crew)
{
	mw_emergency_remove();
	pthread_join(crew->thread, NULL);
	release(crew);
}

struct mw_error *mw_crew_add(struct mw_crew *crew, struct mw_tracer *tracer)
{
	return mw_vec_push(&crew->members, tracer) ? NULL : mw_err_nomem;
}

void mw_crew_lend_guardian(struct mw_crew *crew, struct mw_guardian *ret)
{
	if (!ret->page && crew->guardians.count)
		*ret = crew->guardians.items[--crew->guardians.count];
}

static void keep_guardian(struct mw_crew *crew, struct mw_guardian *guardian)
{
	if (!guardian->page || crew->guardians.count == GUARDIANS_KEPT)
		return;
	mw_guardian_set_target(guardian, 0);
	if (mw_vec_push(&crew->guardians, *guardian))
		*guardian = (struct mw_guardian){0};
}

bool mw_crew_remove(struct mw_crew *crew, struct mw_tracer *tracer)
{
	keep_guardian(crew, &tracer->guardian);
	for (size_t i = crew->members.count; i-- > 0;)
		if (crew->members.items[i] == tracer)
			mw_vec_remove(&crew->members, i);
	crew->quit = !crew->members.count;
	return crew->quit;
}

bool mw_crew_claim(struct mw_crew *crew, pid_t tid, struct mw_stop *ret)
{
	mw_vec_foreach (stray, &crew->strays) {
		if (stray->tid != tid)
			continue;
		*ret = stray->stop;
		mw_vec_remove(&crew->strays, (size_t)(stray - crew->strays.items));
		return true;
	}
	return false;
}

/* It waits for its parent's event, unless it dies before. */
static void note_stray(struct mw_crew *crew, pid_t tid, struct mw_stop stop)
{
	struct mw_stray stray = {tid, stop};
	struct mw_stop before;

	mw_wait_take(tid);
	mw_crew_claim(crew, tid, &before);
	if (stop.kind != MW_STOP_EXITED && stop.kind != MW_STOP_KILLED &&
	    !mw_vec_push(&crew->strays, stray))
		mw_engine_tell(crew->members.items[0], mw_err_nomem);
}

static void note_stop(struct mw_crew *crew, pid_t tid, struct mw_stop stop)
{
	mw_vec_foreach (member, &crew->members) {
		struct mw_tracer *tracer = *member;
		struct mw_thread *thread = mw_engine_thread(tracer, tid);

		if (!thread)
			continue;
		mw_thread_stopped(thread, stop);
		mw_engine_tell(tracer, mw_engine_dispatch(tracer, thread));
		/* It may have died of it, or have been let go. */
		thread = mw_engine_thread(tracer, tid);
		if (thread && thread->state == MW_THREAD_STOPPED)
			mw_wait_take(tid);
		return;
	}
	note_stray(crew, tid, stop);
}

bool mw_crew_poll(struct mw_crew *crew)
{
	struct mw_stop stop;
	pid_t tid = mw_wait_poll(&stop);

	if (tid > 0)
		note_stop(crew, tid, stop);
	return tid > 0;
}

/**
 * What there is to do without a wait.
 *
 * @param ret_busy set when there will be more at once.
 * @return whether there was something.
 */
static bool serve_member(struct mw_tracer *tracer, bool *ret_busy)
{
	struct mw_thread *thread = tracer->hold ? NULL : mw_engine_take_stash(tracer);

	if (thread) {
		mw_engine_tell(tracer, mw_engine_dispatch(tracer, thread));
		return true;
	}
	mw_hot_turn(tracer);
	mw_hw_turn(tracer);
	if (mw_wp_serve(tracer))
		return true;
	*ret_busy |= mw_poll_turn(tracer) || mw_wp_is_hot(tracer);
	return false;
}

static void cool_down(struct mw_crew *crew)
{
	mw_vec_foreach (member, &crew->members)
		mw_burst_release(*member, false);
}

bool mw_crew_turn(struct mw_crew *crew)
{
	bool served = false, busy = false;
	struct mw_stop stop;
	pid_t tid;

	mw_emergency_serve(crew);
	if (mw_mailbox_serve(&crew->mailbox))
		return true;
	/* By index: a stop may add a member. */
	for (size_t i = 0; i < crew->members.count; i++)
		served |= serve_member(crew->members.items[i], &busy);
	if (served)
		return true;
	tid = busy ? mw_wait_poll(&stop) : mw_wait_any(&stop);
	if (tid > 0)
		note_stop(crew, tid, stop);
	else if (tid == 0 && busy)
		sched_yield();
	else if (tid == 0)
		cool_down(crew);
	return tid >= 0;
}
