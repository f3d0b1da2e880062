// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "repl/command.h"
#include "repl/front.h"
#include "repl/place.h"

#define FRAMES_MAX 256

struct mw_error *mw_command_print(struct mw_front *front, const struct mw_arguments *arguments)
{
	/* Into memory first: an expression that fails must not leave half a line. */
	mw_auto_free char *value = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&value, &size);
	struct mw_error *err;

	if (!memory)
		return mw_err_nomem;
	err = mw_session_print(front->session, arguments->operand, memory);
	fclose(memory);
	if (!err)
		fprintf(front->out, "%s = %s", arguments->operand, value);
	return err;
}

struct mw_error *mw_command_examine(struct mw_front *front, const struct mw_arguments *arguments)
{
	const struct mw_format *format = &arguments->format;

	return mw_session_examine(front->session, arguments->operand, format->count, format->letter,
				  format->unit, front->out);
}

struct mw_error *mw_command_backtrace(struct mw_front *front, const struct mw_arguments *arguments)
{
	mw_auto_free struct mw_frame *frames = calloc(FRAMES_MAX, sizeof(*frames));
	struct mw_error *err;
	size_t count = 0;

	if (!frames)
		return mw_err_nomem;
	err = mw_session_backtrace(front->session, arguments->tid, frames, FRAMES_MAX, &count);
	if (!err)
		mw_stack_print(frames, count, 0, &front->style, front->out);
	return err;
}
