// SPDX-License-Identifier: MIT
#include "repl/shell.h"
#include "repl/subcommand.h"

static int launch_main(int argc, char **argv)
{
	return mw_verb_main(MW_VERB_LAUNCH, argc, argv);
}

const struct mw_subcommand mw_subcommand_launch = {
	.name = "launch",
	.arguments = "[options] -- COMMAND [ARGUMENT…]",
	.summary = "start a command and watch its memory",
	.main = launch_main,
};
