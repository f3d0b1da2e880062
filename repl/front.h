// SPDX-License-Identifier: MIT
/** What batch mode and the prompt share: a session, its outputs, and the wait for something. */
#ifndef MW_REPL_FRONT_H
#define MW_REPL_FRONT_H

#include "repl/options.h"
#include "repl/reporter.h"
#include "watch/json_sink.h"

struct mw_front {
	const struct mw_options *options;
	struct mw_session *session;
	struct mw_reporter reporter;
	struct mw_line_output text_output;
	struct mw_line_output json_output;
	struct mw_json_sink *json;
	int signal_fd;
	/** Where commands print: standard output, unless JSON has it. */
	FILE *out;
	struct mw_style style;
	/** The target as it was last announced. */
	struct mw_target_info target;
	/** Session time 0 plus --duration, ns; 0 for none. */
	uint64_t deadline_ns;
	/** SIGINT stops the target, as the key does, instead of ending the session. */
	bool interactive;
	/** `set confirm`. */
	bool confirm;
	/** Asks a question; NULL where nobody can answer, which means yes. */
	bool (*ask)(void *arg, const char *question);
	void *ask_arg;

	/* Why it ends; mw_front_ended() says whether it does. */
	bool quit;
	bool timed_out;
	int signal;
	bool output_failed;
	/** What failed, as an exit code; 0 for nothing. */
	int failure;
};

/**
 * Opens the outputs, then the session, and attaches or launches: nothing is done to a target
 * before all else works.
 *
 * @param interactive reports wait for the prompt, above the line being typed.
 */
struct mw_error *mw_front_init(struct mw_front *front, const struct mw_options *options,
			       bool interactive) MW_MUST_CHECK;
/** Arms the watches of -w, then announces them. The first that fails is the error. */
struct mw_error *mw_front_arm(struct mw_front *front) MW_MUST_CHECK;
/** Arms and announces watches, as mw_session_watch() does. */
struct mw_error *mw_front_watch(struct mw_front *front, const struct mw_watch_request *requests,
				size_t count, size_t *ret_count) MW_MUST_CHECK;
/** Lets the target go and releases everything; also after a failed init. @return the exit code. */
int mw_front_close(struct mw_front *front);

/** What ended a wait. */
enum mw_front_wake {
	/** `input_fd` is readable. */
	MW_FRONT_INPUT = 1,
	/** The window has another size. */
	MW_FRONT_RESIZED = 2,
};

/**
 * Waits for input, signals, the session or the time; flushes outputs, announces what became of the
 * target.
 *
 * @param input_fd -1 for none.
 * @return mw_front_wake bits; 0 when something else happened.
 */
unsigned mw_front_wait(struct mw_front *front, int input_fd);

/** True when the session should end: quit, a signal, the time, the count, a broken output. */
bool mw_front_ended(const struct mw_front *front);

/** Stops a running target; a failure is told. */
void mw_front_interrupt(struct mw_front *front);

/** Reports all that the target has done so far, and detaches if it still lives. */
void mw_front_let_go(struct mw_front *front);

/** Tells the person that something failed, and has the exit code say so. Takes ownership. */
void mw_front_fail(struct mw_front *front, struct mw_error *err);

/** Flushes the outputs; their first failure is told once, and ends the session. */
void mw_front_flush(struct mw_front *front);

/** Takes note of what has happened, without waiting: between the commands of a script. */
void mw_front_poll(struct mw_front *front);

#endif
