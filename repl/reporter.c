// SPDX-License-Identifier: MIT
#include "repl/reporter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "repl/render.h"
#include "repl/row.h"

struct mw_error *mw_reporter_init(struct mw_reporter *reporter)
{
	*reporter = (struct mw_reporter){.lock = PTHREAD_MUTEX_INITIALIZER};
	reporter->start_ns = mw_clock_now_ns();
	mw_line_output_use(stderr, "standard error", &reporter->messages);
	reporter->messages.eager = true;
	reporter->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reporter->wake_fd < 0)
		return mw_error_os(errno, "cannot make an eventfd");
	return NULL;
}

void mw_reporter_deinit(struct mw_reporter *reporter)
{
	/* Whether messages were read is nobody's to tell. */
	mw_error_destroy(mw_line_output_close(&reporter->messages));
	mw_vec_deinit(&reporter->pending);
	mw_memory_text_deinit(&reporter->change_text);
	if (reporter->wake_fd >= 0)
		close(reporter->wake_fd);
	reporter->wake_fd = -1;
}

static void wake_front(struct mw_reporter *reporter)
{
	eventfd_write(reporter->wake_fd, 1);
}

/** Queues text for the front; the lock is held. */
static void defer(struct mw_reporter *reporter, const char *text, size_t size)
{
	bool was_empty = reporter->pending.count == 0;

	if (!mw_vec_reserve(&reporter->pending, reporter->pending.count + size + 1))
		return;
	memcpy(reporter->pending.items + reporter->pending.count, text, size);
	reporter->pending.count += size;
	reporter->pending.items[reporter->pending.count] = '\0';
	if (was_empty)
		wake_front(reporter);
}

/** Text of changes; the lock is held. @return false when the output has failed. */
static bool put_data(struct mw_reporter *reporter, const char *text, size_t size)
{
	if (reporter->output)
		return mw_line_output_put(reporter->output, text, size);
	defer(reporter, text, size);
	return true;
}

static bool put_change(struct mw_reporter *reporter, const struct mw_change *change)
{
	FILE *memory = mw_memory_text_start(&reporter->change_text);
	const char *text;
	size_t length;

	if (!memory)
		return true;
	mw_render_change(change, reporter->start_ns, &reporter->style, memory);
	text = mw_memory_text_end(&reporter->change_text, &length);
	return !text || put_data(reporter, text, length);
}

static void put_held(struct mw_reporter *reporter, uint64_t held)
{
	char line[256], count[MW_COUNT_SIZE];

	snprintf(line, sizeof(line), "%s… %s more change%s (info watches, writers)%s\n",
		 mw_style_start(&reporter->style, MW_HUE_DIM), mw_count_text(held, count),
		 held == 1 ? "" : "s", mw_style_end(&reporter->style, MW_HUE_DIM));
	put_data(reporter, line, strlen(line));
}

/** True for the first @max_events changes; tells the front when the last one is in. */
static bool within_max(struct mw_reporter *reporter, const struct mw_change *change)
{
	if (!reporter->max_events || change->seq < reporter->max_events)
		return true;
	atomic_store(&reporter->reached_max, true);
	wake_front(reporter);
	return change->seq == reporter->max_events;
}

static bool report_change(void *arg, const struct mw_change *change)
{
	struct mw_reporter *reporter = arg;
	bool within = within_max(reporter, change);
	bool written = true;

	if (!atomic_exchange(&reporter->front_knows, true))
		wake_front(reporter);
	if (!within || reporter->mute_changes)
		return within;
	pthread_mutex_lock(&reporter->lock);
	if (mw_limiter_take(&reporter->limiter, mw_clock_now_ns()))
		written = put_change(reporter, change);
	pthread_mutex_unlock(&reporter->lock);
	return written;
}

/** Makes "memwatch: MESSAGE" fit for a terminal. @return heap text, NULL without memory. */
static char *message_line(const char *message)
{
	static const struct mw_style plain = {.color = false};
	char *line = NULL;
	size_t size;
	FILE *memory = open_memstream(&line, &size);
	struct mw_row row = {.out = memory, .style = &plain};

	if (!memory)
		return NULL;
	mw_row_put(&row, MW_HUE_PLAIN, "memwatch: %s", message);
	mw_row_end(&row);
	fclose(memory);
	return line;
}

static void say_line(struct mw_reporter *reporter, const char *message)
{
	mw_auto_free char *line = message_line(message);

	if (!line)
		return;
	if (!atomic_load(&reporter->deferred)) {
		mw_line_output_put(&reporter->messages, line, strlen(line));
		wake_front(reporter);
		return;
	}
	pthread_mutex_lock(&reporter->lock);
	defer(reporter, line, strlen(line));
	pthread_mutex_unlock(&reporter->lock);
}

static void report_notice(void *arg, const char *message)
{
	struct mw_reporter *reporter = arg;

	if (!reporter->mute_notices)
		say_line(reporter, message);
}

static void settle_reports(void *arg)
{
	struct mw_reporter *reporter = arg;
	struct mw_line_output *output;

	pthread_mutex_lock(&reporter->lock);
	output = reporter->output;
	pthread_mutex_unlock(&reporter->lock);
	mw_line_output_settle(&reporter->messages);
	if (output)
		mw_line_output_settle(output);
}

static void report_state(void *arg, enum mw_target_state state MW_UNUSED)
{
	wake_front(arg);
}

struct mw_sink mw_reporter_callbacks(struct mw_reporter *reporter)
{
	return (struct mw_sink){
		.change = report_change,
		.notice = report_notice,
		.state = report_state,
		.settle = settle_reports,
		.arg = reporter,
	};
}

static void write_log(void *arg, enum mw_log_level level, const char *message)
{
	if (level >= MW_LOG_WARNING)
		say_line(arg, message);
	else
		report_notice(arg, message);
}

struct mw_log mw_reporter_log(struct mw_reporter *reporter)
{
	return (struct mw_log){.level = MW_LOG_INFO, .write = write_log, .arg = reporter};
}

/** @param complaint told even when notices are not wanted. */
MW_PRINTF(3, 0)
static void tell(struct mw_reporter *reporter, bool complaint, const char *format, va_list args)
{
	mw_auto_free char *message = NULL;

	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	else if (complaint)
		say_line(reporter, message);
	else
		report_notice(reporter, message);
	mw_line_output_flush(&reporter->messages);
}

void mw_reporter_say(struct mw_reporter *reporter, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(reporter, false, format, args);
	va_end(args);
}

void mw_reporter_complain(struct mw_reporter *reporter, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(reporter, true, format, args);
	va_end(args);
}

/** @return ns until output has to be flushed, 0 for none: bounds how often the front wakes up. */
static uint64_t flush_delay(struct mw_reporter *reporter, uint64_t now_ns)
{
	if (!atomic_load(&reporter->front_knows))
		return 0;
	if (!reporter->flush_at_ns)
		reporter->flush_at_ns = now_ns + MW_LINE_OUTPUT_DELAY_NS;
	if (now_ns < reporter->flush_at_ns)
		return reporter->flush_at_ns - now_ns;
	reporter->flush_at_ns = 0;
	/* Before the caller flushes: a change that comes meanwhile wakes it again. */
	atomic_store(&reporter->front_knows, false);
	return 0;
}

int mw_reporter_tick(struct mw_reporter *reporter)
{
	uint64_t now_ns = mw_clock_now_ns();
	uint64_t held, delay_ns;
	eventfd_t ignored;
	bool holds;

	eventfd_read(reporter->wake_fd, &ignored);
	mw_line_output_flush(&reporter->messages);
	delay_ns = flush_delay(reporter, now_ns);
	/* The front never waits for a report being written: it has to see signals. */
	if (pthread_mutex_trylock(&reporter->lock))
		return (int)(MW_LINE_OUTPUT_DELAY_NS / 1000000);
	held = mw_limiter_collect(&reporter->limiter, now_ns);
	if (held)
		put_held(reporter, held);
	holds = reporter->limiter.held > 0;
	pthread_mutex_unlock(&reporter->lock);
	if (holds && !delay_ns)
		delay_ns = MW_LINE_OUTPUT_DELAY_NS;
	return delay_ns ? (int)(delay_ns / 1000000) + 1 : -1;
}

void mw_reporter_finish(struct mw_reporter *reporter)
{
	pthread_mutex_lock(&reporter->lock);
	if (reporter->limiter.held)
		put_held(reporter, reporter->limiter.held);
	reporter->limiter.held = 0;
	pthread_mutex_unlock(&reporter->lock);
}

char *mw_reporter_take(struct mw_reporter *reporter)
{
	char *text;

	pthread_mutex_lock(&reporter->lock);
	text = reporter->pending.items;
	reporter->pending.items = NULL;
	reporter->pending.count = reporter->pending.capacity = 0;
	pthread_mutex_unlock(&reporter->lock);
	return text;
}

void mw_reporter_set_style(struct mw_reporter *reporter, struct mw_style style)
{
	pthread_mutex_lock(&reporter->lock);
	reporter->style = style;
	pthread_mutex_unlock(&reporter->lock);
}

void mw_reporter_set_rate(struct mw_reporter *reporter, unsigned rate)
{
	pthread_mutex_lock(&reporter->lock);
	reporter->limiter.rate = rate;
	pthread_mutex_unlock(&reporter->lock);
}

void mw_reporter_set_direct(struct mw_reporter *reporter, struct mw_line_output *output)
{
	pthread_mutex_lock(&reporter->lock);
	reporter->output = output;
	reporter->deferred = false;
	pthread_mutex_unlock(&reporter->lock);
}
