// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "repl/command.h"

/** Most units that one x command dumps. */
#define COUNT_MAX 65536

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t\r\n");
}

static void trim_end(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
}

/** Ends the word at *@cursor with a NUL and moves the cursor to what follows. @return the word. */
static char *take_word(char **cursor)
{
	char *word = *cursor;
	char *end = word + strcspn(word, " \t");

	*cursor = *end ? skip_blanks(end + 1) : end;
	*end = '\0';
	return word;
}

static struct mw_error *usage_error(const struct mw_command *command, const char *what)
{
	return mw_error_create(MW_ERROR_USAGE, "%s: %s; usage: %s%s%s", command->name, what,
			       command->name, command->usage ? " " : "",
			       command->usage ? command->usage : "");
}

/** Bytes that a format letter takes when no size is given. */
static unsigned default_unit(char letter)
{
	switch (letter) {
	case 'c':
	case 's':
		return 1;
	case 'a':
	case 'f':
		return 8;
	default:
		return 4;
	}
}

static unsigned unit_of_letter(char letter)
{
	static const char letters[] = "bhwg";
	const char *found = strchr(letters, letter);

	return 1u << (found - letters);
}

static struct mw_error *bad_format(const char *text, const char *why)
{
	return mw_error_create(MW_ERROR_USAGE, "x: bad format /%s: %s (see help x)", text, why);
}

/** Reads "16xb", the count first, letter and size in any order. */
static struct mw_error *parse_format(const char *text, struct mw_format *ret)
{
	struct mw_format format = {.count = 1, .letter = 'x'};
	char *letters = (char *)text;
	unsigned long count;

	if (isdigit((unsigned char)text[0])) {
		count = strtoul(text, &letters, 10);
		if (count == 0 || count > COUNT_MAX)
			return bad_format(text, "the count goes from 1 to 65536");
		format.count = (unsigned)count;
	}
	for (; *letters; letters++) {
		if (strchr("xduotacsf", *letters))
			format.letter = *letters;
		else if (strchr("bhwg", *letters))
			format.unit = unit_of_letter(*letters);
		else if (*letters == 'i')
			return bad_format(text, "memwatch doesn't disassemble");
		else
			return bad_format(text, "unknown letter");
	}
	if (!format.unit)
		format.unit = default_unit(format.letter);
	*ret = format;
	return NULL;
}

static struct mw_error *parse_backend(const char *word, enum mw_backend *ret)
{
	for (unsigned i = 0; i < MW_BACKEND_COUNT; i++) {
		if (strcmp(mw_backend_name(i), word) != 0)
			continue;
		*ret = i;
		return NULL;
	}
	return mw_error_create(MW_ERROR_USAGE, "watch: there is no back end '%s' (auto, page, hw)",
			       word);
}

static struct mw_error *store_option(struct mw_arguments *arguments, char letter, const char *value)
{
	if (letter == 'b')
		return parse_backend(value, &arguments->backend);
	arguments->name = value;
	return NULL;
}

/** Takes "-n NAME -b BACKEND" off the front. An expression may start with '-' and a digit. */
static struct mw_error *parse_options(struct mw_arguments *arguments, char **cursor)
{
	const struct mw_command *command = arguments->command;

	while (command->options && (*cursor)[0] == '-' && isalpha((unsigned char)(*cursor)[1])) {
		char *word = take_word(cursor);
		struct mw_error *err;

		if (word[2] || !strchr(command->options, word[1]))
			return mw_error_create(MW_ERROR_USAGE,
					       "%s: unknown option %s; usage: %s %s", command->name,
					       word, command->name, command->usage);
		if (!(*cursor)[0])
			return mw_error_create(MW_ERROR_USAGE, "%s: %s needs a value; usage: %s %s",
					       command->name, word, command->name, command->usage);
		err = store_option(arguments, word[1], take_word(cursor));
		if (err)
			return err;
	}
	return NULL;
}

static struct mw_error *parse_thread(struct mw_arguments *arguments)
{
	char *end;
	long tid;

	if (!arguments->operand)
		return NULL;
	tid = strtol(arguments->operand, &end, 10);
	if (*end || tid <= 0 || tid > INT32_MAX)
		return usage_error(arguments->command, "the thread id is no number");
	arguments->tid = (pid_t)tid;
	return NULL;
}

static struct mw_error *check_setting(const struct mw_arguments *arguments)
{
	const struct mw_setting *setting;
	struct mw_error *err;

	if (arguments->words.count != 2)
		return usage_error(arguments->command, "a name and a value");
	err = mw_setting_find(arguments->words.items[0], &setting);
	return err ? err : setting->apply(NULL, arguments->words.items[1]);
}

static struct mw_error *check_operand(struct mw_arguments *arguments)
{
	const struct mw_command *command = arguments->command;
	const struct mw_topic *topic;
	const struct mw_command *named;

	if (command->operand == MW_OPERAND_NONE)
		return arguments->operand ? usage_error(command, "it takes no argument") : NULL;
	if (!arguments->operand && !command->operand_optional)
		return usage_error(command, "an argument is missing");
	switch (command->operand) {
	case MW_OPERAND_THREAD:
		return parse_thread(arguments);
	case MW_OPERAND_TOPIC:
		return mw_topic_find(arguments->operand, &topic);
	case MW_OPERAND_SETTING:
		return check_setting(arguments);
	case MW_OPERAND_COMMAND:
		return arguments->operand ? mw_command_find(arguments->operand, &named) : NULL;
	default:
		return NULL;
	}
}

/** Cuts a copy of the operand into words. */
static struct mw_error *split_words(struct mw_arguments *arguments, char *copy)
{
	while (*copy)
		if (!mw_vec_push(&arguments->words, take_word(&copy)))
			return mw_err_nomem;
	return NULL;
}

/** The first word, and /FMT behind it if the command takes that. */
static struct mw_error *parse_verb(struct mw_arguments *arguments, char **cursor)
{
	/* `x/4xb p` and `x /4xb p` are both fine; a path behind source is no format. */
	char *verb = *cursor;
	char *end = verb + strcspn(verb, " \t/");
	char separator = *end;
	struct mw_error *err;

	*end = '\0';
	*cursor = separator ? skip_blanks(end + 1) : end;
	err = mw_command_find(verb, &arguments->command);
	if (err)
		return err;
	arguments->format = (struct mw_format){.count = 1, .letter = 'x', .unit = 4};
	if (separator != '/' && !(arguments->command->takes_format && **cursor == '/'))
		return NULL;
	if (!arguments->command->takes_format)
		return usage_error(arguments->command, "it takes no /FMT");
	if (separator != '/')
		(*cursor)++;
	return parse_format(take_word(cursor), &arguments->format);
}

static struct mw_error *parse_line(struct mw_arguments *arguments, char *cursor, char *copy)
{
	struct mw_error *err = parse_verb(arguments, &cursor);

	if (!err)
		err = parse_options(arguments, &cursor);
	if (err)
		return err;
	if (*cursor) {
		arguments->operand = cursor;
		strcpy(copy, cursor);
		err = split_words(arguments, copy);
	}
	return err ? err : check_operand(arguments);
}

struct mw_error *mw_arguments_parse(const char *line, struct mw_arguments *ret)
{
	struct mw_arguments arguments = {0};
	struct mw_error *err;
	char *start;

	/* Twice: one to cut into command, options and operand, one to cut into words. */
	if (asprintf(&arguments.line, "%s%c%s", line, '\0', line) < 0)
		return mw_err_nomem;
	start = skip_blanks(arguments.line);
	trim_end(start);
	if (*start && *start != '#') {
		err = parse_line(&arguments, start, arguments.line + strlen(line) + 1);
		if (err) {
			mw_arguments_deinit(&arguments);
			return err;
		}
	}
	*ret = arguments;
	return NULL;
}

void mw_arguments_deinit(struct mw_arguments *arguments)
{
	mw_vec_deinit(&arguments->words);
	free(arguments->line);
	arguments->line = NULL;
}
