// SPDX-License-Identifier: MIT
/* What memwatch refuses, and that it says why and what to do. */
#include "symbols_target.h"

struct refusal {
	const char *expression;
	/** Parts the message must have. */
	const char *parts[3];
};

static const struct refusal refusals[] = {
	{"countr", {"no variable `countr`", "`counter`"}},
	{"Counter", {"did you mean `counter`"}},
	{"state", {"`state` stands in 2 places", "'shapes.c'::state", "'shapes_other.c'::state"}},
	{"'nowhere.c'::state", {"no variable `state` in a file nowhere.c", "'shapes.c'::state"}},
	{"'nowhere.c'::counter", {"leave the file out"}},
	{"config.limit", {"struct config has no member `limit`", "name, limits, ratio"}},
	{"config_pointer.name", {"is a pointer", "write -> for ."}},
	{"config->name", {"not a pointer", "write . for ->"}},
	{"counter.x", {"`counter` is not a struct or union (volatile int)"}},
	{"counter[0]", {"`counter` is neither an array nor a pointer"}},
	{"*counter", {"`counter` is not a pointer (int)"}},
	{"null_config->name", {"`null_config` is NULL"}},
	{"config_pointer->next->ratio", {"`config_pointer->next` is NULL"}},
	{"wild_config->ratio", {"`wild_config` is 0x10", "no memory mapped"}},
	{"*nothing", {"does not say what it points to", "*(int *)nothing"}},
	{"*operation", {"points to code"}},
	{"matrix[2]", {"index 2 is outside `matrix`, which has 2 elements"}},
	{"matrix[-1]", {"index -1 is outside `matrix`"}},
	{"matrix[0][2]@2", {"goes past the end of its array", "1 elements"}},
	{"counter@0", {"a slice of 0 elements"}},
	{"counter@-1", {"a slice of -1 elements"}},
	{"counter@0x7fffffffffffffff", {"past the end of the address space"}},
	{"text[index_number]@third", {"the length `third` is not an integer"}},
	{"text[greeting]", {"the index `greeting` is not an integer"}},
	{"&counter", {"is an address", "write *(&counter)"}},
	{"counter + 1", {"is a number, not memory"}},
	{"&config.flag_a", {"bit-field"}},
	{"&1", {"is a value: it has no address"}},
	{"config + 1", {"only a pointer or integer"}},
	{"0x10:0", {"0 bytes long"}},
	{"0x10:8", {"is not mapped in process"}},
	{"0xfffffffffffffff0:0x20", {"past the end of the address space"}},
	{"$rip", {"$rip", "none is chosen"}},
	{"per_thread", {"thread-local", "ADDRESS:LENGTH"}},
	{"main", {"is a function, not data"}},
	{"twice::value", {"local variable", "no stack frame"}},
	{"(struct nothing_like_it *)0", {"no type `struct nothing_like_it`"}},
	{"*(struct confg *)&config", {"no type `struct confg`", "did you mean `config`"}},
	{"(struct config)counter", {"cast to a pointer"}},
	{"(int)config", {"can't be cast"}},
	{"flexible->items", {"has no size"}},
};

static void test_refusals_say_what_why_and_what_to_do(void **state)
{
	struct target target;

	(void)state;
	target_open_fixture(&target, "shapes-gcc-O0-dwarf5");
	for (size_t i = 0; i < mw_array_size(refusals); i++) {
		char *message = target_error(&target, refusals[i].expression);

		for (size_t part = 0; part < 3 && refusals[i].parts[part]; part++) {
			if (!strstr(message, refusals[i].parts[part]))
				fail_msg("`%s` says\n%s\nwithout\n%s", refusals[i].expression,
					 message, refusals[i].parts[part]);
		}
		assert_null(strchr(message, '\n'));
		free(message);
	}
	target_stop(&target);
}

static void test_what_the_compiler_dropped_is_optimized_out(void **state)
{
	struct target target;
	char *message;

	(void)state;
	target_open_fixture(&target, "shapes-gcc-O2-dwarf5");
	message = target_error(&target, "folded");
	assert_non_null(strstr(message, "`folded` is optimized out"));
	free(message);
	target_stop(&target);
}

static void test_a_program_without_debug_information_says_so(void **state)
{
	struct target target;
	char *message;

	(void)state;
	target_open_fixture(&target, "plain-nodebug");
	message = target_error(&target, "numbr");
	assert_non_null(strstr(message, "did you mean `number`"));
	assert_non_null(strstr(message, "no debug information"));
	free(message);
	target_stop(&target);
}

static void test_a_process_that_does_not_exist_is_gone(void **state)
{
	struct target target = {.pid = fork()};
	struct mw_mem_reader reader = {target_read, &target};
	struct mw_symbols *symbols = NULL;
	struct mw_error *err;

	(void)state;
	if (!target.pid)
		_exit(0);
	waitpid(target.pid, NULL, 0);
	err = mw_symbols_create(target.pid, &reader, NULL, &symbols);
	assert_non_null(err);
	assert_null(symbols);
	mw_error_destroy(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_say_what_why_and_what_to_do),
		cmocka_unit_test(test_what_the_compiler_dropped_is_optimized_out),
		cmocka_unit_test(test_a_program_without_debug_information_says_so),
		cmocka_unit_test(test_a_process_that_does_not_exist_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
