// SPDX-License-Identifier: MIT
/* How watches come: several at a time, because each stop of the target has its price. */
#include "base/clock.h"
#include "base/error.h"
#include "watch/core.h"

/* Before the first is announced, and the person's signals are seen. */
#define AT_A_TIME 256

/** Watches that are armed together. */
struct arming {
	struct mw_watch *watches[AT_A_TIME];
	struct mw_guard_request requests[AT_A_TIME];
	/** Why page guards aren't among its back ends, or NULL. */
	const char *whys[AT_A_TIME];
	size_t count;
};

static void plan(struct mw_session *session, struct arming *arming, size_t index)
{
	struct mw_watch *watch = arming->watches[index];
	struct mw_guard_request *request = &arming->requests[index];

	*request = (struct mw_guard_request){
		.range = {watch->object.addr, watch->object.size},
		.may_move = watch->wanted == MW_BACKEND_AUTO,
		.snapshot = watch->value,
		.handle = &watch->guard,
	};
	request->backend_count =
		mw_plan_backends(session, watch, request->backends, &arming->whys[index]);
	watch->has_before = false;
}

/**
 * Who asked for nothing special is told, once, that he won't learn who writes.
 *
 * @param why NULL when it wasn't planned so: it is what was asked for, or its page is hot.
 */
static void tell_polled(struct mw_session *session, const struct mw_watch *watch, const char *why)
{
	if (watch->guard.backend != MW_BACKEND_POLL || !why || session->parent)
		return;
	mw_session_lock(session);
	mw_session_notice(session,
			  "watch %u (%s) is polled, which tells what changes but not who changes "
			  "it: %s",
			  watch->id, watch->name, why);
	mw_session_unlock(session);
}

/** @param ret_count how many are armed. */
static struct mw_error *arm(struct mw_session *session, struct arming *arming, size_t *ret_count)
{
	uint64_t start_ns = mw_clock_now_ns();
	struct mw_error *err;

	for (size_t i = 0; i < arming->count; i++)
		plan(session, arming, i);
	err = mw_tracer_guard(session->tracer, arming->requests, arming->count, ret_count);
	if (*ret_count)
		session->last_arm_ns = (mw_clock_now_ns() - start_ns) / *ret_count;
	return err;
}

/** What there is to say of a watch that is armed. */
static void conclude(struct mw_session *session, struct arming *arming, size_t index)
{
	struct mw_error *refusal = arming->requests[index].refusal;
	const char *why = arming->whys[index];

	if (!why && refusal)
		why = refusal->message;
	tell_polled(session, arming->watches[index], why);
	mw_error_destroy(refusal);
}

struct mw_error *mw_watch_arm(struct mw_session *session, struct mw_watch *watch)
{
	struct arming arming;
	struct mw_error *err;
	size_t armed;

	arming.watches[0] = watch;
	arming.count = 1;
	err = arm(session, &arming, &armed);
	if (armed)
		conclude(session, &arming, 0);
	return err;
}

/* Listed before it is armed: the first hit may be handled before that returns. */
static struct mw_error *create_listed(struct mw_session *session,
				      const struct mw_watch_request *request, unsigned id,
				      struct mw_watch **ret)
{
	struct mw_watch *watch;
	struct mw_error *err = mw_watch_create(session, request->expression, request->name,
					       request->backend, &watch);

	if (err)
		return err;
	if (!mw_vec_push(&session->watches, watch)) {
		mw_watch_destroy(watch);
		return mw_err_nomem;
	}
	watch->id = id;
	watch->enabled = true;
	session->regions_stale = true;
	*ret = watch;
	return NULL;
}

/** As many as can be, up to the first that can't. */
static struct mw_error *create(struct mw_session *session, const struct mw_watch_request *requests,
			       size_t count, struct arming *ret)
{
	struct mw_error *err = NULL;

	ret->count = 0;
	mw_session_lock(session);
	if (!session->symbols)
		err = mw_error_create(MW_ERROR_USAGE, "there is no target to watch");
	while (!err && ret->count < count) {
		err = create_listed(session, &requests[ret->count],
				    session->last_watch_id + 1 + (unsigned)ret->count,
				    &ret->watches[ret->count]);
		ret->count += !err;
	}
	mw_session_unlock(session);
	return err;
}

/** The first @armed are watches now, the others never were. */
static void settle(struct mw_session *session, const struct arming *arming, size_t armed)
{
	mw_session_lock(session);
	session->last_watch_id += (unsigned)armed;
	for (size_t i = armed; i < arming->count; i++) {
		mw_watch_unlist(session, arming->watches[i]);
		mw_watch_destroy(arming->watches[i]);
	}
	mw_session_unlock(session);
}

static void announce(struct mw_session *session, struct mw_watch *watch,
		     void (*armed)(void *arg, const struct mw_watch_info *watch), void *arg)
{
	struct mw_watch_info info;

	if (!armed)
		return;
	mw_session_lock(session);
	mw_watch_describe(session, watch, &info);
	mw_session_unlock(session);
	armed(arg, &info);
}

/** @param count at most AT_A_TIME. */
static struct mw_error *watch_some(struct mw_session *session,
				   const struct mw_watch_request *requests, size_t count,
				   void (*armed)(void *arg, const struct mw_watch_info *watch),
				   void *arg, size_t *ret_count)
{
	struct arming arming;
	struct mw_error *invalid, *err;

	pthread_mutex_lock(&session->arming_lock);
	invalid = create(session, requests, count, &arming);
	err = arm(session, &arming, ret_count);
	settle(session, &arming, *ret_count);
	pthread_mutex_unlock(&session->arming_lock);
	for (size_t i = 0; i < *ret_count; i++) {
		conclude(session, &arming, i);
		announce(session, arming.watches[i], armed, arg);
	}
	/* What failed at its arming comes before what couldn't be created. */
	return mw_error_first(err, invalid);
}

struct mw_error *mw_session_watch(struct mw_session *session,
				  const struct mw_watch_request *requests, size_t count,
				  void (*armed)(void *arg, const struct mw_watch_info *watch),
				  void *arg, size_t *ret_count)
{
	struct mw_error *err = NULL;
	size_t done = 0, some;

	while (!err && done < count) {
		err = watch_some(session, requests + done, mw_min(count - done, (size_t)AT_A_TIME),
				 armed, arg, &some);
		done += some;
	}
	if (ret_count)
		*ret_count = done;
	return err;
}
