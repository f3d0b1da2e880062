// SPDX-License-Identifier: MIT
/** Commands are data: dispatch, help, completion and the man page read the same table. */
#ifndef MW_REPL_COMMAND_H
#define MW_REPL_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"
#include "tracer/hit.h"

struct mw_front;
struct mw_arguments;

/** What stands behind a command's options; also decides what Tab offers. */
enum mw_operand {
	MW_OPERAND_NONE,
	MW_OPERAND_EXPRESSION,
	/** One or more numbers or names of watches. */
	MW_OPERAND_WATCHES,
	/** A thread id. */
	MW_OPERAND_THREAD,
	/** A word of mw_topic_table(). */
	MW_OPERAND_TOPIC,
	/** A name of mw_setting_table() and its value. */
	MW_OPERAND_SETTING,
	MW_OPERAND_FILE,
	/** The name of a command. */
	MW_OPERAND_COMMAND,
};

struct mw_command {
	const char *name;
	/** Other names: GDB's abbreviations that are no unique prefix, synonyms. Ended by NULL. */
	const char *aliases[4];
	/** Behind the name, for help: "[-n NAME] EXPR". */
	const char *usage;
	/** One clause for the list of commands. */
	const char *summary;
	/** More lines for `help COMMAND`. */
	const char *help;
	enum mw_operand operand;
	bool operand_optional;
	/** Letters of the options it takes, each with an argument: "nb". */
	const char *options;
	/** Takes /FMT behind its name. */
	bool takes_format;
	struct mw_error *(*run)(struct mw_front *front, const struct mw_arguments *arguments);
	/**
	 * Runs several that follow each other in a script, up to the first that fails. NULL: they
	 * run one by one.
	 *
	 * @param ret_count how many did not fail.
	 */
	struct mw_error *(*run_many)(struct mw_front *front, const struct mw_arguments *arguments,
				     size_t count, size_t *ret_count);
};

/** /FMT of the x command. */
struct mw_format {
	unsigned count;
	char letter;
	/** Bytes. */
	unsigned unit;
};

/** A line taken apart. Strings point into `line`. */
struct mw_arguments {
	/** Owned. */
	char *line;
	const struct mw_command *command;
	/** Everything behind the options; NULL if nothing is there. */
	const char *operand;
	/** The operand word by word. */
	MW_VEC(const char *) words;
	/** -n; NULL if not given. */
	const char *name;
	/** -b. */
	enum mw_backend backend;
	struct mw_format format;
	pid_t tid;
};

const struct mw_command *mw_command_table(size_t *ret_count);

/**
 * Finds a command by its name, an alias, or the start of one that means a single command.
 *
 * @return MW_ERROR_USAGE with near names, or with those that begin so.
 */
struct mw_error *mw_command_find(const char *word, const struct mw_command **ret) MW_MUST_CHECK;

/**
 * Takes @line apart and checks all that can be checked without a target.
 *
 * @param ret command NULL for a blank line or a # comment.
 */
struct mw_error *mw_arguments_parse(const char *line, struct mw_arguments *ret) MW_MUST_CHECK;
void mw_arguments_deinit(struct mw_arguments *arguments);

/** A subject of `info`. */
struct mw_topic {
	const char *name;
	const char *summary;
	struct mw_error *(*run)(struct mw_front *front);
};
const struct mw_topic *mw_topic_table(size_t *ret_count);
/** Finds a subject by its name or a unique start. */
struct mw_error *mw_topic_find(const char *word, const struct mw_topic **ret) MW_MUST_CHECK;

/** Something `set` changes. */
struct mw_setting {
	const char *name;
	const char *values;
	const char *summary;
	/** Checks @value and applies it; @front NULL only checks. */
	struct mw_error *(*apply)(struct mw_front *front, const char *value);
};
const struct mw_setting *mw_setting_table(size_t *ret_count);
struct mw_error *mw_setting_find(const char *word, const struct mw_setting **ret) MW_MUST_CHECK;

/** Implementations, where the table finds them. */
struct mw_error *mw_command_watch(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_watch_many(struct mw_front *front, const struct mw_arguments *arguments,
				       size_t count, size_t *ret_count);
struct mw_error *mw_command_unwatch(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_enable(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_disable(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_writers(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_info(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_print(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_examine(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_backtrace(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_continue(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_interrupt(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_detach(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_kill(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_source(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_set(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_help(struct mw_front *front, const struct mw_arguments *arguments);
struct mw_error *mw_command_quit(struct mw_front *front, const struct mw_arguments *arguments);

#endif
