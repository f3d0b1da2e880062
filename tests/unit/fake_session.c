// SPDX-License-Identifier: MIT
#include "fake_session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/vec.h"
#include "tracer/feature.h"

struct fake fake;

struct fake_watch {
	char *expression;
	char *name;
	bool enabled;
	bool removed;
};

struct mw_session {
	struct mw_session_options options;
	struct mw_sink sinks[4];
	size_t sink_count;
	_Atomic enum mw_target_state state;
	int event_fd;
	pthread_t emitter;
	bool emitting;
	atomic_bool stop;
	bool launched;
	atomic_uint emitted;
	struct fake_watch watches[512];
	unsigned watch_count;
};

void fake_change_init(struct fake_change *change, uint64_t seq)
{
	*change = (struct fake_change){
		.hit = {.seq = seq,
			.time_ns = mw_clock_now_ns(),
			.pid = 4700,
			.tid = 4711,
			.thread_name = "worker-2",
			.cause = MW_CAUSE_STORE,
			.backend = MW_BACKEND_PAGE,
			.ip = {0x401234},
			.addr = {0x55d0c0de4010},
			.size = 4},
		.old_bytes = 10,
		.new_bytes = 20,
	};
	change->stack[0] = (struct mw_frame){
		.ip = {0x401234},
		.place = {.function = "reload_limits", .file = "/src/server.c", .line = 212},
	};
	change->stack[1] = (struct mw_frame){
		.ip = {0x401300},
		.place = {.function = "main", .file = "/src/server.c", .line = 300},
	};
	change->change = (struct mw_change){
		.hit = &change->hit,
		.seq = seq,
		.watch_id = 1,
		.hits = seq,
		.watch_name = "cfg.limits[3].soft",
		.type_name = "unsigned int",
		.object = {.addr = {0x55d0c0de4010}, .size = 4},
		.addr = {0x55d0c0de4010},
		.size = 4,
		.old_part = (const uint8_t *)&change->old_bytes,
		.new_part = (const uint8_t *)&change->new_bytes,
		.old_value = (const uint8_t *)&change->old_bytes,
		.new_value = (const uint8_t *)&change->new_bytes,
		.members = {{"cfg.limits[3].soft", "", "10", "20"}},
		.member_count = 1,
		.place = {.function = "reload_limits",
			  .function_offset = 0x14,
			  .file = "/src/server.c",
			  .line = 212,
			  .column = 7,
			  .module = "/usr/bin/server",
			  .module_offset = 0x1234},
	};
}

void fake_session_set_changes(struct mw_session *session, unsigned changes)
{
	atomic_store(&session->emitted, changes);
}

struct mw_error *mw_session_create(const struct mw_session_options *options,
				   struct mw_session **ret)
{
	struct mw_session *session = calloc(1, sizeof(*session));

	if (!session)
		return mw_err_nomem;
	session->options = *options;
	session->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*ret = session;
	return NULL;
}

static void set_state(struct mw_session *session, enum mw_target_state state)
{
	atomic_store(&session->state, state);
	eventfd_write(session->event_fd, 1);
}

static void stop_emitter(struct mw_session *session)
{
	if (!session->emitting)
		return;
	atomic_store(&session->stop, true);
	pthread_join(session->emitter, NULL);
	session->emitting = false;
}

void mw_session_destroy(struct mw_session *session)
{
	if (!session)
		return;
	stop_emitter(session);
	for (unsigned i = 0; i < session->watch_count; i++) {
		free(session->watches[i].expression);
		free(session->watches[i].name);
	}
	close(session->event_fd);
	free(session);
	fake.record.destroyed = true;
}

struct mw_error *mw_session_add_sink(struct mw_session *session, const struct mw_sink *sink)
{
	session->sinks[session->sink_count++] = *sink;
	return NULL;
}

static struct mw_error *start_target(struct mw_session *session, enum mw_target_state state)
{
	if (fake.script.start_error)
		return mw_error_create(fake.script.start_code, "%s", fake.script.start_error);
	set_state(session, state);
	return NULL;
}

struct mw_error *mw_session_attach(struct mw_session *session, pid_t pid MW_UNUSED)
{
	return start_target(session, MW_TARGET_RUNNING);
}

struct mw_error *mw_session_launch(struct mw_session *session, char *const argv[] MW_UNUSED)
{
	session->launched = fake.record.launched = true;
	return start_target(session, MW_TARGET_STOPPED);
}

static void emit(struct mw_session *session, uint64_t seq)
{
	struct fake_change change;

	fake_change_init(&change, seq);
	if (session->options.stack_depth) {
		change.change.stack = change.stack;
		change.change.stack_count = 2;
	}
	for (size_t i = 0; i < session->sink_count; i++)
		if (session->sinks[i].change &&
		    !session->sinks[i].change(session->sinks[i].arg, &change.change))
			session->sinks[i].change = NULL;
	atomic_store(&session->emitted, (unsigned)seq);
}

static void *emitter_main(void *arg)
{
	struct mw_session *session = arg;

	if (fake.script.notice)
		for (size_t i = 0; i < session->sink_count; i++)
			session->sinks[i].notice(session->sinks[i].arg, fake.script.notice);
	for (uint64_t seq = 1; seq <= fake.script.events && !atomic_load(&session->stop); seq++) {
		while (atomic_load(&session->state) == MW_TARGET_STOPPED &&
		       !atomic_load(&session->stop))
			usleep(1000);
		emit(session, seq);
		if (fake.script.interval_us)
			usleep(fake.script.interval_us);
	}
	if (fake.script.ends && !atomic_load(&session->stop))
		set_state(session, MW_TARGET_EXITED);
	return NULL;
}

static void start_emitter(struct mw_session *session)
{
	if (session->emitting || !session->watch_count ||
	    atomic_load(&session->state) != MW_TARGET_RUNNING)
		return;
	session->emitting = pthread_create(&session->emitter, NULL, emitter_main, session) == 0;
}

static bool is_over(struct mw_session *session)
{
	enum mw_target_state state = atomic_load(&session->state);

	return state == MW_TARGET_EXITED || state == MW_TARGET_DETACHED;
}

struct mw_error *mw_session_continue(struct mw_session *session)
{
	fake.record.continues++;
	if (atomic_load(&session->state) != MW_TARGET_STOPPED)
		return mw_error_create(MW_ERROR_OTHER, "the target isn't stopped");
	set_state(session, MW_TARGET_RUNNING);
	if (fake.script.ends && !session->watch_count)
		set_state(session, MW_TARGET_EXITED);
	start_emitter(session);
	return NULL;
}

struct mw_error *mw_session_interrupt(struct mw_session *session)
{
	fake.record.interrupts++;
	set_state(session, MW_TARGET_STOPPED);
	return NULL;
}

struct mw_error *mw_session_kill(struct mw_session *session)
{
	fake.record.killed = true;
	fake.script.wait_status = 9;
	stop_emitter(session);
	set_state(session, MW_TARGET_EXITED);
	return NULL;
}

struct mw_error *mw_session_detach(struct mw_session *session)
{
	if (is_over(session) && fake.script.followed) {
		fake.record.detached = true;
		return NULL;
	}
	if (is_over(session))
		return mw_error_create(MW_ERROR_OTHER, "there is no target to detach from");
	fake.record.detached = true;
	stop_emitter(session);
	set_state(session, MW_TARGET_DETACHED);
	return NULL;
}

void mw_session_target(struct mw_session *session, struct mw_target_info *ret)
{
	*ret = (struct mw_target_info){
		.state = atomic_load(&session->state),
		.pid = 4700,
		.name = "server",
		.launched = session->launched,
		.wait_status = fake.script.wait_status,
		.threads = 3,
	};
}

int mw_session_event_fd(const struct mw_session *session)
{
	return session->event_fd;
}

void mw_session_event_clear(struct mw_session *session)
{
	eventfd_t ignored;

	eventfd_read(session->event_fd, &ignored);
}

static void fill_watch(const struct mw_session *session, unsigned id, struct mw_watch_info *ret)
{
	const struct fake_watch *watch = &session->watches[id - 1];

	*ret = (struct mw_watch_info){
		.id = id,
		.name = watch->name,
		.expression = watch->expression,
		.type_name = "unsigned int",
		.object = {.addr = {0x55d0c0de4010}, .size = 4},
		.enabled = watch->enabled,
		.backend = MW_BACKEND_PAGE,
		.backend_note = "",
		.pages = 1,
		.changes = atomic_load(&session->emitted),
		.silent = 2,
		.foreign = 3,
	};
}

static struct mw_error *add_watch(struct mw_session *session,
				  const struct mw_watch_request *request)
{
	struct fake_watch *watch = &session->watches[session->watch_count];

	if (is_over(session))
		return mw_error_create(MW_ERROR_OTHER, "there is no target any more");
	if (fake.script.bad_expression &&
	    strcmp(fake.script.bad_expression, request->expression) == 0)
		return mw_error_create(MW_ERROR_NOT_FOUND, "no symbol '%s'", request->expression);
	*watch = (struct fake_watch){
		.expression = strdup(request->expression),
		.name = strdup(request->name ? request->name : request->expression),
		.enabled = true,
	};
	fake.record.watches = ++session->watch_count;
	start_emitter(session);
	return NULL;
}

struct mw_error *mw_session_watch(struct mw_session *session,
				  const struct mw_watch_request *requests, size_t count,
				  void (*armed)(void *arg, const struct mw_watch_info *watch),
				  void *arg, size_t *ret_count)
{
	struct mw_watch_info info;
	size_t done = 0;
	struct mw_error *err = NULL;

	while (done < count && !err) {
		err = add_watch(session, &requests[done]);
		if (!err && armed) {
			fill_watch(session, session->watch_count, &info);
			armed(arg, &info);
		}
		done += !err;
	}
	if (ret_count)
		*ret_count = done;
	return err;
}

static bool has_watch(const struct mw_session *session, unsigned id)
{
	return id >= 1 && id <= session->watch_count && !session->watches[id - 1].removed;
}

struct mw_error *mw_session_unwatch(struct mw_session *session, unsigned id)
{
	if (!has_watch(session, id))
		return mw_err_not_found;
	session->watches[id - 1].removed = true;
	return NULL;
}

struct mw_error *mw_session_enable(struct mw_session *session, unsigned id, bool enabled)
{
	if (!has_watch(session, id))
		return mw_err_not_found;
	session->watches[id - 1].enabled = enabled;
	return NULL;
}

void mw_session_watches(struct mw_session *session,
			void (*visit)(void *arg, const struct mw_watch_info *watch), void *arg)
{
	for (unsigned id = 1; id <= session->watch_count; id++) {
		struct mw_watch_info watch;

		if (!has_watch(session, id))
			continue;
		fill_watch(session, id, &watch);
		visit(arg, &watch);
	}
}

struct mw_error *mw_session_describe(struct mw_session *session, unsigned id,
				     void (*visit)(void *arg, const struct mw_watch_info *watch),
				     void *arg)
{
	struct mw_watch_info watch;

	if (!has_watch(session, id))
		return mw_err_not_found;
	fill_watch(session, id, &watch);
	visit(arg, &watch);
	return NULL;
}

struct mw_error *mw_session_writers(struct mw_session *session, unsigned id,
				    void (*visit)(void *arg, const struct mw_writer *writer),
				    void *arg)
{
	struct fake_change change;
	struct mw_writer writer;

	if (!has_watch(session, id))
		return mw_err_not_found;
	fake_change_init(&change, 1);
	writer = (struct mw_writer){
		.place = change.change.place,
		.ip = change.hit.ip,
		.changes = atomic_load(&session->emitted),
		.silent = 2,
		.tids = {4711, 4712},
		.tid_count = 2,
		.last_path = "cfg.limits[3].soft",
		.last_old = "10",
		.last_new = "20",
	};
	visit(arg, &writer);
	return NULL;
}

size_t mw_session_followed(struct mw_session *session MW_UNUSED)
{
	return fake.script.followed;
}

struct mw_error *mw_session_processes(struct mw_session *session MW_UNUSED,
				      struct mw_process_list *ret)
{
	static const struct mw_process_info processes[] = {
		{4701, 4700, "worker", MW_TARGET_EXITED, 7 << 8, 3, 1},
		{4702, 4700, "worker", MW_TARGET_EXITED, SIGKILL, 0, 0},
		{4703, 4702, "true", MW_TARGET_DETACHED, 0, 2, 0},
		{4704, 4700, "worker", MW_TARGET_RUNNING, 0, 1200, 5},
	};

	if (!fake.script.followed)
		return NULL;
	for (size_t i = 0; i < mw_array_size(processes); i++)
		if (!mw_vec_push(ret, processes[i]))
			return mw_err_nomem;
	ret->forgotten = 1000;
	return NULL;
}

void mw_session_stats(struct mw_session *session, struct mw_stats *ret)
{
	*ret = (struct mw_stats){
		.hits_seen = atomic_load(&session->emitted),
		.changes = atomic_load(&session->emitted),
		.replayed = atomic_load(&session->emitted),
		.faults = atomic_load(&session->emitted),
		.last_arm_ns = 1500000,
	};
}

void mw_session_sync(struct mw_session *session MW_UNUSED)
{
}

struct mw_error *mw_session_print(struct mw_session *session MW_UNUSED, const char *expression,
				  FILE *out)
{
	if (fake.script.bad_expression && strcmp(fake.script.bad_expression, expression) == 0)
		return mw_error_create(MW_ERROR_NOT_FOUND, "no symbol '%s'", expression);
	fprintf(out, "42\n");
	return NULL;
}

struct mw_error *mw_session_examine(struct mw_session *session MW_UNUSED, const char *expression,
				    unsigned count, char format, unsigned unit, FILE *out)
{
	fprintf(out, "%s: %u %c %u\n", expression, count, format, unit);
	return NULL;
}

struct mw_error *mw_session_threads(struct mw_session *session MW_UNUSED,
				    void (*visit)(void *arg, const struct mw_thread_info *thread),
				    void *arg)
{
	const struct mw_thread_info thread = {.tid = 4711, .name = "worker-2", .state = "running"};

	visit(arg, &thread);
	return NULL;
}

struct mw_error *mw_session_backtrace(struct mw_session *session, pid_t tid MW_UNUSED,
				      struct mw_frame *ret, size_t max, size_t *ret_count)
{
	struct fake_change change;

	if (atomic_load(&session->state) != MW_TARGET_STOPPED)
		return mw_error_create(MW_ERROR_OTHER, "the target is running; interrupt it first");
	fake_change_init(&change, 1);
	*ret_count = mw_min(max, (size_t)2);
	memcpy(ret, change.stack, *ret_count * sizeof(*ret));
	return NULL;
}

void mw_session_modules(struct mw_session *session MW_UNUSED,
			void (*visit)(void *arg, const struct mw_module_info *module), void *arg)
{
	const struct mw_module_info module = {
		.path = "/usr/bin/server",
		.range = {{0x400000}, 0x10000},
		.has_dwarf = true,
		.has_symtab = true,
	};

	visit(arg, &module);
}

void mw_session_complete(struct mw_session *session MW_UNUSED, const char *expression,
			 void (*visit)(void *arg, const char *word), void *arg)
{
	static const char *const words[] = {"counter", "counters", "cfg", "limits"};
	size_t length = strlen(expression);
	size_t start = length;

	while (start && expression[start - 1] != '.' && expression[start - 1] != ' ')
		start--;
	for (size_t i = 0; i < mw_array_size(words); i++)
		if (strncmp(words[i], expression + start, length - start) == 0)
			visit(arg, words[i]);
}

static void probe_yes(struct mw_feature_result *ret)
{
	ret->state = MW_FEATURE_YES;
}

static void probe_limited(struct mw_feature_result *ret)
{
	*ret = (struct mw_feature_result){MW_FEATURE_LIMITED, "user stores only"};
}

static void probe_no(struct mw_feature_result *ret)
{
	*ret = (struct mw_feature_result){MW_FEATURE_NO, "needs privileges"};
}

const struct mw_feature *mw_features(size_t *ret_count)
{
	static const struct mw_feature table[] = {
		{"ptrace-seize", "attaching", probe_yes},
		{"perf-breakpoint", "hardware watches", probe_limited},
		{"userfaultfd-wp", "uffd back end", probe_no},
	};

	*ret_count = mw_array_size(table);
	return table;
}
