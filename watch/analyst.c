// SPDX-License-Identifier: MIT
/* The thread that turns the tracer's records into what the person sees. */
#include "watch/core.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "tracer/emergency.h"

#define IDLE_WAIT_NS UINT64_C(100000000)
/* After a batch, so that the tracer need not wake the analyst for each hit. */
#define BATCH_PAUSE_NS 1000000
/* After a full one: others get the lock, and there is more to handle. */
#define FULL_BATCH_PAUSE_NS 200000
/* Records handled before others get the session's lock. */
#define BATCH 256

static const enum mw_target_state states[] = {
	[MW_TRACEE_NONE] = MW_TARGET_NONE,         [MW_TRACEE_RUNNING] = MW_TARGET_RUNNING,
	[MW_TRACEE_STOPPED] = MW_TARGET_STOPPED,   [MW_TRACEE_EXITED] = MW_TARGET_EXITED,
	[MW_TRACEE_DETACHED] = MW_TARGET_DETACHED,
};

static struct mw_watch *find_guarded(struct mw_session *session, uint32_t guard_id)
{
	for (size_t i = 0; i < session->watches.count; i++) {
		size_t index = (session->last_ended + i) % session->watches.count;

		if (session->watches.items[index]->guard.id != guard_id)
			continue;
		session->last_ended = index;
		return session->watches.items[index];
	}
	return NULL;
}

static void end_watch(struct mw_session *session, const struct mw_record *record)
{
	struct mw_watch *watch = find_guarded(session, record->guard_id);

	if (!watch)
		return;
	watch->guard.id = 0;
	watch->foreign = record->foreign;
	watch->pages = record->pages;
	if (!*record->text)
		return;
	free(watch->ended);
	watch->ended = strdup(record->text);
	if (record->kind == MW_RECORD_GUARD_LOST)
		mw_session_notice(session, "watch %u (%s) ended: %s", watch->id, watch->name,
				  record->text);
}

/* The target is told of by the name that it had first. */
static void note_name(struct mw_session *session)
{
	struct mw_proc_status status;
	struct mw_error *err;

	if (!session->parent)
		return;
	err = mw_proc_status_read(session->pid, &status);
	if (!err)
		memcpy(session->name, status.name, sizeof(session->name));
	mw_error_destroy(err);
}

/* The target stands at the entry of its new program until the watches are armed again. */
static void follow_exec(struct mw_session *session)
{
	struct mw_error *err;

	mw_family_await_births(session);
	mw_session_lock(session);
	note_name(session);
	if (session->parent)
		mw_session_notice(session, "runs a new program (exec)");
	else
		mw_session_notice(session, "process %d runs a new program (exec)", session->pid);
	err = mw_session_load_symbols(session);
	if (err)
		mw_session_notice(session, "%s", err->message);
	mw_session_unlock(session);
	if (!err)
		mw_watch_resolve_again(session);
	mw_error_destroy(err);
	if (session->parent && !mw_watch_any_is_armed(session)) {
		mw_family_let_go(session);
		return;
	}
	err = mw_tracer_continue(session->tracer);
	mw_session_lock(session);
	if (err)
		mw_session_notice(session, "%s", err->message);
	mw_session_unlock(session);
	mw_error_destroy(err);
}

static void handle_locked(struct mw_session *session, const struct mw_record *record)
{
	struct mw_watch *watch;

	switch ((enum mw_record_kind)record->kind) {
	case MW_RECORD_HIT:
		mw_session_handle_hit(session, &record->hit);
		break;
	case MW_RECORD_STATE:
		session->wait_status = record->status;
		mw_session_set_state(session, states[record->state]);
		break;
	case MW_RECORD_GUARD_ENDED:
	case MW_RECORD_GUARD_LOST:
		end_watch(session, record);
		break;
	case MW_RECORD_GUARD_MOVED:
		mw_session_handle_move(session, record->guard_id, record->moved_by);
		break;
	case MW_RECORD_GUARD_BACKEND:
		watch = find_guarded(session, record->guard_id);
		if (watch)
			watch->guard.backend = record->backend;
		break;
	case MW_RECORD_NOTICE:
		mw_session_notice(session, "%s", record->text);
		break;
	case MW_RECORD_EXEC:
		break;
	}
}

static void tell_progress(struct mw_session *session)
{
	mw_session_lock(session);
	pthread_cond_broadcast(&session->handled);
	mw_session_unlock(session);
}

/* Without the lock: a sink may wait for its reader, and the front has to see signals meanwhile. */
static void settle(struct mw_session *session)
{
	uint64_t written, released;

	tell_progress(session);
	mw_tracer_progress(session->tracer, &written, &released);
	mw_vec_foreach (sink, &session->family->sinks)
		if (sink->settle)
			sink->settle(sink->arg);
	atomic_store(&session->settled, released);
	tell_progress(session);
}

/** @return how many records. */
static unsigned handle_batch(struct mw_session *session)
{
	const struct mw_record *record = NULL;
	unsigned handled = 0;

	mw_session_lock(session);
	while (handled < BATCH && (record = mw_tracer_next(session->tracer, 0)) &&
	       record->kind != MW_RECORD_EXEC) {
		handle_locked(session, record);
		mw_tracer_release(session->tracer);
		handled++;
	}
	mw_session_unlock(session);
	if (record && record->kind == MW_RECORD_EXEC) {
		follow_exec(session);
		mw_tracer_release(session->tracer);
		handled++;
	}
	if (handled)
		settle(session);
	return handled;
}

/* What is asked for before all is handled, is done after that. */
static bool is_over(struct mw_session *session)
{
	if (!session->parent)
		return atomic_load(&session->quit);
	return session->let_go || session->state == MW_TARGET_EXITED ||
	       session->state == MW_TARGET_DETACHED;
}

static void rest(unsigned handled)
{
	const struct timespec pause = {0, handled < BATCH ? BATCH_PAUSE_NS : FULL_BATCH_PAUSE_NS};

	nanosleep(&pause, NULL);
}

void mw_analyst_serve(struct mw_session *session)
{
	for (;;) {
		bool over = is_over(session);
		unsigned handled;

		if (session->parent && !over && atomic_load(&session->family->leaving))
			mw_family_let_go(session);
		else if ((handled = handle_batch(session)))
			rest(handled);
		else if (over)
			return;
		else
			mw_tracer_next(session->tracer, IDLE_WAIT_NS);
	}
}

static void *analyst_main(void *arg)
{
	mw_analyst_serve(arg);
	return NULL;
}

/* Only interrupts: a sink that is stuck in a write fails with EINTR and is called no more. */
static int poke_signal(void)
{
	return SIGRTMIN + 1;
}

static struct timespec in_a_second(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec++;
	return deadline;
}

/* Gives the analyst time to end; a sink may hold it in a write to a pipe that nobody reads. */
static void join(struct mw_session *session)
{
	for (;;) {
		struct timespec deadline = in_a_second();

		if (pthread_timedjoin_np(session->analyst, NULL, &deadline) != ETIMEDOUT)
			return;
		pthread_kill(session->analyst, poke_signal());
	}
}

int mw_analyst_create_thread(void *(*run)(void *arg), void *arg, pthread_t *ret)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	mw_emergency_keep_open(&all);
	sigdelset(&all, poke_signal());
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(ret, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

struct mw_error *mw_analyst_start(struct mw_session *session)
{
	int result = mw_analyst_create_thread(analyst_main, session, &session->analyst);

	session->analyst_runs = !result;
	return result ? mw_error_os(result, "cannot start the analyst thread") : NULL;
}

void mw_analyst_stop(struct mw_session *session)
{
	if (!session->analyst_runs)
		return;
	atomic_store(&session->quit, true);
	mw_tracer_wake_reader(session->tracer);
	join(session);
	session->analyst_runs = false;
}

void mw_analyst_poke(struct mw_session *session)
{
	pthread_kill(session->analyst, poke_signal());
}

static void poke(struct mw_session *session)
{
	if (!atomic_load(&session->family->leaving))
		return;
	mw_analyst_poke(session);
	mw_family_poke(session->family);
}

/* Waits until what the tracer has written by now is handled, or has left the sinks as well. */
static void wait_for_analyst(struct mw_session *session, bool settled)
{
	uint64_t written, released, wanted;

	mw_tracer_progress(session->tracer, &wanted, &released);
	mw_session_lock(session);
	for (;;) {
		struct timespec deadline = in_a_second();

		mw_tracer_progress(session->tracer, &written, &released);
		if ((settled ? atomic_load(&session->settled) : released) >= wanted)
			break;
		mw_tracer_wake_reader(session->tracer);
		if (pthread_cond_timedwait(&session->handled, &session->family->lock, &deadline))
			poke(session);
	}
	mw_session_unlock(session);
}

void mw_analyst_catch_up(struct mw_session *session)
{
	wait_for_analyst(session, false);
}

void mw_session_sync(struct mw_session *session)
{
	wait_for_analyst(session, true);
}
