// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "repl/command.h"
#include "repl/front.h"
#include "repl/lookup.h"
#include "repl/row.h"
#include "repl/script.h"

#define RATE_MAX 1000000

struct mw_error *mw_command_source(struct mw_front *front, const struct mw_arguments *arguments)
{
	struct mw_script script = {0};
	struct mw_error *err = mw_script_add_file(&script, arguments->operand);

	if (!err)
		err = mw_script_run(&script, front);
	mw_script_deinit(&script);
	return err;
}

static struct mw_error *bad_value(const char *name, const char *values)
{
	return mw_error_create(MW_ERROR_USAGE, "set %s takes %s", name, values);
}

static struct mw_error *apply_color(struct mw_front *front, const char *value)
{
	enum mw_color color;

	if (strcmp(value, "auto") == 0)
		color = MW_COLOR_AUTO;
	else if (strcmp(value, "always") == 0 || strcmp(value, "on") == 0)
		color = MW_COLOR_ALWAYS;
	else if (strcmp(value, "never") == 0 || strcmp(value, "off") == 0)
		color = MW_COLOR_NEVER;
	else
		return bad_value("color", "auto, always or never");
	if (front) {
		front->style = mw_style_choose(color, fileno(front->out));
		mw_reporter_set_style(&front->reporter, front->style);
	}
	return NULL;
}

static struct mw_error *apply_confirm(struct mw_front *front, const char *value)
{
	bool on = strcmp(value, "on") == 0;

	if (!on && strcmp(value, "off") != 0)
		return bad_value("confirm", "on or off");
	if (front)
		front->confirm = on;
	return NULL;
}

static struct mw_error *apply_max_reports(struct mw_front *front, const char *value)
{
	char *end;
	unsigned long rate = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end || rate > RATE_MAX)
		return bad_value("max-reports", "a number of reports a second, 0 for all");
	if (front)
		mw_reporter_set_rate(&front->reporter, (unsigned)rate);
	return NULL;
}

static const struct mw_setting setting_table[] = {
	{"color", "auto|always|never", "colour in reports and tables", apply_color},
	{"confirm", "on|off", "ask before kill and before ending all watches", apply_confirm},
	{"max-reports", "N", "changes shown a second, the others are counted; 0 shows all",
	 apply_max_reports},
};

const struct mw_setting *mw_setting_table(size_t *ret_count)
{
	*ret_count = mw_array_size(setting_table);
	return setting_table;
}

struct mw_error *mw_setting_find(const char *word, const struct mw_setting **ret)
{
	struct mw_lookup lookup = mw_lookup_start("setting", word, "help set");
	struct mw_error *err;
	size_t index;

	for (size_t i = 0; i < mw_array_size(setting_table); i++)
		mw_lookup_offer(&lookup, setting_table[i].name, i);
	err = mw_lookup_finish(&lookup, &index);
	if (!err)
		*ret = &setting_table[index];
	return err;
}

struct mw_error *mw_command_set(struct mw_front *front, const struct mw_arguments *arguments)
{
	const struct mw_setting *setting;
	struct mw_error *err = mw_setting_find(arguments->words.items[0], &setting);

	return err ? err : setting->apply(front, arguments->words.items[1]);
}

/** One line of help: a name, what may stand behind it, what it does. */
static void print_row(struct mw_front *front, const char *name, const char *usage,
		      const char *summary)
{
	struct mw_row row = {.out = front->out, .style = &front->style};

	mw_row_put(&row, MW_HUE_NAME, "  %s", name);
	if (usage)
		mw_row_put(&row, MW_HUE_PLAIN, " %s", usage);
	mw_row_pad(&row, 38);
	mw_row_put(&row, MW_HUE_PLAIN, "%s", summary);
	mw_row_end(&row);
}

static void list_commands(struct mw_front *front)
{
	size_t count;
	const struct mw_command *table = mw_command_table(&count);

	for (size_t i = 0; i < count; i++)
		print_row(front, table[i].name, table[i].usage, table[i].summary);
	fputs("Any unique start of a name will do. help COMMAND tells more.\n", front->out);
}

static void list_topics(struct mw_front *front)
{
	size_t count;
	const struct mw_topic *table = mw_topic_table(&count);

	for (size_t i = 0; i < count; i++)
		print_row(front, table[i].name, NULL, table[i].summary);
}

static void list_settings(struct mw_front *front)
{
	size_t count;
	const struct mw_setting *table = mw_setting_table(&count);

	for (size_t i = 0; i < count; i++)
		print_row(front, table[i].name, table[i].values, table[i].summary);
}

static void explain(struct mw_front *front, const struct mw_command *command)
{
	fprintf(front->out, "%s%s%s: %s\n", command->name, command->usage ? " " : "",
		command->usage ? command->usage : "", command->summary);
	if (command->help)
		fprintf(front->out, "%s\n", command->help);
	for (size_t i = 0; command->aliases[i]; i++)
		fprintf(front->out, "%s%s", i ? ", " : "Also: ", command->aliases[i]);
	if (command->aliases[0])
		fputc('\n', front->out);
	if (command->operand == MW_OPERAND_TOPIC)
		list_topics(front);
	if (command->operand == MW_OPERAND_SETTING)
		list_settings(front);
}

struct mw_error *mw_command_help(struct mw_front *front, const struct mw_arguments *arguments)
{
	const struct mw_command *command;
	struct mw_error *err;

	if (!arguments->operand) {
		list_commands(front);
		return NULL;
	}
	err = mw_command_find(arguments->operand, &command);
	if (!err)
		explain(front, command);
	return err;
}
