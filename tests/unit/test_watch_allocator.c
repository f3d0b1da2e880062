// SPDX-License-Identifier: MIT
#include "watch/allocator.h"

#include "cmocka_wrap.h"

static bool in(const char *function, const char *into)
{
	struct mw_place place = {.function = function};

	if (into)
		place.inlined_into[place.inlined_count++] = into;
	return mw_place_is_allocator(&place);
}

static void test_functions_of_allocators_are_known(void **state MW_UNUSED)
{
	assert_true(in("free", NULL));
	assert_true(in("_int_free", NULL));
	assert_true(in("__GI___libc_free", NULL));
	assert_true(in("je_arena_dalloc", NULL));
	assert_true(in("tc_free", NULL));
	assert_true(in("operator delete(void*, unsigned long)", NULL));
	assert_true(in("operator delete[](void*)", NULL));
}

static void test_what_is_inlined_into_an_allocator_is_the_allocator(void **state MW_UNUSED)
{
	assert_true(in("unknown_helper", "_int_free"));
}

static void test_other_functions_are_not_allocators(void **state MW_UNUSED)
{
	assert_false(in("free_all", NULL));
	assert_false(in("__GI___libc_read", NULL));
	assert_false(in("my_malloc", NULL));
	assert_false(in("operator+(int)", NULL));
	assert_false(in(NULL, NULL));
	assert_false(in("main", "run"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_of_allocators_are_known),
		cmocka_unit_test(test_what_is_inlined_into_an_allocator_is_the_allocator),
		cmocka_unit_test(test_other_functions_are_not_allocators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
