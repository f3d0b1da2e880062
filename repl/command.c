// SPDX-License-Identifier: MIT
#include "repl/command.h"

#include "base/error.h"
#include "repl/lookup.h"

static const struct mw_command command_table[] = {
	{
		.name = "watch",
		.usage = "[-n NAME] [-b BACKEND] EXPR",
		.summary = "report changes of an expression's memory",
		.help = "EXPR is a variable (counter, 'file.c'::state, func::static_var), a "
			"member\n"
			"(cfg.limits[3].soft, *node->next), a slice (buf[10]@20), or "
			"ADDRESS:LENGTH.\n"
			"NAME is what reports call it. BACKEND is auto, page or hw.",
		.operand = MW_OPERAND_EXPRESSION,
		.options = "nb",
		.run = mw_command_watch,
		.run_many = mw_command_watch_many,
	},
	{
		.name = "unwatch",
		.aliases = {"delete", "d"},
		.usage = "[WATCH…]",
		.summary = "end watches",
		.help = "Each WATCH is a number or a name. Without one, all watches end.",
		.operand = MW_OPERAND_WATCHES,
		.operand_optional = true,
		.run = mw_command_unwatch,
	},
	{
		.name = "enable",
		.usage = "WATCH…",
		.summary = "let disabled watches report again",
		.operand = MW_OPERAND_WATCHES,
		.run = mw_command_enable,
	},
	{
		.name = "disable",
		.usage = "WATCH…",
		.summary = "keep watches, but don't guard their memory",
		.operand = MW_OPERAND_WATCHES,
		.run = mw_command_disable,
	},
	{
		.name = "writers",
		.usage = "[WATCH…]",
		.summary = "who wrote, how often, the last values",
		.help = "Each WATCH is a number or a name. Without one, all watches are listed.",
		.operand = MW_OPERAND_WATCHES,
		.operand_optional = true,
		.run = mw_command_writers,
	},
	{
		.name = "info",
		.aliases = {"i"},
		.usage = "SUBJECT",
		.summary = "list watches, threads and more",
		.operand = MW_OPERAND_TOPIC,
		.run = mw_command_info,
	},
	{
		.name = "print",
		.aliases = {"p"},
		.usage = "EXPR",
		.summary = "print the value of an expression",
		.operand = MW_OPERAND_EXPRESSION,
		.run = mw_command_print,
	},
	{
		.name = "x",
		.usage = "[/FMT] EXPR",
		.summary = "dump memory",
		.help = "FMT is a count, a letter (x hex, d decimal, u unsigned, o octal, t "
			"binary,\n"
			"a address, c character, s string, f float) and a size (b 1, h 2, w 4, g "
			"8\n"
			"bytes), as in x/16xb buffer. Without it: x/1xw.",
		.operand = MW_OPERAND_EXPRESSION,
		.takes_format = true,
		.run = mw_command_examine,
	},
	{
		.name = "backtrace",
		.aliases = {"bt", "where"},
		.usage = "[TID]",
		.summary = "show the call stack of a thread of a stopped target",
		.help = "Without TID: the main thread. `info threads` lists them.",
		.operand = MW_OPERAND_THREAD,
		.operand_optional = true,
		.run = mw_command_backtrace,
	},
	{
		.name = "continue",
		.aliases = {"c"},
		.summary = "let a stopped target go on",
		.run = mw_command_continue,
	},
	{
		.name = "interrupt",
		.summary = "stop every thread of the target (as Ctrl-C does)",
		.run = mw_command_interrupt,
	},
	{
		.name = "detach",
		.summary = "let the target go as it was found",
		.run = mw_command_detach,
	},
	{
		.name = "kill",
		.aliases = {"k"},
		.summary = "kill the target",
		.run = mw_command_kill,
	},
	{
		.name = "source",
		.usage = "FILE",
		.summary = "run the commands in a file",
		.help = "The whole file is checked first. The first command that fails ends it.\n"
			"Blank lines and lines that start with # are skipped.",
		.operand = MW_OPERAND_FILE,
		.run = mw_command_source,
	},
	{
		.name = "set",
		.usage = "NAME VALUE",
		.summary = "change a setting",
		.operand = MW_OPERAND_SETTING,
		.run = mw_command_set,
	},
	{
		.name = "help",
		.aliases = {"h"},
		.usage = "[COMMAND]",
		.summary = "list the commands, or explain one",
		.operand = MW_OPERAND_COMMAND,
		.operand_optional = true,
		.run = mw_command_help,
	},
	{
		.name = "quit",
		.aliases = {"q", "exit"},
		.summary = "detach and leave memwatch",
		.help = "The target goes on running, a launched one too.",
		.run = mw_command_quit,
	},
};

const struct mw_command *mw_command_table(size_t *ret_count)
{
	*ret_count = mw_array_size(command_table);
	return command_table;
}

struct mw_error *mw_command_find(const char *word, const struct mw_command **ret)
{
	struct mw_lookup lookup = mw_lookup_start("command", word, "help");
	struct mw_error *err;
	size_t index;

	for (size_t i = 0; i < mw_array_size(command_table); i++) {
		mw_lookup_offer(&lookup, command_table[i].name, i);
		for (const char *const *alias = command_table[i].aliases; *alias; alias++)
			mw_lookup_offer(&lookup, *alias, i);
	}
	err = mw_lookup_finish(&lookup, &index);
	if (!err)
		*ret = &command_table[index];
	return err;
}
