// SPDX-License-Identifier: MIT
#include "watch/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void mw_watch_destroy(struct mw_watch *watch)
{
	if (!watch)
		return;
	mw_ledger_destroy(watch->ledger);
	if (watch->name != watch->expression)
		free(watch->name);
	free(watch->expression);
	free(watch->ended);
	mw_snapshot_destroy(watch);
	free(watch);
}

static struct mw_error *set_names(struct mw_watch *watch, const char *expression, const char *name)
{
	watch->expression = strdup(expression);
	watch->name = strcmp(name, expression) ? strdup(name) : watch->expression;
	return watch->name && watch->expression ? NULL : mw_err_nomem;
}

struct mw_error *mw_watch_create(struct mw_session *session, const char *expression,
				 const char *name, enum mw_backend backend, struct mw_watch **ret)
{
	struct mw_watch *watch = calloc(1, sizeof(*watch));
	struct mw_error *err;

	if (!watch)
		return mw_err_nomem;
	watch->wanted = (uint8_t)(backend ? backend : session->options.backend);
	atomic_store(&watch->guard.armed_after, UINT64_MAX);
	err = set_names(watch, expression, name ? name : expression);
	if (!err)
		err = mw_symbols_eval(session->symbols, expression, &watch->object);
	if (!err)
		err = mw_snapshot_create(watch);
	if (err) {
		mw_watch_destroy(watch);
		return err;
	}
	watch->symbolic = watch->object.type;
	*ret = watch;
	return NULL;
}

struct mw_error *mw_watch_copy(const struct mw_watch *watch, struct mw_watch **ret)
{
	struct mw_watch *copy = calloc(1, sizeof(*copy));
	struct mw_error *err;

	if (!copy)
		return mw_err_nomem;
	copy->id = watch->id;
	copy->object = watch->object;
	copy->symbolic = watch->symbolic;
	copy->wanted = watch->wanted;
	copy->enabled = watch->enabled;
	atomic_store(&copy->guard.armed_after, UINT64_MAX);
	err = set_names(copy, watch->expression, watch->name);
	if (!err)
		err = mw_snapshot_create(copy);
	if (err) {
		mw_watch_destroy(copy);
		return err;
	}
	*ret = copy;
	return NULL;
}

/* The list is in the order of the numbers. */
struct mw_watch *mw_watch_find(struct mw_session *session, unsigned id)
{
	size_t low = 0, high = session->watches.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (session->watches.items[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < session->watches.count && session->watches.items[low]->id == id)
		return session->watches.items[low];
	return NULL;
}

static struct mw_error *resolve_one(struct mw_session *session, struct mw_watch *watch)
{
	struct mw_error *err;

	/* It was on its way when the old image went: what it guards now is anything. */
	if (watch->guard.id)
		mw_error_destroy(mw_tracer_unguard(session->tracer, watch->guard.id));
	watch->guard.id = 0;
	/* An address means nothing in a new image. */
	if (!watch->symbolic)
		return mw_error_create(MW_ERROR_OTHER, "it is an address, not a name");
	mw_session_lock(session);
	err = mw_symbols_eval(session->symbols, watch->expression, &watch->object);
	if (!err)
		err = mw_snapshot_create(watch);
	session->regions_stale = true;
	mw_session_unlock(session);
	return err || !watch->enabled ? err : mw_watch_arm(session, watch);
}

/* A disabled one that isn't there any more must not be enabled either. */
static void note_resolution(struct mw_session *session, struct mw_watch *watch,
			    const struct mw_error *err)
{
	free(watch->ended);
	watch->ended = err ? strdup(err->message) : NULL;
	if (err)
		mw_session_notice(session, "watch %u (%s) ended with exec: %s", watch->id,
				  watch->name, err->message);
	else if (watch->enabled)
		mw_session_notice(session, "watch %u (%s) goes on in the new program", watch->id,
				  watch->name);
}

void mw_watch_resolve_again(struct mw_session *session)
{
	pthread_mutex_lock(&session->arming_lock);
	mw_vec_foreach (item, &session->watches) {
		struct mw_watch *watch = *item;
		struct mw_error *err = resolve_one(session, watch);

		mw_session_lock(session);
		note_resolution(session, watch, err);
		mw_session_unlock(session);
		mw_error_destroy(err);
	}
	pthread_mutex_unlock(&session->arming_lock);
}

static struct mw_error *no_such_watch(unsigned id)
{
	return mw_error_create(MW_ERROR_NOT_FOUND,
			       "there is no watch %u: `info watches` lists them", id);
}

void mw_watch_describe(struct mw_session *session, const struct mw_watch *watch,
		       struct mw_watch_info *ret)
{
	*ret = (struct mw_watch_info){
		.id = watch->id,
		.name = watch->name,
		.expression = watch->expression,
		.type_name = mw_type_name(session->symbols, watch->object.type),
		.object = watch->object,
		.enabled = watch->enabled,
		.ended = watch->ended,
		.backend = watch->guard.backend,
		.backend_note = "",
		.changes = watch->changes,
		.silent = watch->silent,
	};
}

void mw_watch_unlist(struct mw_session *session, struct mw_watch *watch)
{
	session->regions_stale = true;
	mw_vec_foreach (item, &session->watches)
		if (*item == watch) {
			mw_vec_remove(&session->watches, (size_t)(item - session->watches.items));
			break;
		}
}

/* After this no hit for the watch is under way. */
static struct mw_error *disarm(struct mw_session *session, struct mw_watch *watch)
{
	struct mw_error *err = NULL;

	if (watch->guard.id)
		err = mw_tracer_unguard(session->tracer, watch->guard.id);
	watch->guard.id = 0;
	mw_error_catch(&err, MW_ERROR_NOT_FOUND);
	if (!err)
		mw_analyst_catch_up(session);
	return err;
}

static struct mw_watch *find_locked(struct mw_session *session, unsigned id)
{
	struct mw_watch *watch;

	mw_session_lock(session);
	watch = mw_watch_find(session, id);
	mw_session_unlock(session);
	return watch;
}

struct mw_error *mw_session_unwatch(struct mw_session *session, unsigned id)
{
	struct mw_watch *watch = find_locked(session, id);
	struct mw_error *err;

	if (!watch)
		return no_such_watch(id);
	err = disarm(session, watch);
	if (err)
		return err;
	mw_session_lock(session);
	mw_watch_unlist(session, watch);
	mw_watch_destroy(watch);
	mw_session_unlock(session);
	return NULL;
}

struct mw_error *mw_session_enable(struct mw_session *session, unsigned id, bool enabled)
{
	struct mw_watch *watch = find_locked(session, id);
	struct mw_error *err;

	if (!watch)
		return no_such_watch(id);
	if (watch->enabled == enabled)
		return NULL;
	if (watch->ended)
		return mw_error_create(MW_ERROR_USAGE, "watch %u has ended (%s): watch it anew", id,
				       watch->ended);
	err = enabled ? mw_watch_arm(session, watch) : disarm(session, watch);
	if (!err)
		watch->enabled = enabled;
	return err;
}

static void visit_watch(struct mw_session *session, const struct mw_watch *watch,
			const struct mw_guard_info *guard,
			void (*visit)(void *arg, const struct mw_watch_info *watch), void *arg)
{
	struct mw_watch_info info;

	mw_session_lock(session);
	mw_watch_describe(session, watch, &info);
	info.pages = guard->pages;
	info.foreign = guard->foreign;
	info.backend_note = guard->note;
	visit(arg, &info);
	mw_session_unlock(session);
}

/* A question to the tracer takes so long that a hundred thousand of them would be felt. */
#define AT_A_TIME 64

/** Visits at most AT_A_TIME watches. */
static void visit_some(struct mw_session *session, struct mw_watch *const watches[], size_t count,
		       void (*visit)(void *arg, const struct mw_watch_info *watch), void *arg)
{
	struct mw_guard_info guards[AT_A_TIME];
	uint32_t guard_ids[AT_A_TIME];

	for (size_t i = 0; i < count; i++) {
		guards[i] = (struct mw_guard_info){
			.pages = watches[i]->pages,
			.foreign = watches[i]->foreign,
		};
		guard_ids[i] = watches[i]->guard.id;
	}
	mw_error_destroy(mw_tracer_guard_infos(session->tracer, guard_ids, count, guards));
	for (size_t i = 0; i < count; i++)
		visit_watch(session, watches[i], &guards[i], visit, arg);
}

void mw_session_watches(struct mw_session *session,
			void (*visit)(void *arg, const struct mw_watch_info *watch), void *arg)
{
	size_t count = session->watches.count;

	for (size_t i = 0; i < count; i += AT_A_TIME)
		visit_some(session, session->watches.items + i,
			   mw_min(count - i, (size_t)AT_A_TIME), visit, arg);
}

struct mw_error *mw_session_describe(struct mw_session *session, unsigned id,
				     void (*visit)(void *arg, const struct mw_watch_info *watch),
				     void *arg)
{
	struct mw_watch *watch = find_locked(session, id);

	if (!watch)
		return no_such_watch(id);
	visit_some(session, &watch, 1, visit, arg);
	return NULL;
}

static void visit_row(const struct mw_ledger_row *row,
		      void (*visit)(void *arg, const struct mw_writer *writer), void *arg)
{
	struct mw_writer writer = {
		.place = {.function = row->function,
			  .file = row->file,
			  .line = row->line,
			  .module = row->module,
			  .module_offset = row->module_offset},
		.ip = row->ip,
		.syscall_name = row->syscall_name,
		.changes = row->changes,
		.silent = row->silent,
		.first_ns = row->first_ns,
		.last_ns = row->last_ns,
		.tid_count = row->tids.count,
		.last_path = row->last_path,
		.last_old = row->last_old,
		.last_new = row->last_new,
	};

	if (row->tids.count)
		memcpy(writer.tids, row->tids.items,
		       mw_min(row->tids.count, mw_array_size(writer.tids)) * sizeof(pid_t));
	visit(arg, &writer);
}

struct mw_error *mw_session_writers(struct mw_session *session, unsigned id,
				    void (*visit)(void *arg, const struct mw_writer *writer),
				    void *arg)
{
	struct mw_watch *watch;

	mw_session_lock(session);
	watch = mw_watch_find(session, id);
	if (watch && watch->ledger) {
		mw_ledger_sort(watch->ledger);
		mw_vec_foreach (row, &watch->ledger->rows)
			visit_row(*row, visit, arg);
	}
	mw_session_unlock(session);
	return watch ? NULL : no_such_watch(id);
}

bool mw_watch_any_is_armed(const struct mw_session *session)
{
	mw_vec_foreach (watch, &session->watches)
		if ((*watch)->guard.id)
			return true;
	return false;
}
