// SPDX-License-Identifier: MIT
#include "watch/family.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/procfs.h"
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

/** A child that is to get a session. */
struct birth {
	struct mw_family *family;
	struct mw_child child;
	pthread_t thread;
	struct mw_inherited_guard guards[];
};

/* Its guard says where it was at the moment of the fork; it may just have been armed. */
static const struct mw_inherited_guard *find_guard(const struct birth *birth,
						   const struct mw_watch *watch)
{
	for (size_t i = 0; i < birth->child.guard_count; i++) {
		const struct mw_inherited_guard *guard = &birth->guards[i];

		if (watch->guard_id ? guard->guard_id == watch->guard_id
				    : guard->range.start.v == watch->object.addr.v &&
					      guard->range.size == watch->object.size)
			return guard;
	}
	return NULL;
}

/* The parent is locked. A new program is asked for all names. */
static struct mw_error *copy_watch(const struct birth *birth, const struct mw_watch *watch,
				   struct mw_session *child)
{
	const struct mw_inherited_guard *guard = find_guard(birth, watch);
	struct mw_watch *copy;
	struct mw_error *err;

	if (birth->child.is_new_program ? !watch->symbolic || !watch->enabled : !guard)
		return NULL;
	err = mw_watch_copy(watch, &copy);
	if (err)
		return err;
	if (guard)
		copy->object.addr = guard->range.start;
	if (mw_vec_push(&child->watches, copy))
		return NULL;
	mw_watch_destroy(copy);
	return mw_err_nomem;
}

/* The parent is locked. */
static struct mw_error *inherit(const struct birth *birth, struct mw_session *parent,
				struct mw_session *child)
{
	struct mw_error *err = NULL;

	memcpy(child->name, parent->name, sizeof(child->name));
	mw_vec_foreach (watch, &parent->watches)
		if (!err)
			err = copy_watch(birth, *watch, child);
	child->regions_stale = true;
	if (!err && !birth->child.is_new_program)
		mw_session_use_image(child, parent->image);
	return err;
}

/* The list is locked. The parent can't leave it before the child is born. */
static struct mw_session *find_parent(const struct birth *birth)
{
	struct mw_family *family = birth->family;

	/* An earlier one of that number may be about to leave. */
	for (size_t i = family->children.count; i-- > 0;)
		if (family->children.items[i]->pid == birth->child.parent)
			return family->children.items[i];
	return family->root;
}

/* Once it is in the list, it can be found. */
static struct mw_error *enlist(struct mw_family *family, struct mw_session *child)
{
	struct mw_error *err = NULL;

	pthread_mutex_lock(&family->list_lock);
	if (atomic_load(&family->leaving))
		err = mw_err_gone;
	else if (!mw_vec_push(&family->children, child))
		err = mw_err_nomem;
	pthread_mutex_unlock(&family->list_lock);
	return err;
}

static struct mw_error *create_child(const struct birth *birth, struct mw_session *parent,
				     struct mw_session **ret)
{
	struct mw_session *child;
	struct mw_error *err = mw_session_allocate(&parent->options, &child);

	if (err)
		return err;
	child->family = birth->family;
	child->parent = birth->child.parent;
	child->pid = birth->child.pid;
	child->tracer = birth->child.tracer;
	child->state = MW_TARGET_RUNNING;
	child->analyst = birth->thread;
	mw_session_lock(parent);
	err = inherit(birth, parent, child);
	mw_session_unlock(parent);
	if (!err)
		err = enlist(birth->family, child);
	if (err) {
		mw_session_forget_image(child);
		mw_session_free(child);
		return err;
	}
	*ret = child;
	return NULL;
}

static void refuse(const struct birth *birth, struct mw_session *parent, struct mw_error *err)
{
	mw_session_lock(parent);
	if (!atomic_load(&birth->family->leaving))
		mw_session_notice(parent, "process %d is not followed: %s", (int)birth->child.pid,
				  err->message);
	mw_session_unlock(parent);
	mw_error_destroy(err);
	mw_tracer_destroy(birth->child.tracer);
}

static void end_birth(const struct birth *birth)
{
	struct mw_family *family = birth->family;

	pthread_mutex_lock(&family->list_lock);
	for (size_t i = family->births.count; i-- > 0;)
		if (family->births.items[i] == birth->child.parent) {
			mw_vec_remove(&family->births, i);
			break;
		}
	pthread_cond_broadcast(&family->changed);
	pthread_mutex_unlock(&family->list_lock);
}

static bool has_ended(pid_t pid)
{
	struct mw_proc_status status;
	struct mw_error *err = mw_proc_status_read(pid, &status);
	bool ended = err || status.state == 'Z' || status.state == 'X';

	mw_error_destroy(err);
	return ended;
}

static void arm(struct mw_session *child, struct mw_watch *watch)
{
	struct mw_error *err = mw_watch_arm(child, watch);

	if (!err)
		return;
	mw_session_lock(child);
	watch->ended = strdup(err->message);
	if (!has_ended(child->pid))
		mw_session_notice(child, "watch %u (%s) ended with fork: %s", watch->id,
				  watch->name, err->message);
	mw_session_unlock(child);
	mw_error_destroy(err);
}

static void begin(struct mw_session *child, bool is_new_program)
{
	mw_session_lock(child);
	mw_session_notice(child, "is a child of %d, and followed", (int)child->parent);
	mw_session_unlock(child);
	/* A new program is on its way to its entry, where the watches are resolved. */
	if (is_new_program)
		return;
	mw_vec_foreach (watch, &child->watches)
		arm(child, *watch);
	if (mw_watch_any_is_armed(child))
		mw_error_destroy(mw_tracer_continue(child->tracer));
	else
		mw_family_let_go(child);
}

void mw_family_let_go(struct mw_session *child)
{
	struct mw_error *err;

	if (!atomic_load(&child->family->leaving) && !has_ended(child->pid)) {
		mw_session_lock(child);
		mw_session_notice(child, "is let go: nothing in it is watched");
		mw_session_unlock(child);
	}
	err = mw_tracer_detach(child->tracer);
	child->let_go = true;
	if (!err || mw_error_catch(&err, MW_ERROR_GONE))
		return;
	mw_session_lock(child);
	mw_session_notice(child, "%s", err->message);
	mw_session_unlock(child);
	mw_error_destroy(err);
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

/* The session is locked. What finds no room is only counted. */
static void remember(struct mw_family *family, struct mw_session *child)
{
	struct mw_process_info info;

	describe(child, &info);
	mw_session_add_stats(child, &family->ended_stats);
	family->ended_count++;
	if (family->ended.count < MW_FAMILY_REMEMBERED)
		(void)mw_vec_push(&family->ended, info);
	pthread_mutex_lock(&family->list_lock);
	child->buried = true;
	pthread_mutex_unlock(&family->list_lock);
}

static void strike_out(struct mw_family *family, const struct mw_session *child)
{
	for (size_t i = family->children.count; i-- > 0;)
		if (family->children.items[i] == child)
			mw_vec_remove(&family->children, i);
}

static void bury(struct mw_session *child)
{
	struct mw_family *family = child->family;

	mw_family_await_births(child);
	mw_session_lock(child);
	remember(family, child);
	mw_session_unlock(child);
	mw_session_forget_image(child);
	mw_tracer_destroy(child->tracer);
	/* From the moment when it isn't in the list any more, the family may be gone. */
	pthread_mutex_lock(&family->list_lock);
	strike_out(family, child);
	mw_session_wake(family->root);
	pthread_cond_broadcast(&family->changed);
	pthread_mutex_unlock(&family->list_lock);
	mw_session_free(child);
}

static void *child_main(void *arg)
{
	struct birth *birth = arg;
	struct mw_session *parent, *child = NULL;
	struct mw_error *err;
	bool is_new_program;

	pthread_detach(pthread_self());
	birth->thread = pthread_self();
	pthread_mutex_lock(&birth->family->list_lock);
	parent = find_parent(birth);
	pthread_mutex_unlock(&birth->family->list_lock);
	err = create_child(birth, parent, &child);
	if (err)
		refuse(birth, parent, err);
	is_new_program = birth->child.is_new_program;
	end_birth(birth);
	free(birth);
	if (err)
		return NULL;
	begin(child, is_new_program);
	mw_analyst_serve(child);
	bury(child);
	return NULL;
}

static struct birth *create_birth(struct mw_family *family, const struct mw_child *child)
{
	size_t size = child->guard_count * sizeof(*child->guards);
	struct birth *birth = malloc(sizeof(*birth) + size);

	if (!birth)
		return NULL;
	birth->family = family;
	birth->child = *child;
	if (size)
		memcpy(birth->guards, child->guards, size);
	return birth;
}

bool mw_family_take(void *arg, const struct mw_child *child)
{
	struct mw_family *family = arg;
	struct birth *birth = create_birth(family, child);
	pthread_t thread;
	bool ok;

	if (!birth)
		return false;
	pthread_mutex_lock(&family->list_lock);
	ok = mw_vec_push(&family->births, child->parent);
	if (ok && mw_analyst_create_thread(child_main, birth, &thread)) {
		family->births.count--;
		ok = false;
	}
	pthread_mutex_unlock(&family->list_lock);
	if (!ok)
		free(birth);
	return ok;
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
	count = family->children.count;
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
