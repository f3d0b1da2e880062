// SPDX-License-Identifier: MIT
/* The life of a followed child: its birth, what it inherits, its end. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/procfs.h"
#include "watch/core.h"

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

		if (watch->guard.id ? guard->guard_id == watch->guard.id
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
		err = mw_family_enlist(child);
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

static void bury(struct mw_session *child)
{
	mw_family_await_births(child);
	mw_family_remember(child);
	mw_session_forget_image(child);
	mw_tracer_destroy(child->tracer);
	/* From here on the family may be gone. */
	mw_family_strike_out(child);
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
	parent = mw_family_find(birth->family, birth->child.parent);
	err = create_child(birth, parent, &child);
	if (err)
		refuse(birth, parent, err);
	is_new_program = birth->child.is_new_program;
	mw_family_end_birth(birth->family, birth->child.parent);
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
