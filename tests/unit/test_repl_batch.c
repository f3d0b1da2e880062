// SPDX-License-Identifier: MIT
/* attach, launch and features from their command line on, in a child without a terminal. */
#include <time.h>

#include "fake_session.h"
#include "repl/subcommand.h"
#include "repl_test.h"

#define ATTACH(...) ((char *[]){"attach", __VA_ARGS__, NULL})
#define LAUNCH(...) ((char *[]){"launch", __VA_ARGS__, NULL})

static int run_words(void *arg)
{
	static const struct mw_subcommand *const subcommands[] = {
		&mw_subcommand_attach, &mw_subcommand_launch, &mw_subcommand_features};
	char **words = arg;
	int count = 0;

	while (words[count])
		count++;
	for (size_t i = 0; i < mw_array_size(subcommands); i++)
		if (strcmp(subcommands[i]->name, words[0]) == 0)
			return subcommands[i]->main(count, words);
	return 99;
}

/** Also says on standard error what became of the target. */
static int run_and_tell(void *arg)
{
	int code = run_words(arg);

	fprintf(stderr, "detached=%d destroyed=%d watches=%u continues=%u\n", fake.record.detached,
		fake.record.destroyed, fake.record.watches, fake.record.continues);
	return code;
}

static struct finished *run(char **words)
{
	static struct finished finished;

	run_child(run_and_tell, words, NULL, &finished);
	return &finished;
}

static unsigned count_lines(const char *text, const char *start)
{
	unsigned lines = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		lines += strncmp(line, start, strlen(start)) == 0 && *line;
	}
	return lines;
}

static void set_script(struct fake_script script)
{
	fake = (struct fake){.script = script};
}

static void a_launched_target_is_watched_from_before_main_to_its_end(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 5, .ends = true});
	finished = run(LAUNCH("-w", "cfg", "--", "prog"));
	assert_int_equal(finished->code, 0);
	assert_int_equal(count_lines(finished->out, "#"), 5);
	assert_contains(finished->out, "5 changes, 2 silent");
	assert_contains(finished->out, "reload_limits()  server.c:212");
	assert_contains(finished->out, "stores: 5 seen, 0 dropped");
	assert_contains(finished->err, "memwatch: watch 1: cfg (unsigned int at 0x55d0c0de4010");
	assert_contains(finished->err, "memwatch: target 4700 (server) exited with code 0\n");
	assert_contains(finished->err, "detached=0 destroyed=1 watches=1 continues=1");
}

static void json_has_standard_output_to_itself(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 5, .ends = true});
	finished = run(LAUNCH("-w", "cfg", "--json", "-e", "print cfg", "--", "prog"));
	assert_int_equal(finished->code, 0);
	assert_int_equal(count_lines(finished->out, "{\"v\":1,\"seq\":"), 5);
	assert_int_equal(count_lines(finished->out, ""), 5);
	assert_contains(finished->err, "cfg = 42\n");
	assert_contains(finished->err, "stores: 5 seen");
}

static void json_to_a_file_leaves_the_text_on_standard_output(void **state)
{
	const struct finished *finished;
	char path[32], option[64];

	(void)state;
	make_file("", path);
	snprintf(option, sizeof(option), "--json=%s", path);
	set_script((struct fake_script){.events = 5, .ends = true});
	finished = run(LAUNCH("-w", "cfg", option, "--", "prog"));
	assert_int_equal(finished->code, 0);
	assert_int_equal(count_lines(finished->out, "#"), 5);
	assert_int_equal(count_lines(finished->out, "{"), 0);
	unlink(path);
}

static void quiet_leaves_only_the_changes(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 5, .ends = true, .notice = "thread 5 exited"});
	finished = run(LAUNCH("-q", "-w", "cfg", "--", "prog"));
	assert_int_equal(count_lines(finished->out, ""), 5);
	assert_lacks(finished->err, "memwatch:");
}

static void notices_go_to_standard_error(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 1, .ends = true, .notice = "thread 5 exited"});
	finished = run(LAUNCH("-w", "cfg", "--", "prog"));
	assert_contains(finished->err, "memwatch: thread 5 exited\n");
	assert_lacks(finished->out, "thread 5 exited");
}

static void max_events_reports_exactly_so_many(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 1000, .interval_us = 100});
	finished = run(ATTACH("-w", "cfg", "--max-events=7", "1"));
	assert_int_equal(finished->code, 0);
	assert_int_equal(count_lines(finished->out, "#"), 7);
	assert_contains(finished->err, "memwatch: detached from 4700 (server); it goes on running");
	assert_contains(finished->err, "detached=1");
	finished = run(ATTACH("-w", "cfg", "--max-events=7", "--json", "1"));
	assert_int_equal(count_lines(finished->out, "{"), 7);
}

static void duration_ends_the_watch(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){0});
	finished = run(ATTACH("-w", "cfg", "--duration=100ms", "1"));
	assert_int_equal(finished->code, 0);
	assert_contains(finished->err, "detached=1");
}

static void followed_processes_outlive_the_target_and_are_listed(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.events = 3, .ends = true, .followed = 2});
	finished = run(LAUNCH("--batch", "--follow-fork", "--duration=0.3", "-w", "counter", "--",
			      "./server"));
	assert_int_equal(finished->code, 0);
	assert_contains(finished->err, "2 followed processes are still watched");
	assert_contains(finished->err, "detached=1");
	assert_contains(finished->out, "4704      4700  worker    1,200       5  watched\n");
	assert_contains(finished->out,
			"4701      4700  worker        3       1  exited with code 7\n");
	assert_contains(finished->out, "4703      4702  true          2       0  let go\n");
	assert_contains(finished->out,
			"4702      4700  worker        0       0  killed by signal 9\n");
	assert_contains(finished->out, "… and 1,000 more processes\n");
}

static void without_watches_there_is_nothing_to_wait_for(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){0});
	finished = run(ATTACH("--batch", "-e", "print counter", "1"));
	assert_int_equal(finished->code, 0);
	assert_contains(finished->out, "counter = 42\n");
	assert_contains(finished->err, "detached=1");
}

static void a_script_is_checked_before_anything_is_done(void **state)
{
	const struct finished *finished;
	char path[32], message[96];

	(void)state;
	make_file("watch counter\nwacth other\n", path);
	set_script((struct fake_script){0});
	finished = run(ATTACH("--batch", "-x", path, "1"));
	assert_int_equal(finished->code, 1);
	snprintf(message, sizeof(message), "memwatch: %s:2: unknown command 'wacth'", path);
	assert_contains(finished->err, message);
	assert_contains(finished->err, "detached=0 destroyed=0 watches=0");
	unlink(path);
}

static void a_failing_command_detaches_and_fails(void **state)
{
	const struct finished *finished;
	char path[32], message[96];

	(void)state;
	make_file("watch counter\nprint nothing\nwatch other\n", path);
	set_script((struct fake_script){.bad_expression = "nothing"});
	finished = run(ATTACH("--batch", "-x", path, "1"));
	assert_int_equal(finished->code, 1);
	snprintf(message, sizeof(message), "memwatch: %s:2: no symbol 'nothing'\n", path);
	assert_contains(finished->err, message);
	assert_contains(finished->err, "detached=1 destroyed=1 watches=1");
	unlink(path);
}

static void a_bad_watch_is_one_line_and_leaves_nothing_armed(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.bad_expression = "nothing"});
	finished = run(ATTACH("-w", "good", "-w", "nothing", "1"));
	assert_int_equal(finished->code, 1);
	assert_int_equal(count_lines(finished->err, "memwatch: "), 1);
	assert_contains(finished->err, "memwatch: -w nothing: no symbol 'nothing'\n");
	assert_string_equal(finished->out, "");
	assert_contains(finished->err, "detached=1");
}

static void not_permitted_is_exit_code_4(void **state)
{
	const struct finished *finished;

	(void)state;
	set_script((struct fake_script){.start_error = "cannot attach to 1: already traced",
					.start_code = MW_ERROR_PERMISSION});
	finished = run(ATTACH("-w", "a", "1"));
	assert_int_equal(finished->code, 4);
	assert_contains(finished->err, "memwatch: cannot attach to 1: already traced\n");
	set_script((struct fake_script){.start_error = "no such process",
					.start_code = MW_ERROR_GONE});
	assert_int_equal(run(ATTACH("-w", "a", "1"))->code, 1);
}

static void bad_usage_is_exit_code_2(void **state)
{
	(void)state;
	set_script((struct fake_script){0});
	assert_int_equal(run(ATTACH("--nonsense", "1"))->code, 2);
	assert_int_equal(run(ATTACH("abc"))->code, 2);
	assert_int_equal(run(LAUNCH("--batch"))->code, 2);
}

static void exit_code_passes_on_what_became_of_the_command(void **state)
{
	(void)state;
	set_script((struct fake_script){.events = 1, .ends = true, .wait_status = 3 << 8});
	assert_int_equal(run(LAUNCH("--exit-code", "-w", "a", "--", "prog"))->code, 3);
	assert_int_equal(run(LAUNCH("-w", "a", "--", "prog"))->code, 0);
	assert_contains(run(LAUNCH("-w", "a", "--", "prog"))->err, "exited with code 3\n");
	set_script((struct fake_script){.events = 1, .ends = true, .wait_status = SIGKILL});
	assert_int_equal(run(LAUNCH("--exit-code", "-w", "a", "--", "prog"))->code, 128 + 9);
	assert_contains(run(LAUNCH("-w", "a", "--", "prog"))->err,
			"was killed by signal 9 (Killed)\n");
}

static void a_full_disk_ends_the_watch_with_one_line(void **state)
{
	struct finished finished;

	(void)state;
	set_script((struct fake_script){.events = 100000, .interval_us = 10});
	run_child(run_and_tell, ATTACH("-q", "-w", "a", "--json=/dev/full", "1"), NULL, &finished);
	assert_int_equal(finished.code, 1);
	assert_int_equal(count_lines(finished.err, "memwatch: "), 1);
	assert_contains(finished.err, "memwatch: cannot write /dev/full: No space left on device");
	assert_contains(finished.err, "detached=1");
	run_child(run_and_tell, ATTACH("-q", "-w", "a", "1"), "/dev/full", &finished);
	assert_int_equal(finished.code, 1);
	assert_int_equal(count_lines(finished.err, "memwatch: "), 1);
	assert_contains(finished.err, "detached=1");
}

static int run_into_closed_pipe(void *arg)
{
	int ends[2];

	if (pipe(ends))
		return 99;
	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	return run_and_tell(arg);
}

static void a_closed_pipe_ends_the_watch_with_one_line(void **state)
{
	struct finished finished;

	(void)state;
	set_script((struct fake_script){.events = 100000, .interval_us = 10});
	run_child(run_into_closed_pipe, ATTACH("-q", "-w", "a", "1"), NULL, &finished);
	assert_int_equal(finished.code, 1);
	assert_int_equal(count_lines(finished.err, "memwatch: "), 1);
	assert_contains(finished.err, "memwatch: cannot write standard output: Broken pipe");
	assert_contains(finished.err, "detached=1");
	run_child(run_into_closed_pipe, ATTACH("-q", "-w", "a", "--json", "1"), NULL, &finished);
	assert_int_equal(finished.code, 1);
	assert_contains(finished.err, "detached=1");
}

static int run_and_signal_self(void *arg)
{
	/* The handlers are there once the session is: poll for them. */
	pid_t parent = getpid();
	char **words = arg;
	int signal = atoi(*words);

	if (fork() == 0) {
		struct timespec pause = {.tv_nsec = 300000000};

		nanosleep(&pause, NULL);
		kill(parent, signal);
		_exit(0);
	}
	return run_and_tell(words + 1);
}

static void a_signal_ends_the_watch_in_order(void **state)
{
	static const struct {
		char *name;
		int code;
	} cases[] = {{"2", 130}, {"15", 143}, {"1", 129}};

	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++) {
		char *words[] = {cases[i].name, "attach", "-w", "a", "1", NULL};
		struct finished finished;

		set_script((struct fake_script){.events = 10});
		run_child(run_and_signal_self, words, NULL, &finished);
		assert_int_equal(finished.code, cases[i].code);
		assert_contains(finished.out, "stores: 10 seen");
		assert_contains(finished.err, "detached=1");
	}
}

static void features_are_a_table_and_a_test(void **state)
{
	const struct finished *finished;

	(void)state;
	finished = run((char *[]){"features", NULL});
	assert_int_equal(finished->code, 0);
	assert_contains(finished->out,
			"perf-breakpoint  limited  hardware watches  user stores only");
	assert_int_equal(run((char *[]){"features", "ptrace-seize", NULL})->code, 0);
	assert_int_equal(run((char *[]){"features", "perf-breakpoint", NULL})->code, 0);
	assert_int_equal(run((char *[]){"features", "userfaultfd-wp", NULL})->code, 1);
	finished = run((char *[]){"features", "ptrace-size", NULL});
	assert_int_equal(finished->code, 2);
	assert_contains(finished->err, "did you mean 'ptrace-seize'?");
}

static int run_with_input(void *arg)
{
	int ends[2];
	static const char input[] = "watch a\nprint b\n\nwacth\nwriters\nquit";

	if (pipe(ends) || write(ends[1], input, strlen(input)) < 0)
		return 99;
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	return run_and_tell(arg);
}

static void commands_may_come_down_a_pipe(void **state)
{
	struct finished finished;

	(void)state;
	set_script((struct fake_script){0});
	run_child(run_with_input, ATTACH("1"), NULL, &finished);
	/* One of the commands was bad, which ends nothing, but shows. */
	assert_int_equal(finished.code, 1);
	assert_contains(finished.out, "b = 42\n");
	assert_contains(finished.out, "reload_limits()  server.c:212");
	assert_contains(finished.err, "unknown command 'wacth'");
	assert_contains(finished.err, "detached=1");
	assert_lacks(finished.out, "(memwatch)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_launched_target_is_watched_from_before_main_to_its_end),
		cmocka_unit_test(json_has_standard_output_to_itself),
		cmocka_unit_test(json_to_a_file_leaves_the_text_on_standard_output),
		cmocka_unit_test(quiet_leaves_only_the_changes),
		cmocka_unit_test(notices_go_to_standard_error),
		cmocka_unit_test(max_events_reports_exactly_so_many),
		cmocka_unit_test(duration_ends_the_watch),
		cmocka_unit_test(followed_processes_outlive_the_target_and_are_listed),
		cmocka_unit_test(without_watches_there_is_nothing_to_wait_for),
		cmocka_unit_test(a_script_is_checked_before_anything_is_done),
		cmocka_unit_test(a_failing_command_detaches_and_fails),
		cmocka_unit_test(a_bad_watch_is_one_line_and_leaves_nothing_armed),
		cmocka_unit_test(not_permitted_is_exit_code_4),
		cmocka_unit_test(bad_usage_is_exit_code_2),
		cmocka_unit_test(exit_code_passes_on_what_became_of_the_command),
		cmocka_unit_test(a_full_disk_ends_the_watch_with_one_line),
		cmocka_unit_test(a_closed_pipe_ends_the_watch_with_one_line),
		cmocka_unit_test(a_signal_ends_the_watch_in_order),
		cmocka_unit_test(features_are_a_table_and_a_test),
		cmocka_unit_test(commands_may_come_down_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
