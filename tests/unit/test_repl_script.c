// SPDX-License-Identifier: MIT
#include "fake_session.h"
#include "repl/front.h"
#include "repl/script.h"
#include "repl_test.h"

static void assert_line(const struct mw_script *script, size_t index, const char *path,
			unsigned number, const char *command)
{
	const struct mw_script_line *line = &script->lines.items[index];

	assert_string_equal(script->text.items + line->path, path);
	assert_int_equal(line->number, number);
	assert_string_equal(script->text.items + line->command, command);
}

static void lines_keep_their_file_and_number(void **state)
{
	struct mw_script script = {0};
	char path[32];

	(void)state;
	make_file("# start\n\nwatch counter\n   print x\ncontinue", path);
	assert_success(mw_script_add_file(&script, path));
	assert_int_equal(script.lines.count, 3);
	assert_line(&script, 0, path, 3, "watch counter");
	assert_line(&script, 2, path, 5, "continue");
	mw_script_deinit(&script);
	unlink(path);
}

static void windows_line_ends_are_fine(void **state)
{
	struct mw_script script = {0};
	char path[32];

	(void)state;
	make_file("watch counter\r\n\r\ncontinue\r\n", path);
	assert_success(mw_script_add_file(&script, path));
	assert_int_equal(script.lines.count, 2);
	assert_int_equal(script.lines.items[1].number, 3);
	mw_script_deinit(&script);
	unlink(path);
}

static void an_error_tells_file_and_line_and_adds_nothing(void **state)
{
	struct mw_script script = {0};
	char path[32], message[128];

	(void)state;
	make_file("watch counter\n\nwacth y\n", path);
	snprintf(message, sizeof(message), "%s:3: unknown command 'wacth'; did you mean 'watch'?",
		 path);
	assert_message(mw_script_add_file(&script, path), message);
	assert_int_equal(script.lines.count, 0);
	mw_script_deinit(&script);
	unlink(path);
}

static void sourced_files_take_the_place_of_their_command(void **state)
{
	struct mw_script script = {0};
	char inner[32], outer[32], text[128];

	(void)state;
	make_file("print a\nprint b\n", inner);
	snprintf(text, sizeof(text), "watch x\nsource %s\ncontinue\n", inner);
	make_file(text, outer);
	assert_success(mw_script_add_file(&script, outer));
	assert_int_equal(script.lines.count, 4);
	assert_line(&script, 2, inner, 2, "print b");
	mw_script_deinit(&script);
	unlink(inner);
	unlink(outer);
}

static void a_file_that_sources_itself_is_refused(void **state)
{
	struct mw_script script = {0};
	char path[32], text[64];
	struct mw_error *err;
	FILE *file;

	(void)state;
	make_file("", path);
	snprintf(text, sizeof(text), "source %s\n", path);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	err = mw_script_add_file(&script, path);
	assert_non_null(err);
	assert_contains(err->message, "files source each other");
	mw_error_destroy(err);
	mw_script_deinit(&script);
	unlink(path);
}

static void what_is_no_script_is_refused(void **state)
{
	struct mw_script script = {0};

	(void)state;
	assert_message(mw_script_add_file(&script, "/nonexistent/script"),
		       "cannot open /nonexistent/script: No such file or directory");
	assert_message(mw_script_add_file(&script, "/proc/self/auxv"),
		       "/proc/self/auxv is no text file");
	assert_message(mw_script_add_file(&script, "/tmp"), "cannot read /tmp: Is a directory");
	mw_script_deinit(&script);
}

static void run_lines(const char *text, const char *message)
{
	static const struct mw_options options = {.verb = MW_VERB_ATTACH, .pid = 1, .quiet = true};
	struct mw_script script = {0};
	struct mw_front front;
	char path[32], whole[256];

	make_file(text, path);
	assert_success(mw_script_add_file(&script, path));
	assert_success(mw_front_init(&front, &options, false));
	front.out = fopen("/dev/null", "w");
	if (message) {
		snprintf(whole, sizeof(whole), "%s:%s", path, message);
		assert_message(mw_script_run(&script, &front), whole);
	} else {
		assert_success(mw_script_run(&script, &front));
	}
	fclose(front.out);
	mw_front_close(&front);
	mw_script_deinit(&script);
	unlink(path);
}

static void the_first_command_that_fails_ends_a_script(void **state)
{
	(void)state;
	fake = (struct fake){.script = {.bad_expression = "nothing"}};
	run_lines("watch a\nprint nothing\nwatch b\n", "2: no symbol 'nothing'");
	assert_int_equal(fake.record.watches, 1);
}

static void an_operand_ends_before_a_windows_line_end(void **state)
{
	(void)state;
	fake = (struct fake){.script = {.bad_expression = "counter"}};
	run_lines("watch a\r\nwatch counter\r\n", "2: no symbol 'counter'");
	assert_int_equal(fake.record.watches, 1);
}

static void of_watches_in_a_row_those_before_the_first_bad_one_are_armed(void **state)
{
	char text[301 * 8];
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "watch %s\n",
					 i == 280 ? "z" : "a");
	fake = (struct fake){.script = {.bad_expression = "z"}};
	run_lines(text, "281: no symbol 'z'");
	assert_int_equal(fake.record.watches, 280);
}

static void commands_between_watches_run_in_their_place(void **state)
{
	(void)state;
	fake = (struct fake){.script = {.bad_expression = "z"}};
	run_lines("watch a\nwatch b\nunwatch 2\nwatch c\nunwatch 3\nwatch z\nunwatch 9\n",
		  "6: no symbol 'z'");
	assert_int_equal(fake.record.watches, 3);
}

static void quit_ends_a_script(void **state)
{
	(void)state;
	fake = (struct fake){0};
	run_lines("watch a\nquit\nwatch b\n", NULL);
	assert_int_equal(fake.record.watches, 1);
}

static void watches_are_found_by_number_name_and_expression(void **state)
{
	(void)state;
	fake = (struct fake){0};
	run_lines("watch -n one a\nwatch b\ndisable 1\nenable one\ndisable b\nunwatch 2 one\n",
		  NULL);
	fake = (struct fake){0};
	run_lines("watch -n limits a\nunwatch limit\n",
		  "2: no watch 'limit'; did you mean 'limits'?");
	run_lines("watch a\nunwatch 7\n", "2: no watch 7 (info watches lists them)");
}

static void every_command_runs(void **state)
{
	(void)state;
	fake = (struct fake){0};
	run_lines("watch a\nwriters\ninfo watches\ninfo threads\ninfo target\ninfo features\n"
		  "info stats\nprint a\nx/4xb a\ninterrupt\nbacktrace\ncontinue\nset color off\n"
		  "set confirm off\nset max-reports 5\nhelp\nhelp x\nhelp info\nhelp set\n"
		  "unwatch\ndetach\n",
		  NULL);
	assert_true(fake.record.detached);
	fake = (struct fake){0};
	run_lines("kill\n", NULL);
	assert_true(fake.record.killed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_keep_their_file_and_number),
		cmocka_unit_test(windows_line_ends_are_fine),
		cmocka_unit_test(an_error_tells_file_and_line_and_adds_nothing),
		cmocka_unit_test(sourced_files_take_the_place_of_their_command),
		cmocka_unit_test(a_file_that_sources_itself_is_refused),
		cmocka_unit_test(what_is_no_script_is_refused),
		cmocka_unit_test(the_first_command_that_fails_ends_a_script),
		cmocka_unit_test(an_operand_ends_before_a_windows_line_end),
		cmocka_unit_test(of_watches_in_a_row_those_before_the_first_bad_one_are_armed),
		cmocka_unit_test(commands_between_watches_run_in_their_place),
		cmocka_unit_test(quit_ends_a_script),
		cmocka_unit_test(watches_are_found_by_number_name_and_expression),
		cmocka_unit_test(every_command_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
