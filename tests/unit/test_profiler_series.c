// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profiler/leak.h"
#include "profiler/series.h"

#define SECOND UINT64_C(1000000000)

static void test_a_full_series_keeps_the_least_and_the_largest(void **state)
{
	struct mw_series series = {0};
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;
	uint32_t samples = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		assert_true(mw_series_add(&series, 64, i, i == 77777 ? 5000000 : 1000 + i % 7,
					  i == 77777 ? 42 : 1));
	assert_in_range(series.points.count, 32, 64);
	for (size_t i = 0; i < series.points.count; i++) {
		const struct mw_point *point = &series.points.items[i];

		least = point->min < least ? point->min : least;
		samples += point->count;
		if (point->max > most) {
			most = point->max;
			assert_true(point->extra == (most == 5000000 ? 42 : 1));
		}
		assert_true(i == 0 || point->ns > point[-1].ns);
	}
	assert_int_equal(least, 1000);
	assert_int_equal(most, 5000000);
	assert_int_equal(samples, 100000);
	mw_series_deinit(&series);
}

static void test_a_constant_value_takes_two_points(void **state)
{
	struct mw_series series = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(mw_series_add_change(&series, 64, i, 7));
	assert_true(mw_series_add_change(&series, 64, 1000, 8));
	assert_int_equal(series.points.count, 3);
	assert_int_equal(series.points.items[0].ns, 0);
	assert_int_equal(series.points.items[1].ns, 999);
	assert_int_equal(series.points.items[2].max, 8);
	mw_series_deinit(&series);
}

static void fill(struct mw_series *series, uint64_t (*value)(uint64_t second))
{
	for (uint64_t second = 0; second < 200; second++)
		assert_true(mw_series_add(series, 256, second * SECOND, value(second), 0));
}

static uint64_t leaking(uint64_t second)
{
	/* 100 KiB each second, below a sawtooth of garbage. */
	return 10000 + 100 * second + (second % 10) * 5000;
}

static uint64_t collected(uint64_t second)
{
	return 10000 + (second % 40) * 1000;
}

static uint64_t warming_up(uint64_t second)
{
	return second < 15 ? second * 5000 : 75000;
}

static uint64_t one_step(uint64_t second)
{
	return second < 100 ? 10000 : 90000;
}

static void test_growth_under_garbage_is_a_leak_with_its_slope(void **state)
{
	struct mw_series series = {0};
	struct mw_leak leak;

	(void)state;
	fill(&series, leaking);
	assert_true(mw_leak_find(&series, 50, 60, &leak));
	assert_in_range((int)leak.slope_kib_per_second, 95, 105);
	assert_in_range((int)leak.duration_seconds, 198, 200);
	assert_false(mw_leak_find(&series, 500, 60, &leak));
	assert_false(mw_leak_find(&series, 50, 300, &leak));
	mw_series_deinit(&series);
}

static void test_garbage_collection_warm_up_and_one_step_are_no_leaks(void **state)
{
	uint64_t (*const shapes[])(uint64_t) = {collected, warming_up, one_step};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct mw_series series = {0};
		struct mw_leak leak;

		fill(&series, shapes[i]);
		assert_false(mw_leak_find(&series, 50, 60, &leak));
		mw_series_deinit(&series);
	}
}

static void test_one_outlier_does_not_bend_the_slope(void **state)
{
	const double x[] = {0, 1, 2, 3, 4, 5, 6};
	const double y[] = {0, 2, 4, 600, 8, 10, 12};

	(void)state;
	assert_true(mw_theil_sen(x, y, 7) > 1.99 && mw_theil_sen(x, y, 7) < 2.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_series_keeps_the_least_and_the_largest),
		cmocka_unit_test(test_a_constant_value_takes_two_points),
		cmocka_unit_test(test_growth_under_garbage_is_a_leak_with_its_slope),
		cmocka_unit_test(test_garbage_collection_warm_up_and_one_step_are_no_leaks),
		cmocka_unit_test(test_one_outlier_does_not_bend_the_slope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
