// SPDX-License-Identifier: MIT
#include "base/error.h"
#include "repl/command.h"
#include "repl/front.h"

struct mw_error *mw_command_continue(struct mw_front *front,
				     const struct mw_arguments *arguments MW_UNUSED)
{
	return mw_session_continue(front->session);
}

struct mw_error *mw_command_interrupt(struct mw_front *front,
				      const struct mw_arguments *arguments MW_UNUSED)
{
	return mw_session_interrupt(front->session);
}

struct mw_error *mw_command_detach(struct mw_front *front,
				   const struct mw_arguments *arguments MW_UNUSED)
{
	return mw_session_detach(front->session);
}

struct mw_error *mw_command_kill(struct mw_front *front,
				 const struct mw_arguments *arguments MW_UNUSED)
{
	char question[128];

	snprintf(question, sizeof(question), "Kill the target %d (%s)?", (int)front->target.pid,
		 front->target.name);
	if (front->ask && front->confirm && !front->ask(front->ask_arg, question))
		return NULL;
	return mw_session_kill(front->session);
}

struct mw_error *mw_command_quit(struct mw_front *front,
				 const struct mw_arguments *arguments MW_UNUSED)
{
	front->quit = true;
	return NULL;
}
