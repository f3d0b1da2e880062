// SPDX-License-Identifier: MIT
/* Programs print where their variables are; memwatch must find them there. */
#include "symbols_facts.h"

static void test_c_programs_of_every_compiler_are_read_as_they_say(void **state)
{
	(void)state;
	assert_true(check_fixtures("shapes-gcc-") == 4);
	check_fixtures("shapes-clang-");
}

static void test_programs_of_every_kind_of_link_and_debug_format_are_read(void **state)
{
	static const char *const variants[] = {
		"shapes-static", "shapes-nopie",  "shapes-split",      "shapes-dwarf3",
		"shapes-types4", "shapes-types5", "shapes-compressed", "shapes-lto",
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(variants); i++)
		assert_true(check_facts(variants[i]) > 50);
}

static void test_classes_namespaces_and_inheritance_are_read(void **state)
{
	(void)state;
	if (!check_fixtures("classes-")) {
		print_message("skipped: there is no C++ compiler\n");
		skip();
	}
}

static void test_a_copied_variable_of_a_library_is_where_the_program_uses_it(void **state)
{
	(void)state;
	if (!check_fixtures("sharing")) {
		print_message("skipped: there is no C++ compiler\n");
		skip();
	}
}

static void test_programs_without_debug_information_have_their_elf_symbols(void **state)
{
	struct target target;
	struct mw_object object;
	char *message;

	(void)state;
	assert_int_equal(check_facts("plain-nodebug"), 6);
	assert_int_equal(check_facts("plain-stripped"), 6);
	target_open_fixture(&target, "plain-stripped");
	assert_mw_ok(mw_symbols_eval(target.symbols, "pair", &object));
	assert_null(object.type);
	message = target_error(&target, "pair.left");
	assert_non_null(strstr(message, "`pair` has no type"));
	free(message);
	target_stop(&target);
}

static void test_debug_information_is_found_by_its_link(void **state)
{
	struct target target;
	struct mw_object object;

	(void)state;
	target_open_fixture(&target, "plain-debuglink");
	assert_mw_ok(mw_symbols_eval(target.symbols, "pair.right", &object));
	assert_string_equal(mw_type_name(target.symbols, object.type), "int");
	target_stop(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c_programs_of_every_compiler_are_read_as_they_say),
		cmocka_unit_test(test_programs_of_every_kind_of_link_and_debug_format_are_read),
		cmocka_unit_test(test_classes_namespaces_and_inheritance_are_read),
		cmocka_unit_test(test_a_copied_variable_of_a_library_is_where_the_program_uses_it),
		cmocka_unit_test(test_programs_without_debug_information_have_their_elf_symbols),
		cmocka_unit_test(test_debug_information_is_found_by_its_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
