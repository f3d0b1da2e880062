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
/** Commands that run together at most: after them signals and the time are looked at. */
#define TOGETHER 256

/** A file, or a -e, that is being read. */
struct source {
	struct mw_script *script;
	/** As in struct mw_script_line. */
	size_t path;
	unsigned number;
	/** Files that source this one. */
	unsigned depth;
};

static struct mw_error *add_file(struct mw_script *script, const char *path, unsigned depth);

void mw_script_deinit(struct mw_script *script)
{
	mw_vec_deinit(&script->lines);
	mw_vec_deinit(&script->text);
}

static struct mw_error *add_string(struct mw_script *script, const char *string, size_t *ret)
{
	size_t offset = script->text.count;

	if (!mw_vec_append(&script->text, string, strlen(string) + 1))
		return mw_err_nomem;
	*ret = offset;
	return NULL;
}

/** Puts in front of an error where its command stands. */
static struct mw_error *locate(const struct mw_script *script, const struct mw_script_line *line,
			       struct mw_error *err)
{
	const char *text = script->text.items;

	if (!line->number)
		return mw_error_prefix(err, "-e %s", text + line->command);
	return mw_error_prefix(err, "%s:%u", text + line->path, line->number);
}

static struct mw_error *add_command(const struct source *source, const char *text)
{
	struct mw_script *script = source->script;
	struct mw_script_line line = {.path = source->path, .number = source->number};
	struct mw_error *err = add_string(script, text, &line.command);

	if (!err && !mw_vec_push(&script->lines, line))
		err = mw_err_nomem;
	return err;
}

/** Appends one line of text, once it is known to be right. */
static struct mw_error *check_line(const struct source *source, const char *text)
{
	struct mw_arguments arguments;
	struct mw_error *err = mw_arguments_parse(text, &arguments);

	if (err)
		return err;
	if (arguments.command && arguments.command->run == mw_command_source)
		err = add_file(source->script, arguments.operand, source->depth + 1);
	else if (arguments.command)
		err = add_command(source, text);
	mw_arguments_deinit(&arguments);
	return err;
}

static struct mw_error *add_line(const struct source *source, const char *text)
{
	struct mw_error *err = check_line(source, text);
	struct mw_script_line line = {.path = source->path, .number = source->number};

	return err ? locate(source->script, &line, err) : NULL;
}

static struct mw_error *add_text(struct mw_script *script, const char *path, char *text,
				 unsigned depth)
{
	struct source source = {.script = script, .depth = depth};
	struct mw_error *err = add_string(script, path, &source.path);

	while (!err && text) {
		source.number++;
		err = add_line(&source, strsep(&text, "\n"));
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
	size_t lines = script->lines.count, text = script->text.count;
	struct mw_error *err = add_file(script, path, 0);

	if (err) {
		script->lines.count = lines;
		script->text.count = text;
	}
	return err;
}

static struct mw_error *add_option(struct mw_script *script, const char *text)
{
	struct source source = {.script = script};
	struct mw_error *err = check_line(&source, text);

	return err ? mw_error_prefix(err, "-e %s", text) : NULL;
}

struct mw_error *mw_script_add_requests(struct mw_script *script, const struct mw_options *options)
{
	for (size_t i = 0; i < options->scripts.count; i++) {
		const struct mw_script_request *request = &options->scripts.items[i];
		struct mw_error *err = request->is_file ? mw_script_add_file(script, request->text)
							: add_option(script, request->text);

		if (err)
			return err;
	}
	return NULL;
}

/** Commands that are run together. */
struct batch {
	struct mw_arguments items[TOGETHER];
	size_t count;
};

static void batch_deinit(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		mw_arguments_deinit(&batch->items[i]);
}

static bool go_together(const struct batch *batch, const struct mw_arguments *next)
{
	return batch->count == 0 ||
	       (next->command->run_many && next->command == batch->items[0].command);
}

/** Takes apart the command at @index, and those behind it that can be run together with it. */
static struct mw_error *gather(const struct mw_script *script, size_t index, struct batch *ret)
{
	ret->count = 0;
	while (index < script->lines.count && ret->count < TOGETHER) {
		struct mw_arguments *arguments = &ret->items[ret->count];
		const char *text = script->text.items + script->lines.items[index++].command;
		struct mw_error *err = mw_arguments_parse(text, arguments);

		if (err)
			return err;
		if (!go_together(ret, arguments)) {
			mw_arguments_deinit(arguments);
			break;
		}
		ret->count++;
	}
	return NULL;
}

static struct mw_error *run_batch(struct mw_front *front, const struct batch *batch,
				  size_t *ret_count)
{
	const struct mw_command *command = batch->items[0].command;
	struct mw_error *err;

	if (command->run_many)
		return command->run_many(front, batch->items, batch->count, ret_count);
	err = command->run(front, batch->items);
	*ret_count = !err;
	return err;
}

/** @param ret_count how many commands have run. */
static struct mw_error *run_some(const struct mw_script *script, size_t index,
				 struct mw_front *front, size_t *ret_count)
{
	struct batch batch;
	struct mw_error *err = gather(script, index, &batch);

	*ret_count = 0;
	/* Changes before the command come before what it prints. */
	mw_front_flush(front);
	if (!err)
		err = run_batch(front, &batch, ret_count);
	mw_front_poll(front);
	batch_deinit(&batch);
	return err ? locate(script, &script->lines.items[index + *ret_count], err) : NULL;
}

struct mw_error *mw_script_run(const struct mw_script *script, struct mw_front *front)
{
	struct mw_error *err = NULL;
	size_t done = 0, some;

	while (!err && done < script->lines.count && !mw_front_ended(front)) {
		err = run_some(script, done, front, &some);
		done += some;
	}
	return err;
}
