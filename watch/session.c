// SPDX-License-Identifier: MIT
#include "watch/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/procfs.h"
#include "watch/core.h"

#define RING_ENTRIES 65536u
/* Enough for deep stacks of ordinary frames; what is above is read live. */
#define STACK_BYTES (32u << 10)

struct mw_error *mw_session_create(const struct mw_session_options *options,
				   struct mw_session **ret)
{
	struct mw_tracer_options tracer_options = {
		.ring_entries = options->ring_entries ? options->ring_entries : RING_ENTRIES,
		.drop_when_full = options->overflow == MW_OVERFLOW_DROP,
		.stack_size = options->stack_depth ? STACK_BYTES : 0,
		.ignore_syscalls = options->ignore_syscalls,
		.poll_window_ns = options->poll_window_ns,
		.hot_rate = options->hot_rate,
		.cool_down_ns = options->cool_down_ns,
		.own_process_group = options->own_process_group,
		.log = options->log,
	};
	struct mw_session *session = calloc(1, sizeof(*session));
	struct mw_error *err = NULL;

	if (!session)
		return mw_err_nomem;
	session->options = *options;
	pthread_mutex_init(&session->lock, NULL);
	pthread_cond_init(&session->handled, NULL);
	session->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->event_fd < 0)
		err = mw_error_os(errno, "cannot make an event descriptor");
	if (!err)
		err = mw_tracer_create(&tracer_options, &session->tracer);
	if (!err)
		err = mw_analyst_start(session);
	if (err) {
		mw_session_destroy(session);
		return err;
	}
	*ret = session;
	return NULL;
}

void mw_session_destroy(struct mw_session *session)
{
	if (!session)
		return;
	atomic_store(&session->leaving, true);
	if (session->tracer) {
		/* The tracer's last records need a reader, and the reader the tracer's ring. */
		mw_error_destroy(mw_tracer_detach(session->tracer));
		mw_analyst_stop(session);
	}
	mw_tracer_destroy(session->tracer);
	mw_vec_foreach (watch, &session->watches)
		mw_watch_destroy(*watch);
	mw_vec_deinit(&session->watches);
	mw_vec_deinit(&session->touched);
	mw_memory_text_deinit(&session->value_text);
	mw_region_index_deinit(&session->regions);
	mw_vec_deinit(&session->sinks);
	mw_symbols_destroy(session->symbols);
	if (session->event_fd >= 0)
		close(session->event_fd);
	pthread_cond_destroy(&session->handled);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

struct mw_error *mw_session_add_sink(struct mw_session *session, const struct mw_sink *sink)
{
	bool ok;

	pthread_mutex_lock(&session->lock);
	ok = mw_vec_push(&session->sinks, *sink);
	pthread_mutex_unlock(&session->lock);
	return ok ? NULL : mw_err_nomem;
}

struct mw_error *mw_session_load_symbols(struct mw_session *session)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);
	struct mw_symbols *symbols;
	struct mw_error *err =
		mw_symbols_create(session->pid, &reader, &session->options.log, &symbols);

	if (err)
		return err;
	/* Types belong to the symbols. */
	mw_vec_foreach (watch, &session->watches)
		(*watch)->object.type = NULL;
	mw_symbols_destroy(session->symbols);
	session->symbols = symbols;
	return NULL;
}

static struct mw_error *adopt(struct mw_session *session, pid_t pid, bool launched,
			      enum mw_target_state state)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(pid, &status);

	pthread_mutex_lock(&session->lock);
	session->pid = pid;
	session->launched = launched;
	/* The tracer's own record says the same, later. */
	session->state = state;
	if (!err)
		memcpy(session->name, status.name, sizeof(session->name));
	if (!err)
		err = mw_session_load_symbols(session);
	pthread_mutex_unlock(&session->lock);
	return err;
}

struct mw_error *mw_session_attach(struct mw_session *session, pid_t pid)
{
	struct mw_error *err = mw_tracer_attach(session->tracer, pid);

	return err ? err : adopt(session, pid, false, MW_TARGET_RUNNING);
}

struct mw_error *mw_session_launch(struct mw_session *session, char *const argv[])
{
	pid_t pid;
	struct mw_error *err = mw_tracer_launch(session->tracer, argv, &pid);

	return err ? err : adopt(session, pid, true, MW_TARGET_STOPPED);
}

struct mw_error *mw_session_continue(struct mw_session *session)
{
	return mw_tracer_continue(session->tracer);
}

struct mw_error *mw_session_interrupt(struct mw_session *session)
{
	return mw_tracer_interrupt(session->tracer);
}

struct mw_error *mw_session_kill(struct mw_session *session)
{
	return mw_tracer_kill(session->tracer);
}

struct mw_error *mw_session_detach(struct mw_session *session)
{
	struct mw_error *err;

	atomic_store(&session->leaving, true);
	err = mw_tracer_detach(session->tracer);
	if (!err)
		mw_session_sync(session);
	return err;
}

void mw_session_set_state(struct mw_session *session, enum mw_target_state state)
{
	uint64_t one = 1;

	session->state = state;
	mw_vec_foreach (sink, &session->sinks)
		if (sink->state)
			sink->state(sink->arg, state);
	/* A full counter is readable as well: nothing is lost when the write fails. */
	if (write(session->event_fd, &one, sizeof(one)) < 0)
		return;
}

void mw_session_target(struct mw_session *session, struct mw_target_info *ret)
{
	struct mw_proc_status status;
	struct mw_error *err;

	pthread_mutex_lock(&session->lock);
	*ret = (struct mw_target_info){
		.state = session->state,
		.pid = session->pid,
		.launched = session->launched,
		.wait_status = session->wait_status,
	};
	memcpy(ret->name, session->name, sizeof(ret->name));
	pthread_mutex_unlock(&session->lock);
	err = mw_proc_status_read(ret->pid, &status);
	if (!err)
		ret->threads = (unsigned)status.threads;
	mw_error_destroy(err);
}

int mw_session_event_fd(const struct mw_session *session)
{
	return session->event_fd;
}

void mw_session_event_clear(struct mw_session *session)
{
	uint64_t count;

	/* Nothing to read only means that it is quiet already. */
	if (read(session->event_fd, &count, sizeof(count)) < 0)
		return;
}

void mw_session_stats(struct mw_session *session, struct mw_stats *ret)
{
	const struct mw_tracer_stats *stats = mw_tracer_stats(session->tracer);

	pthread_mutex_lock(&session->lock);
	*ret = (struct mw_stats){
		.hits_seen = stats->hits,
		.hits_dropped = stats->dropped,
		.changes = session->changes,
		.silent = session->silent,
		.foreign = stats->foreign,
		.replayed = stats->replayed,
		.emulated = stats->emulated,
		.stepped = stats->stepped,
		.hardware = stats->hardware,
		.polled = stats->polled,
		.syscalls_redirected = stats->syscalls_redirected,
		.faults = stats->faults,
		.ring_waits = stats->ring_waits,
		.last_arm_ns = session->last_arm_ns,
	};
	pthread_mutex_unlock(&session->lock);
}
