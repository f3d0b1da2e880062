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

struct mw_error *mw_session_allocate(const struct mw_session_options *options,
				     struct mw_session **ret)
{
	struct mw_session *session = calloc(1, sizeof(*session));

	if (!session)
		return mw_err_nomem;
	session->options = *options;
	session->event_fd = -1;
	pthread_cond_init(&session->handled, NULL);
	pthread_mutex_init(&session->arming_lock, NULL);
	*ret = session;
	return NULL;
}

void mw_session_free(struct mw_session *session)
{
	mw_vec_foreach (watch, &session->watches)
		mw_watch_destroy(*watch);
	mw_vec_deinit(&session->watches);
	mw_vec_deinit(&session->touched);
	mw_memory_text_deinit(&session->value_text);
	mw_region_index_deinit(&session->regions);
	if (session->event_fd >= 0)
		close(session->event_fd);
	pthread_cond_destroy(&session->handled);
	pthread_mutex_destroy(&session->arming_lock);
	free(session);
}

static struct mw_error *create_tracer(const struct mw_session_options *options,
				      struct mw_family *family, struct mw_tracer **ret)
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
		.take_child = options->follow_forks ? mw_family_take : NULL,
		.take_child_arg = family,
		.log = options->log,
	};

	return mw_tracer_create(&tracer_options, ret);
}

struct mw_error *mw_session_create(const struct mw_session_options *options,
				   struct mw_session **ret)
{
	struct mw_session *session;
	struct mw_error *err = mw_session_allocate(options, &session);

	if (err)
		return err;
	err = mw_family_create(session, &session->family);
	if (err) {
		mw_session_free(session);
		return err;
	}
	session->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->event_fd < 0)
		err = mw_error_os(errno, "cannot make an event descriptor");
	if (!err)
		err = create_tracer(options, session->family, &session->tracer);
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
	struct mw_family *family;

	if (!session)
		return;
	family = session->family;
	mw_family_leave(family);
	if (session->tracer) {
		/* The tracer's last records need a reader, and the reader the tracer's ring. */
		mw_error_destroy(mw_tracer_detach(session->tracer));
		mw_analyst_stop(session);
	}
	mw_family_await_end(family);
	mw_session_forget_image(session);
	mw_tracer_destroy(session->tracer);
	mw_session_free(session);
	mw_family_destroy(family);
}

struct mw_error *mw_session_add_sink(struct mw_session *session, const struct mw_sink *sink)
{
	bool ok;

	mw_session_lock(session);
	ok = mw_vec_push(&session->family->sinks, *sink);
	mw_session_unlock(session);
	return ok ? NULL : mw_err_nomem;
}

struct mw_error *mw_session_load_symbols(struct mw_session *session)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);
	struct mw_image *image = calloc(1, sizeof(*image));
	struct mw_error *err;

	if (!image)
		return mw_err_nomem;
	err = mw_symbols_create(session->pid, &reader, &session->options.log, &image->symbols);
	if (err) {
		free(image);
		return err;
	}
	/* Types belong to the symbols. */
	mw_vec_foreach (watch, &session->watches)
		(*watch)->object.type = NULL;
	mw_session_use_image(session, image);
	return NULL;
}

static struct mw_error *adopt(struct mw_session *session, pid_t pid, bool launched,
			      enum mw_target_state state)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(pid, &status);

	mw_session_lock(session);
	session->pid = pid;
	session->launched = launched;
	/* The tracer's own record says the same, later. */
	session->state = state;
	if (!err)
		memcpy(session->name, status.name, sizeof(session->name));
	if (!err)
		err = mw_session_load_symbols(session);
	mw_session_unlock(session);
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

	mw_family_leave(session->family);
	err = mw_tracer_detach(session->tracer);
	mw_session_sync(session);
	mw_family_await_end(session->family);
	return err;
}

void mw_session_wake(struct mw_session *session)
{
	uint64_t one = 1;

	/* A full counter is readable as well: nothing is lost when the write fails. */
	if (write(session->event_fd, &one, sizeof(one)) < 0)
		return;
}

void mw_session_set_state(struct mw_session *session, enum mw_target_state state)
{
	session->state = state;
	/* The sinks are told of the target, and of nobody else. */
	mw_vec_foreach (sink, &session->family->sinks)
		if (sink->state && !session->parent)
			sink->state(sink->arg, state);
	mw_session_wake(session->family->root);
}

void mw_session_target(struct mw_session *session, struct mw_target_info *ret)
{
	struct mw_proc_status status;
	struct mw_error *err;

	mw_session_lock(session);
	*ret = (struct mw_target_info){
		.state = session->state,
		.pid = session->pid,
		.launched = session->launched,
		.wait_status = session->wait_status,
	};
	memcpy(ret->name, session->name, sizeof(ret->name));
	mw_session_unlock(session);
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

void mw_session_add_stats(const struct mw_session *session, struct mw_stats *total)
{
	const struct mw_tracer_stats *stats = mw_tracer_stats(session->tracer);

	total->hits_seen += stats->hits;
	total->hits_dropped += stats->dropped;
	total->changes += session->changes;
	total->silent += session->silent;
	total->foreign += stats->foreign;
	total->replayed += stats->replayed;
	total->ahead += stats->ahead;
	total->emulated += stats->emulated;
	total->stepped += stats->stepped;
	total->hardware += stats->hardware;
	total->polled += stats->polled;
	total->syscalls_redirected += stats->syscalls_redirected;
	total->faults += stats->faults;
	total->ring_waits += stats->ring_waits;
	total->guards += stats->guards;
	total->guard_bytes += stats->guard_bytes;
}
