// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/error.h"
#include "repl/command.h"
#include "repl/front.h"
#include "repl/watch_ref.h"
#include "repl/writers.h"

struct mw_error *mw_command_watch(struct mw_front *front, const struct mw_arguments *arguments)
{
	size_t done;

	return mw_command_watch_many(front, arguments, 1, &done);
}

struct mw_error *mw_command_watch_many(struct mw_front *front, const struct mw_arguments *arguments,
				       size_t count, size_t *ret_count)
{
	MW_VEC(struct mw_watch_request) requests = {0};
	struct mw_error *err = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < count && !err; i++) {
		struct mw_watch_request request = {
			.expression = arguments[i].operand,
			.name = arguments[i].name,
			.backend = arguments[i].backend,
		};

		if (!mw_vec_push(&requests, request))
			err = mw_err_nomem;
	}
	if (!err)
		err = mw_front_watch(front, requests.items, count, ret_count);
	mw_vec_deinit(&requests);
	return err;
}

/** Lists the watches that the words mean, all of them when there are no words. */
static struct mw_error *list_ids(struct mw_front *front, const struct mw_arguments *arguments,
				 struct mw_watch_ids *ret)
{
	if (arguments->words.count == 0)
		return mw_watch_list(front->session, ret);
	for (size_t i = 0; i < arguments->words.count; i++) {
		unsigned id;
		struct mw_error *err =
			mw_watch_lookup(front->session, arguments->words.items[i], &id);

		if (err)
			return err;
		if (!mw_vec_push(ret, id))
			return mw_err_nomem;
	}
	return NULL;
}

/** Does @act to each watch that the words mean; to none if a word means none. */
static struct mw_error *each_watch(struct mw_front *front, const struct mw_arguments *arguments,
				   struct mw_error *(*act)(struct mw_front *front, unsigned id))
{
	struct mw_watch_ids ids = {0};
	struct mw_error *err = list_ids(front, arguments, &ids);

	for (size_t i = 0; !err && i < ids.count; i++)
		err = act(front, ids.items[i]);
	mw_vec_deinit(&ids);
	return err;
}

static struct mw_error *unwatch(struct mw_front *front, unsigned id)
{
	return mw_session_unwatch(front->session, id);
}

struct mw_error *mw_command_unwatch(struct mw_front *front, const struct mw_arguments *arguments)
{
	if (!arguments->operand && front->ask && front->confirm &&
	    !front->ask(front->ask_arg, "End all watches?"))
		return NULL;
	return each_watch(front, arguments, unwatch);
}

static struct mw_error *enable(struct mw_front *front, unsigned id)
{
	return mw_session_enable(front->session, id, true);
}

struct mw_error *mw_command_enable(struct mw_front *front, const struct mw_arguments *arguments)
{
	return each_watch(front, arguments, enable);
}

static struct mw_error *disable(struct mw_front *front, unsigned id)
{
	return mw_session_enable(front->session, id, false);
}

struct mw_error *mw_command_disable(struct mw_front *front, const struct mw_arguments *arguments)
{
	return each_watch(front, arguments, disable);
}

static struct mw_error *print_writers(struct mw_front *front, unsigned id)
{
	return mw_writers_print(front->session, id, &front->style, front->out);
}

struct mw_error *mw_command_writers(struct mw_front *front, const struct mw_arguments *arguments)
{
	if (!arguments->operand && mw_watch_count(front->session) == 0)
		fputs("no watches\n", front->out);
	return each_watch(front, arguments, print_writers);
}
