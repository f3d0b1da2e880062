// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include "base/vec.h"

typedef MW_VEC(int) numbers_t;

static void pushed_items_stay_in_order(void **state)
{
	numbers_t numbers = {0};
	int expected = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(mw_vec_push(&numbers, i));
	assert_int_equal(numbers.count, 1000);
	mw_vec_foreach (number, &numbers)
		assert_int_equal(*number, expected++);
	assert_int_equal(expected, 1000);
	mw_vec_deinit(&numbers);
	assert_null(numbers.items);
}

static void an_empty_vector_is_not_walked(void **state)
{
	numbers_t numbers = {0};
	int visits = 0;

	(void)state;
	mw_vec_foreach (number, &numbers)
		visits += 1 + *number;
	assert_int_equal(visits, 0);
	mw_vec_deinit(&numbers);
}

static void removal_keeps_the_order_of_the_others(void **state)
{
	numbers_t numbers = {0};
	const int expected[] = {1, 2, 4};

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_true(mw_vec_push(&numbers, i));
	mw_vec_remove(&numbers, 5);
	mw_vec_remove(&numbers, 3);
	mw_vec_remove(&numbers, 0);
	assert_int_equal(numbers.count, 3);
	assert_memory_equal(numbers.items, expected, sizeof(expected));
	mw_vec_deinit(&numbers);
}

static void appending_keeps_what_was_there(void **state)
{
	static const int more[] = {7, 8, 9};
	static const int expected[] = {1, 7, 8, 9, 7, 8, 9};
	numbers_t numbers = {0};

	(void)state;
	assert_true(mw_vec_push(&numbers, 1));
	assert_true(mw_vec_append(&numbers, more, 3));
	assert_true(mw_vec_append(&numbers, more, 3));
	assert_int_equal(numbers.count, 7);
	assert_memory_equal(numbers.items, expected, sizeof(expected));
	mw_vec_deinit(&numbers);
}

static void reserving_does_not_change_the_count(void **state)
{
	numbers_t numbers = {0};

	(void)state;
	assert_true(mw_vec_reserve(&numbers, 100));
	assert_int_equal(numbers.count, 0);
	assert_true(numbers.capacity >= 100);
	mw_vec_deinit(&numbers);
}

static void a_reservation_too_large_fails_and_keeps_the_items(void **state)
{
	numbers_t numbers = {0};

	(void)state;
	assert_true(mw_vec_push(&numbers, 7));
	assert_false(mw_vec_reserve(&numbers, SIZE_MAX / 4));
	assert_int_equal(numbers.items[0], 7);
	mw_vec_deinit(&numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_items_stay_in_order),
		cmocka_unit_test(an_empty_vector_is_not_walked),
		cmocka_unit_test(removal_keeps_the_order_of_the_others),
		cmocka_unit_test(appending_keeps_what_was_there),
		cmocka_unit_test(reserving_does_not_change_the_count),
		cmocka_unit_test(a_reservation_too_large_fails_and_keeps_the_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
