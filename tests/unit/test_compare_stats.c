// SPDX-License-Identifier: MIT
#include "profiler/stats.h"

#include <math.h>

#include "report_samples.h"

static void test_one_run_has_no_spread(void **state MW_UNUSED)
{
	double values[] = {7};
	struct mw_run_stats stats = mw_run_stats_compute(values, 1);

	assert_int_equal(stats.runs, 1);
	assert_true(stats.median == 7 && stats.low == 7 && stats.high == 7);
}

static void test_few_runs_spread_from_lowest_to_highest(void **state MW_UNUSED)
{
	double values[] = {9, 1, 4, 3};
	struct mw_run_stats stats = mw_run_stats_compute(values, 4);

	assert_true(stats.median == 3.5 && stats.low == 1 && stats.high == 9);
}

static void test_one_outlier_of_many_runs_is_not_in_the_spread(void **state MW_UNUSED)
{
	double values[] = {10, 11, 12, 13, 1000};
	struct mw_run_stats stats = mw_run_stats_compute(values, 5);

	assert_true(stats.median == 12 && stats.low == 11 && stats.high == 13);
}

static void test_runs_that_do_not_know_do_not_count(void **state MW_UNUSED)
{
	double values[] = {NAN, 5, NAN};
	struct mw_run_stats stats = mw_run_stats_compute(values, 3);

	assert_int_equal(stats.runs, 1);
	assert_true(stats.median == 5);
	values[0] = values[1] = values[2] = NAN;
	assert_int_equal(mw_run_stats_compute(values, 3).runs, 0);
	assert_int_equal(mw_run_stats_compute(NULL, 0).runs, 0);
}

static void test_spreads_that_touch_are_not_apart(void **state MW_UNUSED)
{
	struct mw_run_stats a = {.low = 1, .high = 3}, b = {.low = 3, .high = 5}, c = {.low = 4};

	c.high = 6;
	assert_false(mw_run_stats_apart(&a, &b));
	assert_true(mw_run_stats_apart(&a, &c));
	assert_true(mw_run_stats_apart(&c, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_run_has_no_spread),
		cmocka_unit_test(test_few_runs_spread_from_lowest_to_highest),
		cmocka_unit_test(test_one_outlier_of_many_runs_is_not_in_the_spread),
		cmocka_unit_test(test_runs_that_do_not_know_do_not_count),
		cmocka_unit_test(test_spreads_that_touch_are_not_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
