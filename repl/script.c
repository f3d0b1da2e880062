// SPDX-License-Identifier: MIT
#include "repl/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "repl/front.h"

/** A file that sources itself would go on for ever. */
#define DEPTH_MAX 8

static struct mw_error *add_file(struct mw_script *script, const char *path, unsigned depth);

static void shorten(struct mw_script *script, size_t count)
{
	while (script->lines.count > count) {
		struct mw_script_line *line = &script->lines.items[--script->lines.count];

		mw_arguments_deinit(&line->arguments);
		free(line->origin);
	}
}

void mw_script_deinit(struct mw_script *script)
{
	shorten(script, 0);
	mw_vec_deinit(&script->lines);
}

/** Takes ownership of @origin and of what @arguments holds. */
static struct mw_error *push(struct mw_script *script, char *origin, struct mw_arguments *arguments)
{
	struct mw_script_line line = {.origin = origin, .arguments = *arguments};

	if (mw_vec_push(&script->lines, line))
		return NULL;
	mw_arguments_deinit(arguments);
	free(origin);
	return mw_err_nomem;
}

/** Appends one line of text, which stands at @origin. */
static struct mw_error *add_line(struct mw_script *script, const char *origin, const char *text,
				 unsigned depth)
{
	struct mw_arguments arguments;
	struct mw_error *err = mw_arguments_parse(text, &arguments);
	char *copy;

	if (err)
		return mw_error_prefix(err, "%s", origin);
	if (!arguments.command) {
		mw_arguments_deinit(&arguments);
		return NULL;
	}
	if (arguments.command->run == mw_command_source) {
		err = add_file(script, arguments.operand, depth + 1);
		mw_arguments_deinit(&arguments);
		return err ? mw_error_prefix(err, "%s", origin) : NULL;
	}
	copy = strdup(origin);
	if (!copy) {
		mw_arguments_deinit(&arguments);
		return mw_err_nomem;
	}
	return push(script, copy, &arguments);
}

static struct mw_error *add_text(struct mw_script *script, const char *path, char *text,
				 unsigned depth)
{
	struct mw_error *err = NULL;
	unsigned number = 0;

	while (!err && text) {
		char *line = strsep(&text, "\n");
		mw_auto_free char *origin = NULL;

		if (asprintf(&origin, "%s:%u", path, ++number) < 0) {
			origin = NULL;
			return mw_err_nomem;
		}
		err = add_line(script, origin, line, depth);
	}
	return err;
}

static struct mw_error *add_file(struct mw_script *script, const char *path, unsigned depth)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	size_t size;

	if (depth > DEPTH_MAX)
		return mw_error_create(MW_ERROR_USAGE, "source %s: files source each other", path);
	err = mw_file_read(path, &text, &size);
	if (err)
		return err;
	if (memchr(text, '\0', size))
		return mw_error_create(MW_ERROR_USAGE, "%s is no text file", path);
	return add_text(script, path, text, depth);
}

struct mw_error *mw_script_add_file(struct mw_script *script, const char *path)
{
	size_t before = script->lines.count;
	struct mw_error *err = add_file(script, path, 0);

	if (err)
		shorten(script, before);
	return err;
}

static struct mw_error *add_command(struct mw_script *script, const char *text)
{
	mw_auto_free char *origin = NULL;

	if (asprintf(&origin, "-e %s", text) < 0) {
		origin = NULL;
		return mw_err_nomem;
	}
	return add_line(script, origin, text, 0);
}

struct mw_error *mw_script_add_requests(struct mw_script *script, const struct mw_options *options)
{
	for (size_t i = 0; i < options->scripts.count; i++) {
		const struct mw_script_request *request = &options->scripts.items[i];
		struct mw_error *err = request->is_file ? mw_script_add_file(script, request->text)
							: add_command(script, request->text);

		if (err)
			return err;
	}
	return NULL;
}

struct mw_error *mw_script_run(const struct mw_script *script, struct mw_front *front)
{
	for (size_t i = 0; i < script->lines.count && !mw_front_ended(front); i++) {
		const struct mw_script_line *line = &script->lines.items[i];
		struct mw_error *err;

		/* Changes before the command come before what it prints. */
		mw_front_flush(front);
		err = line->arguments.command->run(front, &line->arguments);
		mw_front_poll(front);
		if (err)
			return mw_error_prefix(err, "%s", line->origin);
	}
	return NULL;
}
