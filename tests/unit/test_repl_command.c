// SPDX-License-Identifier: MIT
#include "fake_session.h"
#include "repl/command.h"
#include "repl_test.h"

static void finds(const char *word, const char *name)
{
	const struct mw_command *command = NULL;

	assert_success(mw_command_find(word, &command));
	assert_string_equal(command->name, name);
}

static void names_abbreviations_and_unique_starts_find_a_command(void **state)
{
	static const struct {
		const char *word;
		const char *name;
	} cases[] = {
		{"watch", "watch"},   {"wat", "watch"},       {"c", "continue"},
		{"cont", "continue"}, {"p", "print"},         {"bt", "backtrace"},
		{"b", "backtrace"},   {"where", "backtrace"}, {"i", "info"},
		{"d", "unwatch"},     {"del", "unwatch"},     {"delete", "unwatch"},
		{"q", "quit"},        {"exit", "quit"},       {"h", "help"},
		{"x", "x"},           {"k", "kill"},          {"unw", "unwatch"},
		{"en", "enable"},     {"dis", "disable"},     {"det", "detach"},
		{"wr", "writers"},    {"int", "interrupt"},   {"so", "source"},
		{"se", "set"},
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++)
		finds(cases[i].word, cases[i].name);
}

static void every_name_and_alias_finds_its_own_command(void **state)
{
	size_t count;
	const struct mw_command *table = mw_command_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		finds(table[i].name, table[i].name);
		for (size_t j = 0; table[i].aliases[j]; j++)
			finds(table[i].aliases[j], table[i].name);
	}
}

static void an_ambiguous_start_lists_what_it_may_mean(void **state)
{
	const struct mw_command *command;

	(void)state;
	assert_message(mw_command_find("w", &command),
		       "command 'w' is ambiguous: watch, writers, where");
	assert_message(mw_command_find("s", &command), "command 's' is ambiguous: source, set");
	assert_message(mw_command_find("de", &command),
		       "command 'de' is ambiguous: delete, detach");
}

static void an_unknown_command_names_the_nearest(void **state)
{
	const struct mw_command *command;

	(void)state;
	assert_message(mw_command_find("wacth", &command),
		       "unknown command 'wacth'; did you mean 'watch'?");
	assert_message(mw_command_find("zzzzzz", &command),
		       "unknown command 'zzzzzz' (help lists them)");
}

static void blank_lines_and_comments_are_no_commands(void **state)
{
	static const char *const lines[] = {"", "   ", "\t\r\n", "# watch x", "   # x"};

	(void)state;
	for (size_t i = 0; i < mw_array_size(lines); i++) {
		struct mw_arguments arguments;

		assert_success(mw_arguments_parse(lines[i], &arguments));
		assert_null(arguments.command);
		mw_arguments_deinit(&arguments);
	}
}

static void options_stand_before_the_expression(void **state)
{
	struct mw_arguments arguments;

	(void)state;
	assert_success(
		mw_arguments_parse("  watch  -n limit -b hw  cfg.limits[3] . soft \n", &arguments));
	assert_string_equal(arguments.name, "limit");
	assert_int_equal(arguments.backend, MW_BACKEND_HW);
	assert_string_equal(arguments.operand, "cfg.limits[3] . soft");
	mw_arguments_deinit(&arguments);
	assert_success(mw_arguments_parse("watch -5 + x", &arguments));
	assert_string_equal(arguments.operand, "-5 + x");
	mw_arguments_deinit(&arguments);
}

static void assert_format(const char *line, unsigned count, char letter, unsigned unit)
{
	struct mw_arguments arguments;

	assert_success(mw_arguments_parse(line, &arguments));
	assert_int_equal(arguments.format.count, count);
	assert_int_equal(arguments.format.letter, letter);
	assert_int_equal(arguments.format.unit, unit);
	assert_string_equal(arguments.operand, "p/2");
	mw_arguments_deinit(&arguments);
}

static void formats_are_read_as_gdb_reads_them(void **state)
{
	(void)state;
	assert_format("x p/2", 1, 'x', 4);
	assert_format("x/16xb p/2", 16, 'x', 1);
	assert_format("x/2bx p/2", 2, 'x', 1);
	assert_format("x /3gd p/2", 3, 'd', 8);
	assert_format("x/s p/2", 1, 's', 1);
	assert_format("x/c p/2", 1, 'c', 1);
	assert_format("x/a p/2", 1, 'a', 8);
	assert_format("x/hu p/2", 1, 'u', 2);
}

static void several_words_are_taken_apart(void **state)
{
	struct mw_arguments arguments;

	(void)state;
	assert_success(mw_arguments_parse("disable 1  two\t3", &arguments));
	assert_int_equal(arguments.words.count, 3);
	assert_string_equal(arguments.words.items[1], "two");
	assert_string_equal(arguments.words.items[2], "3");
	mw_arguments_deinit(&arguments);
	assert_success(mw_arguments_parse("bt 4711", &arguments));
	assert_int_equal(arguments.tid, 4711);
	mw_arguments_deinit(&arguments);
}

static void bad_arguments_are_found_without_a_target(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} cases[] = {
		{"watch",
		 "watch: an argument is missing; usage: watch [-n NAME] [-b BACKEND] EXPR"},
		{"watch -n x",
		 "watch: an argument is missing; usage: watch [-n NAME] [-b BACKEND] EXPR"},
		{"watch -n", "watch: -n needs a value; usage: watch [-n NAME] [-b BACKEND] EXPR"},
		{"watch -z x y",
		 "watch: unknown option -z; usage: watch [-n NAME] [-b BACKEND] EXPR"},
		{"watch -b magic x", "watch: there is no back end 'magic' (auto, page, hw)"},
		{"enable", "enable: an argument is missing; usage: enable WATCH…"},
		{"continue now", "continue: it takes no argument; usage: continue"},
		{"print/x y", "print: it takes no /FMT; usage: print EXPR"},
		{"x/0x y", "x: bad format /0x: the count goes from 1 to 65536 (see help x)"},
		{"x/i y", "x: bad format /i: memwatch doesn't disassemble (see help x)"},
		{"x/q y", "x: bad format /q: unknown letter (see help x)"},
		{"backtrace main", "backtrace: the thread id is no number; usage: backtrace [TID]"},
		{"info", "info: an argument is missing; usage: info SUBJECT"},
		{"info wacthes", "unknown subject 'wacthes'; did you mean 'watches'?"},
		{"info t", "subject 't' is ambiguous: threads, target"},
		{"set", "set: an argument is missing; usage: set NAME VALUE"},
		{"set color", "set: a name and a value; usage: set NAME VALUE"},
		{"set color red", "set color takes auto, always or never"},
		{"set confirm maybe", "set confirm takes on or off"},
		{"set max-reports -1",
		 "set max-reports takes a number of reports a second, 0 for all"},
		{"help wacth", "unknown command 'wacth'; did you mean 'watch'?"},
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++) {
		struct mw_arguments arguments;

		assert_message(mw_arguments_parse(cases[i].line, &arguments), cases[i].message);
	}
}

static void every_command_subject_and_setting_is_in_the_man_page(void **state)
{
	FILE *file = fopen("docs/man/memwatch.1", "r");
	char man[65536], name[64];
	size_t count;
	const struct mw_command *commands = mw_command_table(&count);
	const struct mw_topic *topics;
	const struct mw_setting *settings;

	(void)state;
	assert_non_null(file);
	read_back(file, man, sizeof(man));
	fclose(file);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), ".It Ic %s", commands[i].name);
		assert_contains(man, name);
		for (size_t j = 0; commands[i].aliases[j]; j++) {
			snprintf(name, sizeof(name), ".Ic %s ", commands[i].aliases[j]);
			assert_contains(man, name);
		}
	}
	topics = mw_topic_table(&count);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), ".Cm %s ", topics[i].name);
		assert_contains(man, name);
	}
	settings = mw_setting_table(&count);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), ".Cm %s\n", settings[i].name);
		assert_contains(man, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_abbreviations_and_unique_starts_find_a_command),
		cmocka_unit_test(every_name_and_alias_finds_its_own_command),
		cmocka_unit_test(an_ambiguous_start_lists_what_it_may_mean),
		cmocka_unit_test(an_unknown_command_names_the_nearest),
		cmocka_unit_test(blank_lines_and_comments_are_no_commands),
		cmocka_unit_test(options_stand_before_the_expression),
		cmocka_unit_test(formats_are_read_as_gdb_reads_them),
		cmocka_unit_test(several_words_are_taken_apart),
		cmocka_unit_test(bad_arguments_are_found_without_a_target),
		cmocka_unit_test(every_command_subject_and_setting_is_in_the_man_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
