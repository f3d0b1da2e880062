// SPDX-License-Identifier: MIT
#include <jansson.h>

#include "fake_session.h"
#include "repl_test.h"
#include "watch/base64.h"
#include "watch/change_line.h"
#include "watch/json_sink.h"
#include "watch/utf8.h"

static void base64_is_that_of_the_rfc(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xef", "/+8="},
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++) {
		size_t length = mw_base64_length(strlen(cases[i][0]));

		mw_base64_encode(cases[i][0], strlen(cases[i][0]), text);
		text[length] = '\0';
		assert_string_equal(text, cases[i][1]);
	}
}

static void assert_repaired(const char *text, const char *expected)
{
	char *repaired = mw_utf8_repair(text);

	assert_string_equal(repaired, expected);
	free(repaired);
}

static void malformed_text_is_repaired_byte_by_byte(void **state)
{
	(void)state;
	assert_repaired("", "");
	assert_repaired("aä→😀", "aä→😀");
	/* Cut in the middle; overlong; surrogate; beyond Unicode; stray continuation. */
	assert_repaired("x\xe2\x86", "x\ufffd\ufffd");
	assert_repaired("\xc0\x80", "\ufffd\ufffd");
	assert_repaired("\xed\xa0\x80", "\ufffd\ufffd\ufffd");
	assert_repaired("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
	assert_repaired("\x80z", "\ufffdz");
}

/** A member of nested objects, by "a.b". */
static json_t *member(json_t *event, const char *path)
{
	char copy[64], *rest = copy, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((key = strsep(&rest, ".")))
		event = json_object_get(event, key);
	return event;
}

static void assert_text(json_t *event, const char *path, const char *expected)
{
	const char *text = json_string_value(member(event, path));

	if (!text)
		fail_msg("%s is no text", path);
	assert_string_equal(text, expected);
}

static void assert_number(json_t *event, const char *path, json_int_t expected)
{
	assert_true(json_is_integer(member(event, path)));
	assert_int_equal(json_integer_value(member(event, path)), expected);
}

static void a_store_has_every_field(void **state)
{
	struct fake_change change;
	json_t *event;

	(void)state;
	fake_change_init(&change, 12);
	change.change.stack = change.stack;
	change.change.stack_count = 2;
	event = mw_change_to_json(&change.change);
	assert_number(event, "v", 1);
	assert_number(event, "seq", 12);
	assert_number(event, "timestamp_ns", (json_int_t)change.hit.time_ns);
	assert_number(event, "pid", 4700);
	assert_number(event, "tid", 4711);
	assert_text(event, "thread_name", "worker-2");
	assert_text(event, "adapter_id", "ptrace");
	assert_text(event, "region_id", "0x55d0c0de4010:4");
	assert_number(event, "variable_id", 1);
	assert_text(event, "variable_name", "cfg.limits[3].soft");
	assert_text(event, "type", "unsigned int");
	assert_text(event, "cause.kind", "store");
	assert_null(member(event, "cause.syscall"));
	assert_text(event, "addr", "0x55d0c0de4010");
	assert_number(event, "how_big", 4);
	assert_text(event, "field", "");
	assert_text(event, "old_preview", "CgAAAA==");
	assert_text(event, "new_preview", "FAAAAA==");
	assert_text(event, "old_value", "CgAAAA==");
	assert_text(event, "new_value", "FAAAAA==");
	assert_text(event, "old_text", "10");
	assert_text(event, "new_text", "20");
	assert_null(member(event, "members"));
	assert_null(member(event, "storage_key_old"));
	assert_text(event, "where.file", "/src/server.c");
	assert_text(event, "where.function", "reload_limits");
	assert_number(event, "where.line", 212);
	assert_number(event, "where.column", 7);
	assert_text(event, "where.fault_ip", "0x401234");
	assert_text(event, "where.module", "/usr/bin/server");
	assert_text(event, "where.offset", "0x1234");
	assert_text(event, "where.language", "native");
	assert_text(event, "where.attribution", "exact");
	assert_int_equal(json_array_size(member(event, "where.stack")), 2);
	assert_text(json_array_get(member(event, "where.stack"), 1), "function", "main");
	assert_number(event, "hits", 12);
	assert_number(event, "coalesced", 0);
	assert_text(event, "backend", "page");
	assert_int_equal(json_object_size(member(event, "metadata")), 0);
	json_decref(event);
}

static void several_members_are_listed(void **state)
{
	struct fake_change change;
	json_t *event, *second;

	(void)state;
	fake_change_init(&change, 1);
	change.change.members[0] = (struct mw_member_change){"cfg.hp", ".hp", "1", "2"};
	change.change.members[1] = (struct mw_member_change){"cfg[3].hp", "[3].hp", "3", "4"};
	change.change.member_count = 2;
	change.change.members_omitted = 7;
	event = mw_change_to_json(&change.change);
	assert_text(event, "field", "hp");
	assert_text(event, "new_text", "2");
	assert_number(event, "members_omitted", 7);
	second = json_array_get(member(event, "members"), 1);
	assert_text(second, "path", "cfg[3].hp");
	assert_text(second, "field", "[3].hp");
	assert_text(second, "old", "3");
	assert_text(second, "new", "4");
	json_decref(event);
}

static void previews_and_values_are_bounded(void **state)
{
	static const uint8_t bytes[8192];
	struct fake_change change;
	json_t *event;

	(void)state;
	fake_change_init(&change, 1);
	change.change.size = 4096;
	change.change.object.size = 4096;
	change.change.old_part = change.change.new_part = bytes;
	change.change.old_value = change.change.new_value = bytes;
	event = mw_change_to_json(&change.change);
	assert_int_equal(json_string_length(member(event, "old_preview")), 344);
	assert_int_equal(json_string_length(member(event, "old_value")), 5464);
	assert_null(member(event, "storage_key_old"));
	json_decref(event);
	change.change.object.size = 8192;
	change.change.old_value = change.change.new_value = NULL;
	event = mw_change_to_json(&change.change);
	assert_true(json_is_null(member(event, "old_value")));
	assert_true(json_is_null(member(event, "storage_key_new")));
	json_decref(event);
}

static void what_is_not_known_is_null(void **state)
{
	struct fake_change change;
	json_t *event;

	(void)state;
	fake_change_init(&change, 1);
	change.change.place = (struct mw_place){0};
	change.change.member_count = 0;
	event = mw_change_to_json(&change.change);
	assert_true(json_is_null(member(event, "where.file")));
	assert_true(json_is_null(member(event, "where.line")));
	assert_true(json_is_null(member(event, "where.module")));
	assert_true(json_is_null(member(event, "where.offset")));
	assert_null(member(event, "where.column"));
	assert_true(json_is_null(member(event, "old_text")));
	json_decref(event);
}

static void a_thread_name_cut_inside_a_character_is_still_json(void **state)
{
	struct fake_change change;
	json_t *event;

	(void)state;
	fake_change_init(&change, 1);
	memcpy(change.hit.thread_name, "caf\xc3", 5);
	event = mw_change_to_json(&change.change);
	assert_text(event, "thread_name", "caf\ufffd");
	json_decref(event);
}

/** One of each shape of event, for the schema. */
static void make_shapes(const struct mw_sink *sink)
{
	struct fake_change change;

	fake_change_init(&change, 1);
	change.change.stack = change.stack;
	change.change.stack_count = 2;
	change.change.place.inlined_into[0] = "main";
	change.change.place.inlined_count = 1;
	assert_true(sink->change(sink->arg, &change.change));
	fake_change_init(&change, 2);
	change.hit.cause = MW_CAUSE_SYSCALL;
	change.hit.syscall = (struct mw_hit_syscall){.args = {7, UINT64_MAX}, .result = -11};
	change.change.syscall_name = "read";
	assert_true(sink->change(sink->arg, &change.change));
	fake_change_init(&change, 3);
	change.change.members[1] = change.change.members[0];
	change.change.member_count = 2;
	change.change.members_omitted = 1;
	change.change.object.size = 8192;
	change.change.old_value = change.change.new_value = NULL;
	change.change.place = (struct mw_place){0};
	assert_true(sink->change(sink->arg, &change.change));
	for (unsigned cause = 0; cause < MW_CAUSE_COUNT; cause++) {
		fake_change_init(&change, 4 + cause);
		change.hit.cause = (uint8_t)cause;
		change.hit.tid = 0;
		change.change.member_count = 0;
		assert_true(sink->change(sink->arg, &change.change));
	}
}

static void assert_line_is_whole(struct mw_change_line *line, const struct mw_change *change)
{
	json_t *event = mw_change_to_json(change);
	char *expected = json_dumps(event, JSON_COMPACT);
	size_t length = strlen(expected);

	assert_true(mw_change_line_make(line, change));
	assert_int_equal(line->text.bytes.count, length + 1);
	assert_memory_equal(line->text.bytes.items, expected, length);
	assert_int_equal(line->text.bytes.items[length], '\n');
	free(expected);
	json_decref(event);
}

/* What a line keeps of the one before has to go with the least of what it was made from. */
static void a_line_is_the_whole_event_whatever_the_one_before_was(void **state)
{
	struct mw_change_line line = {0};
	struct fake_change made;
	struct mw_change *change = &made.change;

	(void)state;
	fake_change_init(&made, 1);
#define DIFFERENT(member, value)                                                                   \
	do {                                                                                       \
		assert_line_is_whole(&line, change);                                               \
		(member) = (value);                                                                \
		assert_line_is_whole(&line, change);                                               \
		assert_line_is_whole(&line, change);                                               \
	} while (0)
	DIFFERENT(change->seq, 2);
	DIFFERENT(change->hits, 77);
	DIFFERENT(made.hit.time_ns, 5);
	DIFFERENT(made.hit.pid, 5);
	DIFFERENT(made.hit.tid, 6);
	DIFFERENT(made.hit.thread_name[0], 'X');
	DIFFERENT(made.hit.ip.v, 0x1234);
	DIFFERENT(made.hit.backend, MW_BACKEND_HW);
	DIFFERENT(change->watch_id, 9);
	DIFFERENT(change->watch_name, "other");
	DIFFERENT(change->type_name, "int");
	DIFFERENT(change->type_name, NULL);
	DIFFERENT(change->type_name, "");
	DIFFERENT(change->object.addr.v, 0x4000);
	DIFFERENT(change->object.size, 2);
	DIFFERENT(change->addr.v, 0x4001);
	DIFFERENT(change->size, 1);
	DIFFERENT(change->in_allocator, true);
	DIFFERENT(change->members[0].field, ".f");
	DIFFERENT(change->members[0].new_text, "\"new\"");
	DIFFERENT(made.new_bytes, 0x55);
	DIFFERENT(change->place.function, "f");
	DIFFERENT(change->place.file, "f.c");
	DIFFERENT(change->place.file, NULL);
	DIFFERENT(change->place.line, 4);
	DIFFERENT(change->place.column, 3);
	DIFFERENT(change->place.module, "m");
	DIFFERENT(change->place.module_offset, 0x99);
	DIFFERENT(change->place.inlined_into[0], "main");
	DIFFERENT(change->place.inlined_count, 1);
	DIFFERENT(change->stack, made.stack);
	DIFFERENT(change->stack_count, 2);
	DIFFERENT(made.stack[1].ip.v, 0x77);
	DIFFERENT(made.stack[1].place.function, "caller");
	DIFFERENT(change->member_count, 0);
	DIFFERENT(made.hit.cause, MW_CAUSE_SYSCALL);
	DIFFERENT(change->syscall_name, "read");
	DIFFERENT(made.hit.syscall.number, 3);
	DIFFERENT(made.hit.syscall.args[5], 3);
	DIFFERENT(made.hit.syscall.result, -4);
	DIFFERENT(made.hit.cause, MW_CAUSE_POLL);
#undef DIFFERENT
	mw_change_line_deinit(&line);
}

static void lines_fit_the_schema(void **state)
{
	struct mw_line_output output;
	struct mw_json_sink *json = NULL;
	struct mw_sink sink;
	char path[32], command[128];
	int status;

	(void)state;
	make_file("", path);
	assert_success(mw_line_output_open(path, &output));
	assert_success(mw_json_sink_create(&output, 0, &json));
	sink = mw_json_sink_callbacks(json);
	make_shapes(&sink);
	mw_json_sink_destroy(json);
	assert_success(mw_line_output_close(&output));
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/validate_events.py %s", path);
	status = system(command);
	unlink(path);
	if (WEXITSTATUS(status) == 77) {
		print_message("python3-jsonschema is missing\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void exactly_so_many_events_are_written(void **state)
{
	struct mw_line_output output;
	struct mw_json_sink *json = NULL;
	struct mw_sink sink;
	char path[32], line[4096];
	unsigned lines = 0;
	FILE *file;

	(void)state;
	make_file("", path);
	assert_success(mw_line_output_open(path, &output));
	assert_success(mw_json_sink_create(&output, 3, &json));
	sink = mw_json_sink_callbacks(json);
	for (unsigned seq = 1; seq <= 5; seq++) {
		struct fake_change change;

		fake_change_init(&change, seq);
		assert_int_equal(sink.change(sink.arg, &change.change), seq <= 3);
	}
	mw_json_sink_destroy(json);
	assert_success(mw_line_output_close(&output));
	file = fopen(path, "r");
	while (fgets(line, sizeof(line), file)) {
		json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_number(event, "seq", ++lines);
		json_decref(event);
	}
	assert_int_equal(lines, 3);
	fclose(file);
	unlink(path);
}

static void a_full_disk_is_remembered_and_stops_the_sink(void **state)
{
	struct mw_line_output output;
	struct mw_json_sink *json = NULL;
	struct fake_change change;
	struct mw_sink sink;

	(void)state;
	fake_change_init(&change, 1);
	assert_success(mw_line_output_open("/dev/full", &output));
	assert_success(mw_json_sink_create(&output, 0, &json));
	sink = mw_json_sink_callbacks(json);
	sink.change(sink.arg, &change.change);
	assert_false(mw_line_output_flush(&output));
	assert_false(sink.change(sink.arg, &change.change));
	assert_message(mw_line_output_error(&output),
		       "cannot write /dev/full: No space left on device");
	mw_json_sink_destroy(json);
	assert_message(mw_line_output_close(&output),
		       "cannot write /dev/full: No space left on device");
}

static void a_file_that_can_not_be_made_is_an_error(void **state)
{
	struct mw_line_output output;

	(void)state;
	assert_message(mw_line_output_open("/nonexistent/x", &output),
		       "cannot write /nonexistent/x: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_is_that_of_the_rfc),
		cmocka_unit_test(malformed_text_is_repaired_byte_by_byte),
		cmocka_unit_test(a_store_has_every_field),
		cmocka_unit_test(several_members_are_listed),
		cmocka_unit_test(previews_and_values_are_bounded),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(a_thread_name_cut_inside_a_character_is_still_json),
		cmocka_unit_test(a_line_is_the_whole_event_whatever_the_one_before_was),
		cmocka_unit_test(lines_fit_the_schema),
		cmocka_unit_test(exactly_so_many_events_are_written),
		cmocka_unit_test(a_full_disk_is_remembered_and_stops_the_sink),
		cmocka_unit_test(a_file_that_can_not_be_made_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
