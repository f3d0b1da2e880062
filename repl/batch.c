// SPDX-License-Identifier: MIT
#include "repl/batch.h"

#include <malloc.h>

#include "base/error.h"
#include "repl/exit_code.h"
#include "repl/front.h"
#include "repl/script.h"
#include "repl/summary.h"
#include "repl/watch_ref.h"

/** The target, or a process that it has left behind and that is watched as well. */
static bool is_alive(const struct mw_front *front)
{
	return front->target.state == MW_TARGET_RUNNING ||
	       front->target.state == MW_TARGET_STOPPED || mw_session_followed(front->session);
}

/**
 * Without a watch nothing will ever be reported, so only a launched command or --duration is worth
 * waiting for.
 */
static bool is_worth_waiting(const struct mw_front *front)
{
	return mw_watch_count(front->session) || front->target.launched || front->deadline_ns;
}

/** Waits until the target ends, or something else ends the session. */
static struct mw_error *watch_on(struct mw_front *front)
{
	struct mw_error *err = NULL;

	if (mw_front_ended(front) || !is_worth_waiting(front))
		return NULL;
	if (front->target.state == MW_TARGET_STOPPED)
		err = mw_session_continue(front->session);
	while (!err && !mw_front_ended(front) && is_alive(front))
		mw_front_wait(front, -1);
	return err;
}

/** The session's life, once the target is there. @return false when it failed, which is told. */
static bool run(struct mw_front *front, struct mw_script *script)
{
	struct mw_error *err = mw_front_arm(front);

	if (!err)
		err = mw_script_run(script, front);
	/* It may be long, and so may the watching: what it took goes back to the system. */
	mw_script_deinit(script);
	malloc_trim(0);
	if (!err)
		err = watch_on(front);
	if (!err)
		return true;
	mw_front_fail(front, err);
	/* One line is enough: that it detached goes without saying. */
	front->reporter.mute_notices = true;
	return false;
}

static int run_session(const struct mw_options *options, struct mw_script *script)
{
	struct mw_front front;
	struct mw_error *err = mw_front_init(&front, options, false);
	bool fine;

	if (err) {
		mw_front_close(&front);
		return mw_exit_report(err, mw_exit_of_error(err));
	}
	fine = run(&front, script);
	mw_front_let_go(&front);
	if (fine && !options->quiet && !front.output_failed && mw_watch_count(front.session))
		mw_summary_print(front.session, &front.style, front.out);
	return mw_front_close(&front);
}

int mw_batch_run(const struct mw_options *options)
{
	struct mw_script script = {0};
	struct mw_error *err = mw_script_add_requests(&script, options);
	int code;

	if (err) {
		/* A script that is wrong is a failure; only a command line is bad usage. */
		code = mw_exit_report(err, MW_EXIT_FAILED);
	} else {
		code = run_session(options, &script);
	}
	mw_script_deinit(&script);
	return code;
}
