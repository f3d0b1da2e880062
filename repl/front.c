// SPDX-License-Identifier: MIT
#include "repl/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "repl/exit_code.h"
#include "repl/signals.h"

static struct mw_error *open_outputs(struct mw_front *front)
{
	const struct mw_options *options = front->options;
	bool json_on_stdout = options->json && !options->json_path;
	struct mw_error *err = NULL;

	front->out = json_on_stdout ? stderr : stdout;
	front->style = mw_style_choose(options->color, fileno(front->out));
	mw_line_output_use(stdout, "standard output",
			   json_on_stdout ? &front->json_output : &front->text_output);
	if (options->json_path)
		err = mw_line_output_open(options->json_path, &front->json_output);
	if (!err && options->json)
		err = mw_json_sink_create(&front->json_output, options->max_events, &front->json);
	return err;
}

static void configure_reporter(struct mw_front *front, bool interactive)
{
	struct mw_reporter *reporter = &front->reporter;
	const struct mw_options *options = front->options;

	reporter->output = interactive ? NULL : &front->text_output;
	reporter->deferred = interactive;
	reporter->mute_changes = options->json && !options->json_path;
	reporter->mute_notices = options->quiet;
	reporter->style = front->style;
	reporter->max_events = options->max_events;
	if (front->text_output.eager)
		reporter->limiter.rate = MW_LIMITER_RATE;
}

static struct mw_error *create_session(struct mw_front *front)
{
	const struct mw_options *options = front->options;
	const struct mw_session_options session_options = {
		.backend = options->backend,
		.overflow = options->overflow,
		.ring_entries = options->ring_entries,
		.stack_depth = options->stack_depth,
		.report_silent = options->report_silent,
		.own_process_group = front->interactive,
		.ignore_syscalls = options->ignore_syscalls,
		.follow_forks = options->follow_forks,
		.poll_window_ns = options->poll_window_ns,
		.hot_rate = options->hot_rate,
		.cool_down_ns = options->cool_down_ns,
		.log = mw_reporter_log(&front->reporter),
	};
	struct mw_sink reporter = mw_reporter_callbacks(&front->reporter);
	struct mw_error *err = mw_session_create(&session_options, &front->session);

	if (!err)
		err = mw_session_add_sink(front->session, &reporter);
	if (!err && front->json) {
		struct mw_sink json = mw_json_sink_callbacks(front->json);

		err = mw_session_add_sink(front->session, &json);
	}
	return err;
}

struct mw_error *mw_front_init(struct mw_front *front, const struct mw_options *options,
			       bool interactive)
{
	struct mw_error *err;

	*front = (struct mw_front){
		.options = options, .signal_fd = -1, .confirm = true, .interactive = interactive};
	err = mw_reporter_init(&front->reporter);
	if (!err)
		err = open_outputs(front);
	if (err)
		return err;
	configure_reporter(front, interactive);
	err = mw_signals_catch(&front->signal_fd);
	if (!err)
		err = create_session(front);
	if (err)
		return err;
	if (options->duration_ns)
		front->deadline_ns = front->reporter.start_ns + options->duration_ns;
	err = options->verb == MW_VERB_ATTACH ? mw_session_attach(front->session, options->pid)
					      : mw_session_launch(front->session, options->command);
	if (!err)
		mw_session_target(front->session, &front->target);
	return err;
}

static void say_watch(void *arg, const struct mw_watch_info *watch)
{
	struct mw_front *front = arg;

	mw_reporter_say(&front->reporter,
			"watch %u: %s (%s at 0x%" PRIx64 ", %" PRIu64 " byte%s, %s)", watch->id,
			watch->name, watch->type_name, watch->object.addr.v, watch->object.size,
			watch->object.size == 1 ? "" : "s", mw_backend_name(watch->backend));
}

struct mw_error *mw_front_watch(struct mw_front *front, const struct mw_watch_request *requests,
				size_t count, size_t *ret_count)
{
	return mw_session_watch(front->session, requests, count, say_watch, front, ret_count);
}

struct mw_error *mw_front_arm(struct mw_front *front)
{
	const struct mw_watch_request *requests = front->options->watches.items;
	size_t armed;
	struct mw_error *err = mw_session_watch(front->session, requests,
						front->options->watches.count, NULL, NULL, &armed);

	if (err)
		return mw_error_prefix(err, "-w %s", requests[armed].expression);
	mw_session_watches(front->session, say_watch, front);
	return NULL;
}

/** Without its parent, as well. */
static void announce_children(struct mw_front *front)
{
	size_t followed = mw_session_followed(front->session);

	if (followed)
		mw_reporter_say(&front->reporter, "%zu followed process%s still watched", followed,
				followed == 1 ? " is" : "es are");
}

static void announce_exit(struct mw_front *front, const struct mw_target_info *target)
{
	int status = target->wait_status;

	if (WIFSIGNALED(status))
		mw_reporter_say(&front->reporter, "target %d (%s) was killed by signal %d (%s)",
				(int)target->pid, target->name, WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	else
		mw_reporter_say(&front->reporter, "target %d (%s) exited with code %d",
				(int)target->pid, target->name, WEXITSTATUS(status));
	announce_children(front);
}

/** Asking the session without need would wait for a report that is stuck on its way out. */
static bool has_news(const struct mw_front *front)
{
	struct pollfd fd = {.fd = mw_session_event_fd(front->session), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

static void announce(struct mw_front *front)
{
	enum mw_target_state before = front->target.state;
	struct mw_target_info *target = &front->target;

	if (!has_news(front))
		return;
	mw_session_event_clear(front->session);
	mw_session_target(front->session, target);
	if (target->state == before)
		return;
	switch (target->state) {
	case MW_TARGET_STOPPED:
		mw_reporter_say(&front->reporter, "target %d (%s) is stopped; continue lets it go",
				(int)target->pid, target->name);
		break;
	case MW_TARGET_EXITED:
		announce_exit(front, target);
		break;
	case MW_TARGET_DETACHED:
		mw_reporter_say(&front->reporter, "detached from %d (%s); it goes on running",
				(int)target->pid, target->name);
		break;
	case MW_TARGET_NONE:
	case MW_TARGET_RUNNING:
		break;
	}
}

static void flush_output(struct mw_front *front, struct mw_line_output *output)
{
	struct mw_error *err;

	if (!output->file || mw_line_output_flush(output) || front->output_failed)
		return;
	front->output_failed = true;
	err = mw_line_output_error(output);
	mw_reporter_complain(&front->reporter, "%s; the watch ends", err->message);
	mw_error_destroy(err);
}

void mw_front_fail(struct mw_front *front, struct mw_error *err)
{
	front->failure = mw_exit_of_error(err);
	mw_reporter_complain(&front->reporter, "%s", err->message);
	mw_error_destroy(err);
}

void mw_front_flush(struct mw_front *front)
{
	flush_output(front, &front->json_output);
	flush_output(front, &front->text_output);
}

void mw_front_interrupt(struct mw_front *front)
{
	struct mw_error *err;

	if (front->target.state != MW_TARGET_RUNNING)
		return;
	err = mw_session_interrupt(front->session);
	if (err)
		mw_reporter_complain(&front->reporter, "%s", err->message);
	mw_error_destroy(err);
}

/** @return true for a resized window. */
static bool take_signals(struct mw_front *front)
{
	bool resized = false;

	for (;;) {
		int signal = mw_signals_next(front->signal_fd);

		if (!signal)
			return resized;
		if (signal == SIGWINCH)
			resized = true;
		else if (signal == SIGINT && front->interactive)
			mw_front_interrupt(front);
		else if (!front->signal)
			front->signal = signal;
	}
}

/** @return milliseconds that poll() may wait: @milliseconds, or less with --duration. */
static int limit_to_deadline(struct mw_front *front, int milliseconds)
{
	uint64_t now_ns = mw_clock_now_ns();
	uint64_t left_ms;

	if (!front->deadline_ns || front->timed_out)
		return milliseconds;
	if (now_ns >= front->deadline_ns) {
		front->timed_out = true;
		return 0;
	}
	left_ms = (front->deadline_ns - now_ns) / 1000000 + 1;
	if (milliseconds < 0 || left_ms < (uint64_t)milliseconds)
		return (int)mw_min(left_ms, (uint64_t)INT32_MAX);
	return milliseconds;
}

unsigned mw_front_wait(struct mw_front *front, int input_fd)
{
	struct pollfd fds[] = {
		{.fd = front->signal_fd, .events = POLLIN},
		{.fd = mw_session_event_fd(front->session), .events = POLLIN},
		{.fd = front->reporter.wake_fd, .events = POLLIN},
		{.fd = input_fd, .events = POLLIN},
	};
	int timeout_ms = mw_reporter_tick(&front->reporter);
	unsigned wake = 0;

	mw_front_flush(front);
	timeout_ms = limit_to_deadline(front, timeout_ms);
	if (mw_front_ended(front))
		return 0;
	if (poll(fds, mw_array_size(fds), timeout_ms) < 0 && errno != EINTR)
		mw_front_fail(front, mw_error_os(errno, "cannot wait"));
	if (take_signals(front))
		wake |= MW_FRONT_RESIZED;
	announce(front);
	if (fds[3].revents)
		wake |= MW_FRONT_INPUT;
	return wake;
}

void mw_front_poll(struct mw_front *front)
{
	take_signals(front);
	limit_to_deadline(front, 0);
	announce(front);
}

bool mw_front_ended(const struct mw_front *front)
{
	return front->quit || front->signal || front->timed_out || front->output_failed ||
	       atomic_load(&front->reporter.reached_max);
}

void mw_front_let_go(struct mw_front *front)
{
	struct mw_error *err = NULL;
	enum mw_target_state state;

	announce(front);
	state = front->target.state;
	if (state == MW_TARGET_RUNNING || state == MW_TARGET_STOPPED ||
	    mw_session_followed(front->session))
		err = mw_session_detach(front->session);
	/* The target is safe. Where a reader is stuck, a second signal may end memwatch. */
	mw_signals_release(front->signal_fd);
	front->signal_fd = -1;
	if (state == MW_TARGET_EXITED)
		mw_session_sync(front->session);
	if (err && !mw_error_catch(&err, MW_ERROR_GONE))
		mw_front_fail(front, err);
	announce(front);
	mw_reporter_finish(&front->reporter);
	mw_front_flush(front);
}

/** What the shell would say of a command that ended with @status. */
static int shell_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int exit_code(const struct mw_front *front)
{
	if (front->failure)
		return front->failure;
	if (front->output_failed)
		return MW_EXIT_FAILED;
	if (front->signal)
		return 128 + front->signal;
	if (front->options->exit_code && front->target.state == MW_TARGET_EXITED)
		return shell_code(front->target.wait_status);
	return MW_EXIT_OK;
}

static void close_output(struct mw_front *front, struct mw_line_output *output)
{
	struct mw_error *err = mw_line_output_close(output);

	if (err && !front->output_failed) {
		front->output_failed = true;
		mw_reporter_complain(&front->reporter, "%s", err->message);
	}
	mw_error_destroy(err);
}

int mw_front_close(struct mw_front *front)
{
	if (front->session)
		mw_session_destroy(front->session);
	mw_json_sink_destroy(front->json);
	close_output(front, &front->json_output);
	close_output(front, &front->text_output);
	mw_signals_release(front->signal_fd);
	mw_reporter_deinit(&front->reporter);
	return exit_code(front);
}
