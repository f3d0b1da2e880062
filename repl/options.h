// SPDX-License-Identifier: MIT
/** What stands behind `memwatch attach` and `memwatch launch`. */
#ifndef MW_REPL_OPTIONS_H
#define MW_REPL_OPTIONS_H

#include <stdio.h>
#include <sys/types.h>

#include "base/vec.h"
#include "repl/style.h"
#include "watch/session.h"

/** Frames that --stack means without a number. */
#define MW_STACK_DEFAULT 16
#define MW_STACK_MAX 256

/** Bits of mw_option.verbs: which subcommand takes an option. */
enum mw_verb {
	MW_VERB_ATTACH = 1,
	MW_VERB_LAUNCH = 2,
	MW_VERB_BOTH = MW_VERB_ATTACH | MW_VERB_LAUNCH,
};

/** One -x or -e, in the order given. */
struct mw_script_request {
	const char *text;
	bool is_file;
};

/** All strings are those of argv. */
struct mw_options {
	enum mw_verb verb;
	MW_VEC(struct mw_watch_request) watches;
	MW_VEC(struct mw_script_request) scripts;
	/** A -n that waits for its -w. */
	const char *pending_name;
	bool batch;
	bool json;
	/** NULL for standard output. */
	const char *json_path;
	enum mw_backend backend;
	unsigned stack_depth;
	/** 0 for no limit. */
	uint64_t duration_ns;
	uint64_t max_events;
	bool report_silent;
	enum mw_overflow overflow;
	/** 0 for the session's own choice. */
	uint32_t ring_entries;
	bool ignore_syscalls;
	bool follow_forks;
	/** 0 for the session's own choice. */
	uint64_t poll_window_ns;
	uint64_t hot_rate;
	uint64_t cool_down_ns;
	enum mw_color color;
	bool quiet;
	bool exit_code;
	bool help;
	/** attach: the process. */
	pid_t pid;
	/** launch: the command, ended by NULL. */
	char **command;
};

/** One row of the option table: getopt, --help, the man page's test and the parser read it. */
struct mw_option {
	/** Without the dashes; NULL when only the letter exists. */
	const char *name;
	/** 0 when only the name exists. */
	char letter;
	/** What the argument is called; NULL when there is none. */
	const char *argument;
	/** `--name` alone is fine too. */
	bool argument_optional;
	enum mw_verb verbs;
	/** One clause for --help. */
	const char *summary;
	/** @param value NULL when no argument was given. */
	struct mw_error *(*parse)(struct mw_options *options, const char *value);
};

const struct mw_option *mw_option_table(size_t *ret_count);

/**
 * Reads a command line. All errors are MW_ERROR_USAGE: one line with a hint.
 *
 * @param argv argv[0] is the subcommand's name.
 */
struct mw_error *mw_options_parse(enum mw_verb verb, int argc, char **argv,
				  struct mw_options *ret) MW_MUST_CHECK;
void mw_options_deinit(struct mw_options *options);

/** Prints the help of a subcommand. */
void mw_options_help(enum mw_verb verb, FILE *out);

#endif
