// SPDX-License-Identifier: MIT
/**
 * The sink for people: turns changes and notices into text. The text goes straight out, or waits
 * until the front puts it above the line being typed.
 */
#ifndef MW_REPL_REPORTER_H
#define MW_REPL_REPORTER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory_text.h"
#include "base/vec.h"
#include "repl/limiter.h"
#include "repl/style.h"
#include "watch/line_output.h"
#include "watch/session.h"

struct mw_reporter {
	pthread_mutex_t lock;
	/** Where changes go; NULL: they wait for mw_reporter_take(). */
	struct mw_line_output *output;
	/** Standard error. */
	struct mw_line_output messages;
	/** Messages wait for mw_reporter_take() too. */
	atomic_bool deferred;
	/** Changes are somebody else's business: JSON has standard output. */
	bool mute_changes;
	atomic_bool mute_notices;
	struct mw_style style;
	struct mw_limiter limiter;
	uint64_t start_ns;
	/** Changes to report, 0 for no limit. */
	uint64_t max_events;
	atomic_bool reached_max;
	/** Readable when the front has something to do; owned. */
	int wake_fd;
	/** The front knows that output waits to be flushed, and when it will do so. */
	atomic_bool front_knows;
	uint64_t flush_at_ns;
	MW_VEC(char) pending;
	/** Of the change that is rendered just now. */
	struct mw_memory_text change_text;
};

/** The fields that say how it reports are the caller's to set, before the first change. */
struct mw_error *mw_reporter_init(struct mw_reporter *reporter) MW_MUST_CHECK;
void mw_reporter_deinit(struct mw_reporter *reporter);

/** @return what to give to mw_session_add_sink(). */
struct mw_sink mw_reporter_callbacks(struct mw_reporter *reporter);
/** @return where the session's messages go. */
struct mw_log mw_reporter_log(struct mw_reporter *reporter);

/** Says something to the person: "memwatch: …" on its own line. Any thread. */
void mw_reporter_say(struct mw_reporter *reporter, const char *format, ...) MW_PRINTF(2, 3);
/** Says what went wrong: the same, but --quiet doesn't silence it. */
void mw_reporter_complain(struct mw_reporter *reporter, const char *format, ...) MW_PRINTF(2, 3);

/**
 * To be called when wake_fd is readable or the time is over, and before the outputs are flushed:
 * announces what was held back.
 *
 * @return milliseconds until it has to be called again, -1 for never.
 */
int mw_reporter_tick(struct mw_reporter *reporter);
/** Announces whatever was held back: the session ends. */
void mw_reporter_finish(struct mw_reporter *reporter);

/** @return the text that waits, or NULL; owned by the caller. */
char *mw_reporter_take(struct mw_reporter *reporter);

/** From now on nothing waits to be taken: changes go to @output, messages to standard error. */
void mw_reporter_set_direct(struct mw_reporter *reporter, struct mw_line_output *output);

/** Changes how it reports while a session runs. */
void mw_reporter_set_style(struct mw_reporter *reporter, struct mw_style style);
void mw_reporter_set_rate(struct mw_reporter *reporter, unsigned rate);

#endif
