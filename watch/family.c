// SPDX-License-Identifier: MIT
#include "watch/family.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "watch/core.h"

struct mw_error *mw_family_create(struct mw_session *root, struct mw_family **ret)
{
	struct mw_family *family = calloc(1, sizeof(*family));

	if (!family)
		return mw_err_nomem;
	family->root = root;
	pthread_mutex_init(&family->lock, NULL);
	pthread_mutex_init(&family->list_lock, NULL);
	pthread_cond_init(&family->changed, NULL);
	*ret = family;
	return NULL;
}

void mw_family_destroy(struct mw_family *family)
{
	mw_vec_deinit(&family->sinks);
	mw_vec_deinit(&family->ended);
	mw_vec_deinit(&family->children);
	mw_vec_deinit(&family->births);
	pthread_cond_destroy(&family->changed);
	pthread_mutex_destroy(&family->list_lock);
	pthread_mutex_destroy(&family->lock);
	free(family);
}

void mw_session_lock(struct mw_session *session)
{
	struct mw_mem_reader reader;

	pthread_mutex_lock(&session->family->lock);
	if (!session->symbols)
		return;
	reader = mw_tracer_reader(session->tracer);
	mw_symbols_set_process(session->symbols, session->pid, &reader);
}

void mw_session_unlock(struct mw_session *session)
{
	pthread_mutex_unlock(&session->family->lock);
}

void mw_session_use_image(struct mw_session *session, struct mw_image *image)
{
	struct mw_image *before = session->image;

	if (image)
		image->users++;
	session->image = image;
	session->symbols = image ? image->symbols : NULL;
	if (!before || --before->users)
		return;
	mw_symbols_destroy(before->symbols);
	free(before);
}

void mw_session_forget_image(struct mw_session *session)
{
	mw_session_lock(session);
	mw_session_use_image(session, NULL);
	mw_session_unlock(session);
}

static void describe(const struct mw_session *child, struct mw_process_info *ret)
{
	*ret = (struct mw_process_info){
		.pid = child->pid,
		.parent = child->parent,
		.state = child->state,
		.wait_status = child->wait_status,
		.changes = child->changes,
		.silent = child->silent,
	};
	memcpy(ret->name, child->name, sizeof(ret->name));
}

struct mw_session *mw_family_find(struct mw_family *family, pid_t pid)
{
	struct mw_session *session = family->root;

	pthread_mutex_lock(&family->list_lock);
	/* The last one: an earlier one of that number may be about to leave. */
	mw_vec_foreach (child, &family->children)
		if ((*child)->pid == pid)
			session = *child;
	pthread_mutex_unlock(&family->list_lock);
	return session;
}

struct mw_error *mw_family_enlist(struct mw_session *child)
{
	struct mw_family *family = child->family;
	struct mw_error *err = NULL;

	pthread_mutex_lock(&family->list_lock);
	if (atomic_load(&family->leaving))
		err = mw_err_gone;
	else if (!mw_vec_push(&family->children, child))
		err = mw_err_nomem;
	pthread_mutex_unlock(&family->list_lock);
	return err;
}

/* What finds no room is only counted. */
void mw_family_remember(struct mw_session *child)
{
	struct mw_family *family = child->family;
	struct mw_process_info info;

	mw_session_lock(child);
	describe(child, &info);
	mw_session_add_stats(child, &family->ended_stats);
	family->ended_count++;
	if (family->ended.count < MW_FAMILY_REMEMBERED)
		(void)mw_vec_push(&family->ended, info);
	pthread_mutex_lock(&family->list_lock);
	child->buried = true;
	pthread_mutex_unlock(&family->list_lock);
	mw_session_unlock(child);
}

void mw_family_strike_out(struct mw_session *child)
{
	struct mw_family *family = child->family;

	pthread_mutex_lock(&family->list_lock);
	for (size_t i = family->children.count; i-- > 0;)
		if (family->children.items[i] == child)
			mw_vec_remove(&family->children, i);
	mw_session_wake(family->root);
	pthread_cond_broadcast(&family->changed);
	pthread_mutex_unlock(&family->list_lock);
}

void mw_family_end_birth(struct mw_family *family, pid_t parent)
{
	pthread_mutex_lock(&family->list_lock);
	for (size_t i = family->births.count; i-- > 0;)
		if (family->births.items[i] == parent) {
			mw_vec_remove(&family->births, i);
			break;
		}
	mw_session_wake(family->root);
	pthread_cond_broadcast(&family->changed);
	pthread_mutex_unlock(&family->list_lock);
}

static bool expects(const struct mw_family *family, pid_t parent)
{
	mw_vec_foreach (birth, &family->births)
		if (*birth == parent)
			return true;
	return false;
}

void mw_family_await_births(struct mw_session *parent)
{
	struct mw_family *family = parent->family;

	pthread_mutex_lock(&family->list_lock);
	while (expects(family, parent->pid))
		pthread_cond_wait(&family->changed, &family->list_lock);
	pthread_mutex_unlock(&family->list_lock);
}

/* The list is locked. */
static void poke_all(struct mw_family *family)
{
	mw_vec_foreach (child, &family->children)
		mw_analyst_poke(*child);
}

void mw_family_poke(struct mw_family *family)
{
	pthread_mutex_lock(&family->list_lock);
	poke_all(family);
	pthread_mutex_unlock(&family->list_lock);
}

void mw_family_leave(struct mw_family *family)
{
	atomic_store(&family->leaving, true);
	pthread_mutex_lock(&family->list_lock);
	mw_vec_foreach (child, &family->children) {
		if ((*child)->buried)
			continue;
		mw_tracer_leave((*child)->tracer);
		mw_tracer_wake_reader((*child)->tracer);
	}
	pthread_mutex_unlock(&family->list_lock);
}

void mw_family_await_end(struct mw_family *family)
{
	pthread_mutex_lock(&family->list_lock);
	while (family->children.count || family->births.count) {
		struct timespec deadline;

		clock_gettime(CLOCK_REALTIME, &deadline);
		deadline.tv_sec++;
		/* A sink may hold them in a write to a pipe that nobody reads. */
		if (pthread_cond_timedwait(&family->changed, &family->list_lock, &deadline))
			poke_all(family);
	}
	pthread_mutex_unlock(&family->list_lock);
}

size_t mw_session_followed(struct mw_session *session)
{
	struct mw_family *family = session->family;
	size_t count;

	pthread_mutex_lock(&family->list_lock);
	/* Those to come count: the target may end before its child has a session. */
	count = family->children.count + family->births.count;
	pthread_mutex_unlock(&family->list_lock);
	return count;
}

static bool copy_processes(struct mw_family *family, struct mw_process_list *ret)
{
	bool ok = true;

	mw_vec_foreach (process, &family->ended)
		ok = ok && mw_vec_push(ret, *process);
	pthread_mutex_lock(&family->list_lock);
	mw_vec_foreach (child, &family->children) {
		struct mw_process_info info;

		describe(*child, &info);
		ok = ok && ((*child)->buried || mw_vec_push(ret, info));
	}
	pthread_mutex_unlock(&family->list_lock);
	return ok;
}

struct mw_error *mw_session_processes(struct mw_session *session, struct mw_process_list *ret)
{
	struct mw_family *family = session->family;
	bool ok;

	mw_session_lock(session);
	ok = copy_processes(family, ret);
	ret->forgotten = family->ended_count - family->ended.count;
	mw_session_unlock(session);
	return ok ? NULL : mw_err_nomem;
}

void mw_session_stats(struct mw_session *session, struct mw_stats *ret)
{
	struct mw_family *family = session->family;

	mw_session_lock(session);
	*ret = family->ended_stats;
	ret->last_arm_ns = session->last_arm_ns;
	mw_session_add_stats(session, ret);
	pthread_mutex_lock(&family->list_lock);
	mw_vec_foreach (child, &family->children)
		if (!(*child)->buried)
			mw_session_add_stats(*child, ret);
	pthread_mutex_unlock(&family->list_lock);
	mw_session_unlock(session);
}
