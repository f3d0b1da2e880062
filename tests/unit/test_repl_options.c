// SPDX-License-Identifier: MIT
#include "repl/options.h"
#include "repl_test.h"

/* Static: the options point into the words. */
#define PARSE(parse, ret, ...)                                                                     \
	({                                                                                         \
		static char *words_[] = {"verb", __VA_ARGS__, NULL};                               \
                                                                                                   \
		parse(words_, (ret));                                                              \
	})

static int count_words(char **words)
{
	int count = 0;

	while (words[count])
		count++;
	return count;
}

static struct mw_error *attach(char **words, struct mw_options *ret)
{
	return mw_options_parse(MW_VERB_ATTACH, count_words(words), words, ret);
}

static struct mw_error *launch(char **words, struct mw_options *ret)
{
	return mw_options_parse(MW_VERB_LAUNCH, count_words(words), words, ret);
}

static void attach_takes_a_process_id_before_or_behind_options(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "4711"));
	assert_int_equal(options.pid, 4711);
	mw_options_deinit(&options);
	assert_success(PARSE(attach, &options, "4711", "-w", "counter"));
	assert_int_equal(options.pid, 4711);
	assert_string_equal(options.watches.items[0].expression, "counter");
	mw_options_deinit(&options);
}

static void defaults_are_what_the_help_says(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "1"));
	assert_int_equal(options.backend, MW_BACKEND_AUTO);
	assert_int_equal(options.overflow, MW_OVERFLOW_BLOCK);
	assert_int_equal(options.color, MW_COLOR_AUTO);
	assert_int_equal(options.stack_depth, 0);
	assert_false(options.report_silent);
	assert_false(options.ignore_syscalls);
	assert_false(options.batch || options.json || options.quiet || options.exit_code);
	mw_options_deinit(&options);
}

static void every_option_reaches_its_field(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(launch, &options, "--batch", "--json=out.json", "--backend=hw",
			     "--stack=5", "--duration=200ms", "--max-events=7", "--on=write",
			     "--overflow=drop", "--ring=128", "--syscalls=off", "--color=never",
			     "--quiet", "--exit-code", "--", "prog", "-w"));
	assert_true(options.batch && options.json && options.quiet && options.exit_code);
	assert_string_equal(options.json_path, "out.json");
	assert_int_equal(options.backend, MW_BACKEND_HW);
	assert_int_equal(options.stack_depth, 5);
	assert_int_equal(options.duration_ns, 200000000);
	assert_int_equal(options.max_events, 7);
	assert_true(options.report_silent && options.ignore_syscalls);
	assert_int_equal(options.overflow, MW_OVERFLOW_DROP);
	assert_int_equal(options.ring_entries, 128);
	assert_int_equal(options.color, MW_COLOR_NEVER);
	assert_string_equal(options.command[0], "prog");
	assert_string_equal(options.command[1], "-w");
	mw_options_deinit(&options);
}

static void options_behind_the_launched_command_are_the_commands(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(launch, &options, "-w", "x", "prog", "--json", "-w"));
	assert_int_equal(options.watches.count, 1);
	assert_false(options.json);
	assert_string_equal(options.command[1], "--json");
	mw_options_deinit(&options);
}

static void a_name_belongs_to_the_watch_behind_it(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "-w", "a", "-n", "bee", "-w", "b", "-w", "c", "1"));
	assert_int_equal(options.watches.count, 3);
	assert_null(options.watches.items[0].name);
	assert_string_equal(options.watches.items[1].name, "bee");
	assert_null(options.watches.items[2].name);
	mw_options_deinit(&options);
}

static void scripts_and_commands_keep_their_order(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "-e", "one", "-x", "two", "-e", "three", "1"));
	assert_int_equal(options.scripts.count, 3);
	assert_false(options.scripts.items[0].is_file);
	assert_true(options.scripts.items[1].is_file);
	assert_string_equal(options.scripts.items[2].text, "three");
	mw_options_deinit(&options);
}

static void arguments_that_may_be_left_out(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "--stack", "--json", "12"));
	assert_int_equal(options.stack_depth, MW_STACK_DEFAULT);
	assert_true(options.json);
	assert_null(options.json_path);
	assert_int_equal(options.pid, 12);
	mw_options_deinit(&options);
	assert_success(PARSE(attach, &options, "--json=-", "12"));
	assert_null(options.json_path);
	mw_options_deinit(&options);
}

struct bad_case {
	char *words[6];
	const char *message;
};

static const struct bad_case bad_cases[] = {
	{{"verb"}, "attach to what? Usage: memwatch attach [options] PID"},
	{{"verb", "abc"}, "'abc' is no process id (pidof NAME tells it)"},
	{{"verb", "0"}, "'0' is no process id (pidof NAME tells it)"},
	{{"verb", "12x"}, "'12x' is no process id (pidof NAME tells it)"},
	{{"verb", ""}, "'' is no process id (pidof NAME tells it)"},
	{{"verb", "--", "-5"}, "'-5' is no process id (pidof NAME tells it)"},
	{{"verb", "99999999999999999999"},
	 "'99999999999999999999' is no process id (pidof NAME tells it)"},
	{{"verb", "1", "2"}, "'2' behind the process id (quote expressions with blanks)"},
	{{"verb", "--durtion=1", "1"}, "unknown option --durtion=1; did you mean --duration?"},
	{{"verb", "--zzzzzz", "1"}, "unknown option --zzzzzz (see memwatch attach --help)"},
	{{"verb", "-z", "1"}, "unknown option -z (see memwatch attach --help)"},
	{{"verb", "--exit-code", "1"}, "unknown option --exit-code (see memwatch attach --help)"},
	{{"verb", "1", "-w"}, "option -w needs an argument: EXPR"},
	{{"verb", "1", "--watch"}, "option --watch needs an argument: EXPR"},
	{{"verb", "1", "--batch=yes"}, "option --batch takes no argument"},
	{{"verb", "1", "-n", "x"}, "-n x has no -w behind it (a name stands before its -w)"},
	{{"verb", "--backend=magic", "1"},
	 "--backend takes one of auto, page, hw, uffd, poll, not 'magic'"},
	{{"verb", "--on=read", "1"}, "--on takes one of change, write, not 'read'"},
	{{"verb", "--max-events=0", "1"}, "--max-events: at least 1"},
	{{"verb", "--max-events=-1", "1"}, "--max-events: '-1' is no number"},
	{{"verb", "--stack=x", "1"}, "--stack: 'x' is no number"},
	{{"verb", "--stack=257", "1"}, "--stack: 257 is too large (at most 256)"},
	{{"verb", "--ring=0", "1"}, "--ring: at least 1"},
	{{"verb", "--json=", "1"},
	 "--json=: the file name is empty (--json alone writes to standard output)"},
	{{"verb", "--duration=soon", "1"},
	 "--duration: 'soon' is no length of time (examples: 5, 1.5s, 200ms, 2m)"},
};

static void bad_usage_is_told_in_one_helpful_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < mw_array_size(bad_cases); i++) {
		struct mw_options options;
		struct mw_error *err;
		char *words[6];

		memcpy(words, bad_cases[i].words, sizeof(words));
		err = attach(words, &options);
		assert_non_null(err);
		assert_string_equal(err->message, bad_cases[i].message);
		assert_int_equal(err->code, MW_ERROR_USAGE);
		mw_error_destroy(err);
	}
}

static void launch_needs_a_command(void **state)
{
	struct mw_options options;

	(void)state;
	assert_message(PARSE(launch, &options, "-w", "x"),
		       "launch what? Usage: memwatch launch [options] -- COMMAND [ARGUMENT…]");
	assert_message(PARSE(launch, &options, "-w", "x", "--"),
		       "launch what? Usage: memwatch launch [options] -- COMMAND [ARGUMENT…]");
}

static void help_needs_no_target(void **state)
{
	struct mw_options options;

	(void)state;
	assert_success(PARSE(attach, &options, "--help"));
	assert_true(options.help);
	mw_options_deinit(&options);
}

static void every_option_is_in_the_help_and_in_the_man_page(void **state)
{
	FILE *file = fopen("docs/man/memwatch.1", "r");
	char man[65536], help[16384] = "", name[64];
	FILE *memory = fmemopen(help, sizeof(help), "w");
	size_t count;
	const struct mw_option *table = mw_option_table(&count);

	(void)state;
	assert_non_null(file);
	read_back(file, man, sizeof(man));
	fclose(file);
	mw_options_help(MW_VERB_LAUNCH, memory);
	fclose(memory);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "Fl Fl %s", table[i].name);
		assert_contains(man, name);
		snprintf(name, sizeof(name), "--%s", table[i].name);
		assert_contains(help, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_takes_a_process_id_before_or_behind_options),
		cmocka_unit_test(defaults_are_what_the_help_says),
		cmocka_unit_test(every_option_reaches_its_field),
		cmocka_unit_test(options_behind_the_launched_command_are_the_commands),
		cmocka_unit_test(a_name_belongs_to_the_watch_behind_it),
		cmocka_unit_test(scripts_and_commands_keep_their_order),
		cmocka_unit_test(arguments_that_may_be_left_out),
		cmocka_unit_test(bad_usage_is_told_in_one_helpful_line),
		cmocka_unit_test(launch_needs_a_command),
		cmocka_unit_test(help_needs_no_target),
		cmocka_unit_test(every_option_is_in_the_help_and_in_the_man_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
