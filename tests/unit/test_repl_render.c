// SPDX-License-Identifier: MIT
#include <locale.h>

#include "fake_session.h"
#include "repl/render.h"
#include "repl/writers.h"
#include "repl_test.h"

#define START_NS 1000000000u

/** Renders into a buffer that lives until the next call. */
static const char *render(struct fake_change *change, bool color)
{
	static char text[8192];
	const struct mw_style style = {.color = color};
	FILE *memory;

	memset(text, 0, sizeof(text));
	memory = fmemopen(text, sizeof(text) - 1, "w");
	change->hit.time_ns = START_NS + 1834567;
	mw_render_change(&change->change, START_NS, &style, memory);
	fclose(memory);
	return text;
}

static void a_scalar_is_one_line(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 12);
	assert_string_equal(render(&change, false),
			    "#12   cfg.limits[3].soft: 10 → 20   reload_limits() server.c:212  "
			    "thread 4711 (worker-2)  0.001834 s\n");
}

static void several_members_stand_below_the_line(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 3);
	change.change.watch_name = "cfg";
	change.change.members[0] =
		(struct mw_member_change){"cfg.name", ".name", "\"old\"", "\"new\""};
	change.change.members[1] = (struct mw_member_change){"cfg.color", ".color", "RED", "GREEN"};
	change.change.member_count = 2;
	change.change.members_omitted = 5;
	assert_string_equal(render(&change, false),
			    "#3    cfg: 7 members                reload_limits() server.c:212  "
			    "thread 4711 (worker-2)  0.001834 s\n"
			    "        cfg.name: \"old\" → \"new\"\n"
			    "        cfg.color: RED → GREEN\n"
			    "        … 5 more\n");
}

static void a_stack_stands_below_the_line(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.stack = change.stack;
	change.change.stack_count = 2;
	assert_contains(render(&change, false), " s\n"
						"        #0  reload_limits() server.c:212\n"
						"        #1  main() server.c:300\n");
}

static void a_change_in_a_followed_child_names_the_process(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.followed = true;
	assert_contains(render(&change, false), "  process 4700, thread 4711 (worker-2)  ");
	change.hit.tid = 4700;
	assert_contains(render(&change, false), "  process 4700 (worker-2)  ");
}

static void a_system_call_tells_its_descriptor_and_result(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.hit.cause = MW_CAUSE_SYSCALL;
	change.hit.syscall = (struct mw_hit_syscall){.args = {7}, .result = 512};
	change.change.syscall_name = "read";
	assert_contains(render(&change, false),
			"reload_limits() server.c:212 by read(fd=7) = 512  thread 4711");
	change.change.syscall_name = "getrandom";
	assert_contains(render(&change, false), " by getrandom() = 512  ");
	change.change.syscall_name = NULL;
	change.hit.syscall.number = 999;
	assert_contains(render(&change, false), " by syscall(nr=999) = 512  ");
}

static void a_place_without_lines_is_a_module_and_an_offset(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.place.file = NULL;
	change.change.place.line = 0;
	assert_contains(render(&change, false), " reload_limits()+0x14 server+0x1234  ");
	change.change.place.function = NULL;
	assert_contains(render(&change, false), " server+0x1234  ");
	change.change.place = (struct mw_place){0};
	assert_contains(render(&change, false), " 0x401234  ");
}

static void inlining_and_demangled_names_read_well(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.place.function = "Pool::grow(int)";
	change.change.place.inlined_into[0] = "main";
	change.change.place.inlined_count = 1;
	assert_contains(render(&change, false),
			" Pool::grow(int) server.c:212 (inlined into main)  ");
}

static void a_silent_store_says_so(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.silent = true;
	change.change.member_count = 0;
	assert_contains(render(&change, false), "cfg.limits[3].soft: 0a 00 00 00 (silent)  ");
	change.change.member_count = 1;
	assert_contains(render(&change, false), "cfg.limits[3].soft: 20 (silent)  ");
}

static void raw_bytes_are_hexadecimal_and_cut(void **state)
{
	static uint8_t old_bytes[64], new_bytes[64] = {0xff};
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.change.watch_name = "0x55d0c0de4000:4096";
	change.change.member_count = 0;
	change.change.object = (struct mw_object){.addr = {0x55d0c0de4000}, .size = 4096};
	change.change.size = 64;
	change.change.old_part = old_bytes;
	change.change.new_part = new_bytes;
	assert_contains(
		render(&change, false),
		"0x55d0c0de4000:4096+16: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 … → "
		"ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 …  ");
}

static void what_no_instruction_did_has_no_place(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	change.hit.cause = MW_CAUSE_EXTERNAL;
	change.hit.tid = 0;
	assert_contains(render(&change, false), "10 → 20   by external  ");
	assert_lacks(render(&change, false), "reload_limits");
	assert_lacks(render(&change, false), "thread");
}

static void thread_names_can_not_drive_the_terminal(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	memcpy(change.hit.thread_name, "\033]0;owned\a", 11);
	assert_contains(render(&change, false), "(\\x1b]0;owned\\x07)");
}

static void colour_is_only_there_when_wanted(void **state)
{
	struct fake_change change;

	(void)state;
	fake_change_init(&change, 1);
	assert_lacks(render(&change, false), "\033");
	assert_contains(render(&change, true), "\033[31m10\033[0m");
	assert_contains(render(&change, true), "\033[32m20\033[0m");
}

static void writers_are_a_table_below_their_watch(void **state)
{
	static const struct mw_session_options options;
	static const struct mw_style plain = {.color = false};
	struct mw_session *session = NULL;
	char text[1024] = "";
	FILE *memory = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_success(mw_session_create(&options, &session));
	assert_success(mw_session_watch(session, &(struct mw_watch_request){.expression = "cfg"}, 1,
					NULL, NULL, NULL));
	fake_session_set_changes(session, 1234);
	assert_success(mw_writers_print(session, 1, &plain, memory));
	mw_session_destroy(session);
	fclose(memory);
	assert_string_equal(
		text, "cfg (watch 1, unsigned int at 0x55d0c0de4010): 1,234 changes, 2 silent, 3 "
		      "beside it\n"
		      "  changes  silent  function         where         threads     last change\n"
		      "    1,234       2  reload_limits()  server.c:212  4711, 4712  "
		      "cfg.limits[3].soft: 10 → 20\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scalar_is_one_line),
		cmocka_unit_test(several_members_stand_below_the_line),
		cmocka_unit_test(a_stack_stands_below_the_line),
		cmocka_unit_test(a_change_in_a_followed_child_names_the_process),
		cmocka_unit_test(a_system_call_tells_its_descriptor_and_result),
		cmocka_unit_test(a_place_without_lines_is_a_module_and_an_offset),
		cmocka_unit_test(inlining_and_demangled_names_read_well),
		cmocka_unit_test(a_silent_store_says_so),
		cmocka_unit_test(raw_bytes_are_hexadecimal_and_cut),
		cmocka_unit_test(what_no_instruction_did_has_no_place),
		cmocka_unit_test(thread_names_can_not_drive_the_terminal),
		cmocka_unit_test(colour_is_only_there_when_wanted),
		cmocka_unit_test(writers_are_a_table_below_their_watch),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
