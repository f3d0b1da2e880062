// SPDX-License-Identifier: MIT
#include "repl/shell.h"
#include "repl/subcommand.h"

static int attach_main(int argc, char **argv)
{
	return mw_verb_main(MW_VERB_ATTACH, argc, argv);
}

const struct mw_subcommand mw_subcommand_attach = {
	.name = "attach",
	.arguments = "[options] PID",
	.summary = "watch the memory of a running process",
	.main = attach_main,
};
