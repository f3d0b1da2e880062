// SPDX-License-Identifier: MIT
/* The prompt on a pseudo terminal: what is typed, and what the screen then shows. */
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <time.h>

#include "fake_session.h"
#include "repl/completion.h"
#include "repl/subcommand.h"
#include "repl_test.h"

/** libedit never frees the names of added functions. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:wcsdup\n";
}

/** memwatch on the other side of a terminal. */
struct terminal {
	pid_t pid;
	int fd;
	/** All that was printed so far. */
	char text[262144];
	size_t size;
};

static char state_folder[] = "/tmp/memwatch-state-XXXXXX";

static void start(struct terminal *terminal, struct fake_script script, char **words)
{
	const struct winsize size = {.ws_row = 24, .ws_col = 100};
	int count = 0;

	while (words[count])
		count++;
	memset(terminal, 0, sizeof(*terminal));
	fake = (struct fake){.script = script};
	fflush(NULL);
	terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
	if (terminal->pid == 0) {
		alarm(60);
		setenv("TERM", "xterm", 1);
		setenv("NO_COLOR", "1", 1);
		exit(strcmp(words[0], "attach") == 0 ? mw_subcommand_attach.main(count, words)
						     : mw_subcommand_launch.main(count, words));
	}
	assert_true(terminal->pid > 0);
}

#define START(terminal, script, ...)                                                               \
	start(terminal, script, (char *[]){"attach", __VA_ARGS__, "1", NULL})

/** Reads what comes within @ms. @return false at the end. */
static bool read_some(struct terminal *terminal, int ms)
{
	struct pollfd fd = {.fd = terminal->fd, .events = POLLIN};
	ssize_t got;

	if (poll(&fd, 1, ms) <= 0)
		return true;
	got = read(terminal->fd, terminal->text + terminal->size,
		   sizeof(terminal->text) - terminal->size - 1);
	if (got <= 0)
		return false;
	terminal->size += (size_t)got;
	terminal->text[terminal->size] = 0;
	return true;
}

/** Reads until @wanted has come behind @from. @return where. */
static size_t expect_from(struct terminal *terminal, size_t from, const char *wanted)
{
	time_t deadline = time(NULL) + 20;
	const char *found;

	while (!(found = strstr(terminal->text + from, wanted))) {
		if (!read_some(terminal, 100) || time(NULL) > deadline)
			fail_msg("'%s' did not come; there is:\n%s", wanted, terminal->text + from);
	}
	return (size_t)(found - terminal->text);
}

/** Reads until @wanted comes, all before being done with. */
static void expect(struct terminal *terminal, const char *wanted)
{
	size_t at = expect_from(terminal, 0, wanted);

	memmove(terminal->text, terminal->text + at + strlen(wanted),
		terminal->size - at - strlen(wanted) + 1);
	terminal->size -= at + strlen(wanted);
}

static void type(struct terminal *terminal, const char *keys)
{
	assert_int_equal(write(terminal->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static int finish(struct terminal *terminal)
{
	while (read_some(terminal, 1000))
		continue;
	close(terminal->fd);
	return wait_for(terminal->pid);
}

static void a_command_is_typed_and_answered(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "-q");
	expect(terminal, "(memwatch) ");
	type(terminal, "print counter\r");
	expect(terminal, "counter = 42\r\n");
	expect(terminal, "(memwatch) ");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void the_greeting_and_the_good_bye_say_what_happens(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "--color=never");
	expect(terminal, "attached to 4700 (server), 3 threads; help lists the commands\r\n");
	expect(terminal, "(memwatch) ");
	type(terminal, "\x04");
	expect(terminal, "memwatch: detached from 4700 (server); it goes on running\r\n");
	assert_int_equal(finish(terminal), 0);
}

/** The screen after all that was printed: enough of a terminal for what libedit sends. */
struct screen {
	char rows[64][128];
	size_t row;
	size_t column;
};

static void put(struct screen *screen, char byte)
{
	if (screen->column == 100) {
		screen->column = 0;
		screen->row++;
	}
	assert_true(screen->row < 64);
	screen->rows[screen->row][screen->column++] = byte;
}

static void clear_behind(struct screen *screen, bool rows_too)
{
	memset(screen->rows[screen->row] + screen->column, 0, 128 - screen->column);
	for (size_t row = screen->row + 1; rows_too && row < 64; row++)
		memset(screen->rows[row], 0, 128);
}

/** Carries out the escape sequence at @text. @return its length. */
static size_t escape(struct screen *screen, const char *text)
{
	size_t length = 2;
	size_t number = 0, count;

	if (text[1] != '[')
		return 2;
	while (text[length] >= '0' && text[length] <= '9')
		number = number * 10 + (size_t)(text[length++] - '0');
	count = mw_max(number, (size_t)1);
	switch (text[length]) {
	case 'A':
		screen->row -= mw_min(screen->row, count);
		break;
	case 'C':
		screen->column += count;
		break;
	case 'D':
		screen->column -= mw_min(screen->column, count);
		break;
	case 'G':
		screen->column = count - 1;
		break;
	case 'J':
		clear_behind(screen, true);
		break;
	case 'K':
		clear_behind(screen, false);
		break;
	}
	return length + 1;
}

static void draw(const char *text, struct screen *ret)
{
	memset(ret, 0, sizeof(*ret));
	while (*text) {
		if (*text == '\033') {
			text += escape(ret, text);
			continue;
		}
		if (*text == '\r')
			ret->column = 0;
		else if (*text == '\n')
			ret->row++;
		else if (*text == '\b')
			ret->column--;
		else if (*text != '\a' && (*text & 0xc0) != 0x80)
			put(ret, *text & 0x80 ? '?' : *text);
		text++;
	}
}

/** @return the first row from @from on that begins with @start. */
static size_t find_row(const struct screen *screen, size_t from, const char *start)
{
	for (size_t row = from; row < 64; row++)
		if (strncmp(screen->rows[row], start, strlen(start)) == 0)
			return row;
	for (size_t row = 0; row < 20; row++)
		print_message("|%s\n", screen->rows[row]);
	fail_msg("no row begins with '%s'", start);
	return 0;
}

static void reports_stand_above_the_line_being_typed(void **state)
{
	struct terminal *terminal = *state;
	struct screen screen;
	size_t report, notice, line;

	START(terminal,
	      ((struct fake_script){
		      .events = 2, .interval_us = 300000, .notice = "thread 5 exited"}),
	      "--stack");
	expect_from(terminal, 0, "(memwatch) ");
	type(terminal, "watch counter\rprint cfg.li");
	expect_from(terminal, expect_from(terminal, 0, "#2 "), "(memwatch) print cfg.li");
	draw(terminal->text, &screen);
	notice = find_row(&screen, 0, "memwatch: thread 5 exited");
	report = find_row(&screen, notice, "#1    cfg.limits[3].soft: 10 ? 20");
	find_row(&screen, report, "        #1  main() server.c:300");
	report = find_row(&screen, report, "#2    cfg.limits[3].soft: 10 ? 20");
	line = find_row(&screen, report, "(memwatch) print cfg.li");
	/* Once, with the cursor behind it: nothing is left where the line stood before. */
	assert_int_equal(line, screen.row);
	assert_int_equal(screen.column, strlen("(memwatch) print cfg.li"));
	for (size_t row = notice; row < line; row++)
		assert_lacks(screen.rows[row], "print cfg");
	/* And it can still be finished. */
	terminal->size = 0;
	memset(terminal->text, 0, sizeof(terminal->text));
	type(terminal, "mits\r");
	expect(terminal, "cfg.limits = 42\r\n");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void a_line_of_several_rows_moves_as_a_whole(void **state)
{
	static const char typed[] =
		"print a123456789b123456789c123456789d123456789e123456789f123456789g123456789"
		"h123456789i123456789j123456789";
	struct terminal *terminal = *state;
	struct screen screen;
	size_t report, line;

	START(terminal, ((struct fake_script){.events = 2, .interval_us = 300000}), "-q");
	expect_from(terminal, 0, "(memwatch) ");
	type(terminal, "watch counter\r");
	type(terminal, typed);
	expect_from(terminal, expect_from(terminal, 0, "#2 "), "j123456789");
	draw(terminal->text, &screen);
	report = find_row(&screen, 0, "#1 ");
	report = find_row(&screen, report, "#2 ");
	line = find_row(&screen, report, "(memwatch) print a123456789");
	assert_int_equal(screen.row, line + 1);
	assert_string_equal(screen.rows[line + 1], typed + 100 - strlen("(memwatch) "));
	for (size_t row = find_row(&screen, 0, "#1 "); row < line; row++)
		assert_lacks(screen.rows[row], "123456789");
	type(terminal, "\x15quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void ctrl_c_stops_a_running_target_and_keeps_the_line(void **state)
{
	struct terminal *terminal = *state;
	size_t at;

	START(terminal, ((struct fake_script){0}), "--color=never");
	expect_from(terminal, 0, "(memwatch) ");
	type(terminal, "print co");
	expect_from(terminal, 0, "print co");
	type(terminal, "\x03");
	at = expect_from(terminal, 0, "memwatch: target 4700 (server) is stopped");
	expect_from(terminal, at, "(memwatch) print co");
	/* At a stopped target it clears the line. */
	type(terminal, "\x03print other\r");
	expect(terminal, "other = 42\r\n");
	type(terminal, "continue\rquit\r");
	assert_int_equal(finish(terminal), 0);
}

static void kill_asks_first(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "--color=never");
	expect(terminal, "(memwatch) ");
	type(terminal, "kill\r");
	expect(terminal, "Kill the target 4700 (server)? (y or n) ");
	type(terminal, "n\r");
	expect(terminal, "(memwatch) ");
	type(terminal, "kill\r");
	expect(terminal, "(y or n) ");
	type(terminal, "y\r");
	expect(terminal, "memwatch: target 4700 (server) was killed by signal 9");
	expect(terminal, "(memwatch) ");
	type(terminal, "q\r");
	assert_int_equal(finish(terminal), 0);
}

static void set_confirm_off_asks_nothing(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "--color=never");
	expect(terminal, "(memwatch) ");
	type(terminal, "set confirm off\rkill\r");
	expect(terminal, "was killed by signal 9");
	assert_lacks(terminal->text, "(y or n)");
	type(terminal, "q\r");
	assert_int_equal(finish(terminal), 0);
}

static void tab_completes_commands_and_expressions(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "-q");
	expect(terminal, "(memwatch) ");
	type(terminal, "pri\tcfg.li\t\r");
	expect(terminal, "cfg.limits = 42\r\n");
	expect(terminal, "(memwatch) ");
	type(terminal, "print co\t\t");
	expect(terminal, "counter   counters");
	type(terminal, "\r");
	expect(terminal, "counter = 42\r\n");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void errors_are_one_line_and_leave_the_prompt(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){.bad_expression = "nothing"}), "-q");
	expect(terminal, "(memwatch) ");
	type(terminal, "wacth x\r");
	expect(terminal, "memwatch: unknown command 'wacth'; did you mean 'watch'?\r\n(memwatch) ");
	type(terminal, "watch nothing\r");
	expect(terminal, "memwatch: no symbol 'nothing'\r\n(memwatch) ");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void a_flood_of_changes_leaves_the_prompt_usable(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){.events = 1000000, .interval_us = 10}), "-q", "-w",
	      "counter");
	expect(terminal, "more changes (info watches, writers)\r\n");
	type(terminal, "set max-reports 1\rprint counter\r");
	expect(terminal, "counter = 42\r\n");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void a_launched_target_waits_for_continue(void **state)
{
	struct terminal *terminal = *state;

	start(terminal, (struct fake_script){.events = 1, .ends = true},
	      (char *[]){"launch", "--color=never", "-w", "counter", "--", "prog", NULL});
	expect(terminal, "4700 (server) is stopped before main; continue starts it\r\n");
	type(terminal, "continue\r");
	expect(terminal, "#1    cfg.limits[3].soft: 10 → 20");
	expect(terminal, "memwatch: target 4700 (server) exited with code 0\r\n");
	type(terminal, "writers\r");
	expect(terminal, "reload_limits()  server.c:212");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void a_hang_up_detaches(void **state)
{
	struct terminal *terminal = *state;

	START(terminal, ((struct fake_script){0}), "-q");
	expect(terminal, "(memwatch) ");
	kill(terminal->pid, SIGTERM);
	assert_int_equal(finish(terminal), 128 + SIGTERM);
}

static void history_is_kept_private_and_recalled(void **state)
{
	struct terminal *terminal = *state;
	char path[64];
	struct stat status;

	START(terminal, ((struct fake_script){0}), "-q");
	expect(terminal, "(memwatch) ");
	type(terminal, "print something_special\r");
	expect(terminal, "= 42\r\n");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
	snprintf(path, sizeof(path), "%s/memwatch/history", state_folder);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	START(terminal, ((struct fake_script){0}), "-q");
	expect(terminal, "(memwatch) ");
	/* Two up: the line before quit. */
	type(terminal, "\020\020\r");
	expect(terminal, "something_special = 42\r\n");
	type(terminal, "quit\r");
	assert_int_equal(finish(terminal), 0);
}

static void assert_completes(struct mw_session *session, const char *line, const char *expected)
{
	struct mw_completion completion;
	char words[512] = "";

	mw_completion_list(session, line, &completion);
	mw_vec_foreach (word, &completion.words) {
		strcat(words, *word);
		strcat(words, " ");
	}
	assert_string_equal(words, expected);
	mw_completion_deinit(&completion);
}

static void completion_follows_the_commands_operand(void **state)
{
	static const struct mw_session_options options;
	struct mw_session *session = NULL;

	(void)state;
	assert_success(mw_session_create(&options, &session));
	assert_success(mw_session_watch(
		session, &(struct mw_watch_request){.expression = "cfg", .name = "limits"}, 1, NULL,
		NULL, NULL));
	assert_completes(session, "wr", "writers ");
	assert_completes(session, "  w", "watch writers ");
	assert_completes(session, "info t", "target threads ");
	assert_completes(session, "i w", "watches ");
	assert_completes(session, "set c", "color confirm ");
	assert_completes(session, "help unw", "unwatch ");
	assert_completes(session, "disable 1 li", "limits ");
	assert_completes(session, "print cfg.li", "limits ");
	assert_completes(session, "watch -n name cou", "counter counters ");
	assert_completes(session, "x/4xb cou", "counter counters ");
	assert_completes(session, "continue c", "");
	assert_completes(session, "nonsense c", "");
	assert_completes(session, "source docs/man/memwatch.", "docs/man/memwatch.1 ");
	assert_completes(session, "source doc", "docs/ ");
	mw_session_destroy(session);
}

static int set_up(void **state)
{
	*state = malloc(sizeof(struct terminal));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_typed_and_answered),
		cmocka_unit_test(the_greeting_and_the_good_bye_say_what_happens),
		cmocka_unit_test(reports_stand_above_the_line_being_typed),
		cmocka_unit_test(a_line_of_several_rows_moves_as_a_whole),
		cmocka_unit_test(ctrl_c_stops_a_running_target_and_keeps_the_line),
		cmocka_unit_test(kill_asks_first),
		cmocka_unit_test(set_confirm_off_asks_nothing),
		cmocka_unit_test(tab_completes_commands_and_expressions),
		cmocka_unit_test(errors_are_one_line_and_leave_the_prompt),
		cmocka_unit_test(a_flood_of_changes_leaves_the_prompt_usable),
		cmocka_unit_test(a_launched_target_waits_for_continue),
		cmocka_unit_test(a_hang_up_detaches),
		cmocka_unit_test(history_is_kept_private_and_recalled),
		cmocka_unit_test(completion_follows_the_commands_operand),
	};
	int failed;
	char command[64];

	setlocale(LC_CTYPE, "C.UTF-8");
	if (!mkdtemp(state_folder))
		return 1;
	setenv("XDG_STATE_HOME", state_folder, 1);
	failed = cmocka_run_group_tests(tests, set_up, tear_down);
	snprintf(command, sizeof(command), "rm -r %s", state_folder);
	return system(command) || failed;
}
