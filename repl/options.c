// SPDX-License-Identifier: MIT
#include "repl/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "repl/nearest.h"
#include "repl/row.h"

#define OPTIONS_MAX 48
/** What getopt_long() returns for row 0 of the table; above all characters. */
#define LONG_BASE 256

static const struct verb {
	enum mw_verb verb;
	const char *name;
	const char *arguments;
	const char *summary;
} verbs[] = {
	{MW_VERB_ATTACH, "attach", "[options] PID", "Watches the memory of a running process."},
	{MW_VERB_LAUNCH, "launch", "[options] -- COMMAND [ARGUMENT…]",
	 "Starts a command and watches its memory. It stops before main until all is armed."},
};

static const struct verb *find_verb(enum mw_verb verb)
{
	return &verbs[verb == MW_VERB_LAUNCH];
}

/** What getopt_long() wants, made from the table. */
struct getopt_tables {
	struct option longs[OPTIONS_MAX];
	char shorts[2 + 3 * OPTIONS_MAX];
};

static int argument_kind(const struct mw_option *option)
{
	if (!option->argument)
		return no_argument;
	return option->argument_optional ? optional_argument : required_argument;
}

static void make_getopt_tables(enum mw_verb verb, struct getopt_tables *ret)
{
	size_t count, used = 0;
	const struct mw_option *table = mw_option_table(&count);
	/* launch: options behind the command are the command's. ':' tells a missing argument. */
	char *letter = stpcpy(ret->shorts, verb == MW_VERB_LAUNCH ? "+:" : ":");

	for (size_t i = 0; i < count; i++) {
		int kind = argument_kind(&table[i]);

		if (!(table[i].verbs & verb))
			continue;
		ret->longs[used++] = (struct option){
			.name = table[i].name, .has_arg = kind, .val = LONG_BASE + (int)i};
		if (!table[i].letter)
			continue;
		*letter++ = table[i].letter;
		for (int colons = 0; colons < kind; colons++)
			*letter++ = ':';
	}
	*letter = '\0';
	ret->longs[used] = (struct option){0};
}

static const struct mw_option *find_option(int value)
{
	size_t count;
	const struct mw_option *table = mw_option_table(&count);

	if (value >= LONG_BASE)
		return &table[value - LONG_BASE];
	for (size_t i = 0; i < count; i++)
		if (table[i].letter == value)
			return &table[i];
	return NULL;
}

static struct mw_error *unknown_option(enum mw_verb verb, const char *word)
{
	struct mw_nearest nearest = {.wanted = word + 2};
	size_t count;
	const struct mw_option *table = mw_option_table(&count);
	const char *name = find_verb(verb)->name;

	if (strncmp(word, "--", 2) != 0)
		return mw_error_create(MW_ERROR_USAGE,
				       "unknown option -%c (see memwatch %s --help)", optopt, name);
	for (size_t i = 0; i < count; i++)
		if (table[i].verbs & verb)
			mw_nearest_offer(&nearest, table[i].name);
	if (nearest.best)
		return mw_error_create(MW_ERROR_USAGE, "unknown option %s; did you mean --%s?",
				       word, nearest.best);
	return mw_error_create(MW_ERROR_USAGE, "unknown option %s (see memwatch %s --help)", word,
			       name);
}

/** Words the failure that getopt_long() has just returned. */
static struct mw_error *getopt_error(enum mw_verb verb, int result, const char *word)
{
	const struct mw_option *option = optopt ? find_option(optopt) : NULL;

	if (result == ':')
		return mw_error_create(MW_ERROR_USAGE, "option %s needs an argument: %s", word,
				       option && option->argument ? option->argument : "VALUE");
	/* A known option here had an argument it doesn't take. */
	if (option && strncmp(word, "--", 2) == 0)
		return mw_error_create(MW_ERROR_USAGE, "option --%s takes no argument",
				       option->name);
	return unknown_option(verb, word);
}

static struct mw_error *parse_words(enum mw_verb verb, int argc, char **argv,
				    struct mw_options *options)
{
	struct getopt_tables tables;
	struct mw_error *err = NULL;

	make_getopt_tables(verb, &tables);
	opterr = 0;
	optind = 0;
	while (!err) {
		int index = optind ? optind : 1;
		int result = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);

		if (result == -1)
			break;
		/* Permuting moves words; the one at fault then stands before optind. */
		if (result == '?' || result == ':')
			return getopt_error(verb, result,
					    argv[optind > index ? optind - 1 : index]);
		err = find_option(result)->parse(options, optarg);
	}
	return err;
}

static struct mw_error *parse_pid(int argc, char **argv, pid_t *ret)
{
	char *end;
	long pid;

	if (optind >= argc)
		return mw_error_create(MW_ERROR_USAGE,
				       "attach to what? Usage: memwatch attach [options] PID");
	if (optind + 1 < argc)
		return mw_error_create(MW_ERROR_USAGE,
				       "'%s' behind the process id (quote expressions with blanks)",
				       argv[optind + 1]);
	errno = 0;
	pid = strtol(argv[optind], &end, 10);
	if (!isdigit((unsigned char)argv[optind][0]) || *end || errno || pid <= 0 ||
	    pid > INT32_MAX)
		return mw_error_create(MW_ERROR_USAGE,
				       "'%s' is no process id (pidof NAME tells it)", argv[optind]);
	*ret = (pid_t)pid;
	return NULL;
}

static struct mw_error *parse_operands(int argc, char **argv, struct mw_options *options)
{
	if (options->help)
		return NULL;
	if (options->pending_name)
		return mw_error_create(MW_ERROR_USAGE,
				       "-n %s has no -w behind it (a name stands before its -w)",
				       options->pending_name);
	if (options->verb == MW_VERB_ATTACH)
		return parse_pid(argc, argv, &options->pid);
	if (optind >= argc)
		return mw_error_create(
			MW_ERROR_USAGE,
			"launch what? Usage: memwatch launch [options] -- COMMAND [ARGUMENT…]");
	options->command = argv + optind;
	return NULL;
}

struct mw_error *mw_options_parse(enum mw_verb verb, int argc, char **argv, struct mw_options *ret)
{
	struct mw_options options = {.verb = verb};
	struct mw_error *err = parse_words(verb, argc, argv, &options);

	if (!err)
		err = parse_operands(argc, argv, &options);
	if (err) {
		mw_options_deinit(&options);
		return err;
	}
	*ret = options;
	return NULL;
}

void mw_options_deinit(struct mw_options *options)
{
	mw_vec_deinit(&options->watches);
	mw_vec_deinit(&options->scripts);
}

static void print_option(const struct mw_option *option, FILE *out)
{
	static const struct mw_style plain = {.color = false};
	struct mw_row row = {.out = out, .style = &plain};

	if (option->letter)
		mw_row_put(&row, MW_HUE_PLAIN, "  -%c, ", option->letter);
	else
		mw_row_put(&row, MW_HUE_PLAIN, "      ");
	mw_row_put(&row, MW_HUE_PLAIN, "--%s", option->name);
	if (option->argument)
		mw_row_put(&row, MW_HUE_PLAIN, option->argument_optional ? "[=%s]" : "=%s",
			   option->argument);
	mw_row_pad(&row, 28);
	mw_row_put(&row, MW_HUE_PLAIN, "%s", option->summary);
	mw_row_end(&row);
}

void mw_options_help(enum mw_verb verb, FILE *out)
{
	const struct verb *row = find_verb(verb);
	size_t count;
	const struct mw_option *table = mw_option_table(&count);

	fprintf(out, "Usage: memwatch %s %s\n%s\n\n", row->name, row->arguments, row->summary);
	for (size_t i = 0; i < count; i++)
		if (table[i].verbs & verb)
			print_option(&table[i], out);
	fputs("\nExit status: 0 fine, 1 failed, 2 usage, 4 not permitted, 128+N ended by signal "
	      "N.\n",
	      out);
}
