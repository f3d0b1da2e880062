// SPDX-License-Identifier: MIT
#include "repl/flags.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define HELP_COLUMN 28

static const struct mw_flag *find_option(const struct mw_flag *table, const char *word,
					 size_t length)
{
	for (; table->name; table++) {
		if (!strncmp(word, "--", 2) && strlen(table->name) == length - 2 &&
		    !strncmp(table->name, word + 2, length - 2))
			return table;
		if (length == 2 && word[0] == '-' && table->letter && word[1] == table->letter)
			return table;
	}
	return NULL;
}

/** Sets one option. @param next is moved over a value that is a word of its own. */
static struct mw_error *parse_option(const struct mw_flag *table, const char *word, char **argv,
				     int argc, int *next, void *settings)
{
	const char *equals = strncmp(word, "--", 2) ? NULL : strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	const struct mw_flag *option = find_option(table, word, length);
	const char *value = equals ? equals + 1 : NULL;
	struct mw_error *err;

	if (!option)
		return mw_error_create(MW_ERROR_USAGE, "unknown option %.*s, see --help",
				       (int)length, word);
	if (option->takes == MW_FLAG_ALONE && value)
		return mw_error_create(MW_ERROR_USAGE, "--%s takes no value", option->name);
	if (option->takes == MW_FLAG_REQUIRED && !value) {
		if (*next >= argc)
			return mw_error_create(MW_ERROR_USAGE, "--%s needs a value: %s",
					       option->name, option->value_name);
		value = argv[(*next)++];
	}
	err = option->set(settings, value);
	return err ? mw_error_prefix(err, "--%s", option->name) : NULL;
}

struct mw_error *mw_flags_parse(const struct mw_flag *table, int argc, char **argv, void *settings,
				struct mw_operands *ret)
{
	struct mw_operands operands = {0};
	struct mw_error *err = NULL;

	for (int next = 1; next < argc && !err;) {
		const char *word = argv[next++];

		if (!operands.dashes && !strcmp(word, "--")) {
			operands.dashes = true;
			operands.before_dashes = operands.names.count;
		} else if (!operands.dashes && word[0] == '-' && word[1]) {
			err = parse_option(table, word, argv, argc, &next, settings);
		} else if (!mw_vec_push(&operands.names, word)) {
			err = mw_err_nomem;
		}
	}
	if (err) {
		mw_vec_deinit(&operands.names);
		return err;
	}
	if (!operands.dashes)
		operands.before_dashes = operands.names.count;
	*ret = operands;
	return NULL;
}

static void print_option(const struct mw_flag *option, FILE *out)
{
	char head[64];
	int used;

	used = snprintf(head, sizeof(head), option->letter ? "-%c, " : "    ", option->letter);
	snprintf(head + used, sizeof(head) - (size_t)used,
		 option->takes == MW_FLAG_ALONE      ? "--%s"
		 : option->takes == MW_FLAG_OPTIONAL ? "--%s[=%s]"
						     : "--%s %s",
		 option->name, option->value_name);
	fprintf(out, "  %-*s %s\n", HELP_COLUMN, head, option->help);
}

void mw_flags_print(const struct mw_flag *table, FILE *out)
{
	for (; table->name; table++)
		print_option(table, out);
}
