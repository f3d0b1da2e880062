// SPDX-License-Identifier: MIT
#include "profiler/compare_amount.h"

#include <math.h>

#include "profiler/compare_budget.h"
#include "profiler/compare_command.h"
#include "report_samples.h"

static double size_of(const char *text)
{
	double kib;

	assert_ok(mw_amount_parse_size(text, &kib));
	return kib;
}

static void test_sizes_are_powers_of_1024_and_bare_numbers_bytes(void **state MW_UNUSED)
{
	assert_true(size_of("512M") == 512 * 1024);
	assert_true(size_of("1.5GiB") == 1.5 * 1024 * 1024);
	assert_true(size_of("300 kb") == 300);
	assert_true(size_of("2048") == 2);
	assert_true(size_of("0") == 0);
}

static void test_what_is_not_a_size_is_refused(void **state MW_UNUSED)
{
	static const char *const bad[] = {"",    "M",    "-1M",   "nan", "inf",
					  "0x1", "1 M2", "1e999", "5%",  " 1M"};
	double kib = 42;

	for (size_t i = 0; i < mw_array_size(bad); i++)
		assert_error(mw_amount_parse_size(bad[i], &kib), "is not a size");
	assert_true(kib == 42);
}

static void test_durations_have_units(void **state MW_UNUSED)
{
	double seconds;

	assert_ok(mw_amount_parse_duration("500ms", &seconds));
	assert_true(seconds == 0.5);
	assert_ok(mw_amount_parse_duration("2m", &seconds));
	assert_true(seconds == 120);
	assert_error(mw_amount_parse_duration("2 weeks", &seconds), "is not a duration");
}

static void test_a_threshold_is_a_percentage_or_a_size_but_not_bare(void **state MW_UNUSED)
{
	struct mw_threshold threshold;

	assert_ok(mw_threshold_parse("7.5%", &threshold));
	assert_true(threshold.relative && threshold.value == 7.5);
	assert_ok(mw_threshold_parse("20M", &threshold));
	assert_true(!threshold.relative && threshold.value == 20 * 1024);
	assert_error(mw_threshold_parse("5", &threshold), "is not a threshold");
	assert_error(mw_threshold_parse("", &threshold), "is not a threshold");
	assert_error(mw_threshold_parse("%", &threshold), "is not a threshold");
}

static void test_a_threshold_is_exceeded_only_above_it(void **state MW_UNUSED)
{
	struct mw_threshold percent = {.relative = true, .value = 5}, size = {.value = 10};

	assert_false(mw_threshold_exceeded(&percent, 1000, 1050));
	assert_true(mw_threshold_exceeded(&percent, 1000, 1051));
	assert_false(mw_threshold_exceeded(&percent, 1000, 10));
	assert_false(mw_threshold_exceeded(&size, 1000, 1010));
	assert_true(mw_threshold_exceeded(&size, 1000, 1011));
}

static void test_amounts_read_well(void **state MW_UNUSED)
{
	assert_string_equal(mw_amount_format(MW_UNIT_KIB, 900).text, "900 KiB");
	assert_string_equal(mw_amount_format(MW_UNIT_KIB, 1536).text, "1.50 MiB");
	assert_string_equal(mw_amount_format(MW_UNIT_KIB, 10.0 * 1024).text, "10.0 MiB");
	assert_string_equal(mw_amount_format(MW_UNIT_KIB, 300.0 * 1024 * 1024).text, "300 GiB");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 0).text, "0 s");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 0.25).text, "250 ms");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 9.99).text, "9.99 s");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 30).text, "30.0 s");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 125).text, "2 min 05 s");
	assert_string_equal(mw_amount_format(MW_UNIT_SECONDS, 7260).text, "2 h 01 min");
	assert_string_equal(mw_amount_format(MW_UNIT_COUNT, 1011).text, "1011");
	assert_string_equal(mw_amount_format(MW_UNIT_KIB, NAN).text, "-");
}

static void test_a_budget_has_metrics_groups_and_processes(void **state MW_UNUSED)
{
	struct mw_budget budget;

	assert_ok(mw_budget_parse("b",
				  "# limits\n\ntotal_rss 512M\r\n  duration\t90s # slow runner\n"
				  "group:my tool 1G\nprocess:c#mono 2K\nprocesses 40",
				  &budget));
	assert_int_equal(budget.lines.count, 5);
	assert_int_equal(budget.lines.items[0].metric, MW_METRIC_RSS);
	assert_true(budget.lines.items[0].limit == 512 * 1024);
	assert_int_equal(budget.lines.items[1].unit, MW_UNIT_SECONDS);
	assert_int_equal(budget.lines.items[2].kind, MW_BUDGET_GROUP);
	assert_string_equal(budget.lines.items[2].subject, "my tool");
	assert_string_equal(budget.lines.items[3].subject, "c#mono");
	assert_true(budget.lines.items[4].limit == 40);
	mw_budget_deinit(&budget);
}

static void test_a_bad_budget_line_is_named(void **state MW_UNUSED)
{
	struct mw_budget budget;

	assert_error(mw_budget_parse("b", "total_rss 1M\ntotal_ram 5M\n", &budget),
		     "b:2: 'total_ram' is not a metric");
	assert_error(mw_budget_parse("b", "total_rss\n", &budget), "b:1: 'total_rss' has no limit");
	assert_error(mw_budget_parse("b", "duration 5M\n", &budget), "b:1: '5M' is not a duration");
	assert_error(mw_budget_parse("b", "group: 5M\n", &budget), "b:1: 'group:' is not a metric");
}

static void test_a_pattern_drops_what_differs_between_runs(void **state MW_UNUSED)
{
	char *pattern = mw_command_pattern("as -o /tmp/ccX1.o /tmp/ccX2.s --pid 4711 'a b'");

	assert_string_equal(pattern, "as -o /tmp/* /tmp/* --pid # 'a b'");
	free(pattern);
	pattern = mw_command_pattern("");
	assert_string_equal(pattern, "");
	free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_powers_of_1024_and_bare_numbers_bytes),
		cmocka_unit_test(test_what_is_not_a_size_is_refused),
		cmocka_unit_test(test_durations_have_units),
		cmocka_unit_test(test_a_threshold_is_a_percentage_or_a_size_but_not_bare),
		cmocka_unit_test(test_a_threshold_is_exceeded_only_above_it),
		cmocka_unit_test(test_amounts_read_well),
		cmocka_unit_test(test_a_budget_has_metrics_groups_and_processes),
		cmocka_unit_test(test_a_bad_budget_line_is_named),
		cmocka_unit_test(test_a_pattern_drops_what_differs_between_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
