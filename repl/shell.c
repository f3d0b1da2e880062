// SPDX-License-Identifier: MIT
#include "repl/shell.h"

#include <unistd.h>

#include "base/error.h"
#include "repl/batch.h"
#include "repl/exit_code.h"
#include "repl/front.h"
#include "repl/line_reader.h"
#include "repl/prompt.h"
#include "repl/script.h"
#include "repl/version.h"

/** Tells what went wrong and goes on: at a prompt a failed command costs nothing. */
static void complain(struct mw_front *front, struct mw_error *err)
{
	if (!err)
		return;
	mw_reporter_complain(&front->reporter, "%s", err->message);
	mw_error_destroy(err);
}

static struct mw_error *execute(struct mw_front *front, const char *line)
{
	struct mw_arguments arguments;
	struct mw_error *err = mw_arguments_parse(line, &arguments);

	if (err)
		return err;
	mw_front_flush(front);
	if (arguments.command)
		err = arguments.command->run(front, &arguments);
	mw_arguments_deinit(&arguments);
	fflush(front->out);
	mw_front_poll(front);
	return err;
}

static void greet(struct mw_front *front)
{
	const struct mw_target_info *target = &front->target;

	if (target->launched)
		mw_reporter_say(&front->reporter,
				"%s: %d (%s) is stopped before main; continue starts it",
				MW_VERSION, (int)target->pid, target->name);
	else
		mw_reporter_say(&front->reporter,
				"%s: attached to %d (%s), %u thread%s; help lists the commands",
				MW_VERSION, (int)target->pid, target->name, target->threads,
				target->threads == 1 ? "" : "s");
}

/** -w, -x and -e, in this order; a failure leaves the person at the prompt. */
static void run_requests(struct mw_front *front, const struct mw_script *script)
{
	struct mw_error *err = mw_front_arm(front);

	if (!err)
		err = mw_script_run(script, front);
	complain(front, err);
}

static void serve_terminal(struct mw_front *front, struct mw_prompt *prompt)
{
	const char *line;

	while (!mw_front_ended(front) && (line = mw_prompt_read(prompt)))
		complain(front, execute(front, line));
	mw_prompt_show(prompt);
}

static int run_terminal(struct mw_front *front, const struct mw_script *script)
{
	struct mw_prompt *prompt;
	struct mw_error *err = mw_prompt_create(front, &prompt);

	if (err) {
		mw_front_fail(front, err);
	} else {
		front->ask = mw_prompt_ask;
		front->ask_arg = prompt;
		greet(front);
		run_requests(front, script);
		serve_terminal(front, prompt);
		front->ask = NULL;
		mw_prompt_destroy(prompt);
	}
	mw_reporter_set_direct(&front->reporter, &front->text_output);
	mw_front_let_go(front);
	return mw_front_close(front);
}

/** A pipe can't be asked what it meant: a command that fails is told by the exit code too. */
static int run_pipe(struct mw_front *front, const struct mw_script *script)
{
	struct mw_line_reader reader = {.front = front};
	const char *line;

	run_requests(front, script);
	while (!mw_front_ended(front) && (line = mw_line_reader_read(&reader))) {
		struct mw_error *err = execute(front, line);

		if (err)
			mw_front_fail(front, err);
	}
	mw_line_reader_deinit(&reader);
	mw_front_let_go(front);
	return mw_front_close(front);
}

int mw_shell_run(const struct mw_options *options)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct mw_script script = {0};
	struct mw_front front;
	struct mw_error *err = mw_script_add_requests(&script, options);
	int code;

	if (err) {
		mw_script_deinit(&script);
		return mw_exit_report(err, MW_EXIT_FAILED);
	}
	err = mw_front_init(&front, options, terminal);
	if (err) {
		mw_front_close(&front);
		code = mw_exit_report(err, mw_exit_of_error(err));
	} else {
		code = terminal ? run_terminal(&front, &script) : run_pipe(&front, &script);
	}
	mw_script_deinit(&script);
	return code;
}

/**
 * --batch, or nobody at a terminal while there is something to do without them. JSON on standard
 * output leaves no room for a prompt.
 */
static bool is_batch(const struct mw_options *options)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	return options->batch || (options->json && !options->json_path) ||
	       (!terminal && (options->watches.count || options->scripts.count));
}

int mw_verb_main(enum mw_verb verb, int argc, char **argv)
{
	struct mw_options options;
	struct mw_error *err = mw_options_parse(verb, argc, argv, &options);
	int code = MW_EXIT_OK;

	if (err)
		return mw_exit_report(err, MW_EXIT_USAGE);
	if (options.help)
		mw_options_help(verb, stdout);
	else
		code = is_batch(&options) ? mw_batch_run(&options) : mw_shell_run(&options);
	mw_options_deinit(&options);
	return code;
}
