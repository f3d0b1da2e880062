// SPDX-License-Identifier: MIT
#include "profiler/compare.h"

#include "report_samples.h"

#define MIB 1024u

/** Runs of one side: the total in MiB, ended by 0. */
static struct mw_saved_list side_of(const unsigned int *totals, double seconds)
{
	struct mw_saved_list list = {0};

	for (; *totals; totals++)
		sample_add_run(&list, *totals * MIB, 50 * MIB, seconds);
	return list;
}

static enum mw_verdict total_verdict(const unsigned int *base, const unsigned int *candidate,
				     const struct mw_compare_settings *settings)
{
	struct mw_saved_list base_list = side_of(base, 1), candidate_list = side_of(candidate, 1);
	struct mw_comparison comparison;
	enum mw_verdict verdict;

	assert_ok(mw_comparison_init(&comparison, &base_list, &candidate_list, settings));
	verdict = comparison.metrics[MW_METRIC_RSS].verdict;
	assert_int_equal(mw_comparison_has_regression(&comparison),
			 verdict == MW_VERDICT_WORSE && settings->judged[MW_METRIC_RSS]);
	mw_comparison_deinit(&comparison);
	return verdict;
}

static const unsigned int base_100[] = {100, 0};

static void test_more_than_the_threshold_is_a_regression(void **state MW_UNUSED)
{
	const struct mw_compare_settings *settings = &mw_compare_defaults;

	assert_int_equal(total_verdict(base_100, (unsigned int[]){105, 0}, settings),
			 MW_VERDICT_SAME);
	assert_int_equal(total_verdict(base_100, (unsigned int[]){106, 0}, settings),
			 MW_VERDICT_WORSE);
	assert_int_equal(total_verdict(base_100, (unsigned int[]){90, 0}, settings),
			 MW_VERDICT_BETTER);
}

static void test_within_the_noise_there_is_no_regression(void **state MW_UNUSED)
{
	const unsigned int base[] = {100, 120, 101, 0}, candidate[] = {110, 111, 119, 0};
	const unsigned int worse[] = {125, 121, 122, 0};

	assert_int_equal(total_verdict(base, candidate, &mw_compare_defaults), MW_VERDICT_NOISE);
	assert_int_equal(total_verdict(base, worse, &mw_compare_defaults), MW_VERDICT_WORSE);
}

static void test_an_absolute_threshold_is_a_size(void **state MW_UNUSED)
{
	struct mw_compare_settings settings = mw_compare_defaults;

	settings.threshold = (struct mw_threshold){.value = 20 * MIB};
	assert_int_equal(total_verdict(base_100, (unsigned int[]){120, 0}, &settings),
			 MW_VERDICT_SAME);
	assert_int_equal(total_verdict(base_100, (unsigned int[]){121, 0}, &settings),
			 MW_VERDICT_WORSE);
}

static void test_what_is_not_judged_is_no_regression(void **state MW_UNUSED)
{
	struct mw_compare_settings settings = mw_compare_defaults;

	settings.judged[MW_METRIC_RSS] = false;
	assert_int_equal(total_verdict(base_100, (unsigned int[]){200, 0}, &settings),
			 MW_VERDICT_WORSE);
}

static void test_tiny_sizes_are_the_same_whatever_the_percentage(void **state MW_UNUSED)
{
	struct mw_saved_list base = {0}, candidate = {0};
	struct mw_comparison comparison;

	sample_add_run(&base, 1000, 1000, 1);
	sample_add_run(&candidate, 2000, 2000, 1);
	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	assert_int_equal(comparison.metrics[MW_METRIC_RSS].verdict, MW_VERDICT_SAME);
	assert_int_equal(comparison.groups.items[0].verdict, MW_VERDICT_SAME);
	mw_comparison_deinit(&comparison);
}

static enum mw_verdict duration_verdict(const unsigned int *runs)
{
	struct mw_saved_list base = side_of(runs, 1), candidate = side_of(runs, 2);
	struct mw_comparison comparison;
	enum mw_verdict verdict;

	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	verdict = comparison.metrics[MW_METRIC_DURATION].verdict;
	mw_comparison_deinit(&comparison);
	return verdict;
}

static void test_a_duration_needs_two_runs_to_be_judged(void **state MW_UNUSED)
{
	assert_int_equal(duration_verdict(base_100), MW_VERDICT_UNSURE);
	assert_int_equal(duration_verdict((unsigned int[]){100, 100, 0}), MW_VERDICT_WORSE);
}

static const char base_pair[] =
	"{\"command\": [\"j\"], \"processes\": ["
	"{\"pid\": 1, \"command\": \"/usr/bin/old a /tmp/x1\", \"max_rss_kib\": 90000},"
	"{\"pid\": 2, \"command\": \"cc1 /tmp/cc1.s -o 1\", \"max_rss_kib\": 50000}]}";
static const char candidate_pair[] =
	"{\"command\": [\"j\"], \"processes\": ["
	"{\"pid\": 8, \"command\": \"cc1 /tmp/cc2.s -o 2\", \"max_rss_kib\": 60000},"
	"{\"pid\": 9, \"command\": \"new\", \"max_rss_kib\": 70000}]}";

static void test_new_and_vanished_groups_and_processes_are_named(void **state MW_UNUSED)
{
	struct mw_saved_list base = {0}, candidate = {0};
	struct mw_comparison comparison;

	sample_add(&base, base_pair);
	sample_add(&candidate, candidate_pair);
	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	assert_int_equal(comparison.groups.count, 3);
	assert_string_equal(comparison.groups.items[0].name, "old");
	assert_int_equal(comparison.groups.items[0].verdict, MW_VERDICT_VANISHED);
	assert_int_equal(comparison.groups.items[1].verdict, MW_VERDICT_NEW);
	assert_string_equal(comparison.groups.items[2].name, "cc1");
	assert_int_equal(comparison.groups.items[2].verdict, MW_VERDICT_WORSE);
	assert_int_equal(comparison.processes.count, 2);
	assert_string_equal(comparison.processes.items[0].name, "/usr/bin/old a /tmp/x1");
	assert_int_equal(comparison.processes.items[0].verdict, MW_VERDICT_VANISHED);
	assert_string_equal(comparison.processes.items[1].name, "new");
	mw_comparison_deinit(&comparison);
}

static void test_sums_of_groups_count_only_when_all_runs_have_them(void **state MW_UNUSED)
{
	struct mw_saved_list base = {0}, candidate = {0};
	struct mw_comparison comparison;

	sample_add(&base, "{\"schema_version\": 1, \"command\": [], \"group_by\": \"command\", "
			  "\"groups\": [{\"name\": \"cc1\", \"processes\": 2, \"max_rss_kib\": "
			  "50000, \"peak_total_rss_kib\": 99000}], \"processes\": [{\"pid\": 1, "
			  "\"command\": \"cc1\", \"name\": \"cc1\", \"max_rss_kib\": 50000}]}");
	sample_add(&candidate, candidate_pair);
	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	assert_true(comparison.groups.items[1].base.median == 50000);
	mw_comparison_deinit(&comparison);
}

static void test_every_run_has_to_keep_the_budget(void **state MW_UNUSED)
{
	struct mw_saved_list base = {0};
	struct mw_saved_list candidate = side_of((unsigned int[]){100, 130, 100, 0}, 1);
	struct mw_comparison comparison;
	struct mw_budget budget;

	assert_ok(mw_budget_parse("b",
				  "total_rss 120M\nprocess:cc1 50M\ngroup:cc1 49M\ntotal_pss 1G\n"
				  "process:ld 1M\n",
				  &budget));
	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	assert_ok(mw_comparison_check_budget(&comparison, &budget));
	assert_true(mw_comparison_breaks_budget(&comparison));
	assert_false(mw_comparison_has_regression(&comparison));
	assert_int_equal(comparison.budget.items[0].state, MW_BUDGET_BROKEN);
	assert_true(comparison.budget.items[0].value == 130 * MIB);
	assert_int_equal(comparison.budget.items[1].state, MW_BUDGET_KEPT);
	assert_int_equal(comparison.budget.items[2].state, MW_BUDGET_BROKEN);
	assert_int_equal(comparison.budget.items[3].state, MW_BUDGET_UNKNOWN);
	assert_int_equal(comparison.budget.items[4].state, MW_BUDGET_UNKNOWN);
	mw_comparison_deinit(&comparison);
	mw_budget_deinit(&budget);
}

static void test_the_json_names_the_regression(void **state MW_UNUSED)
{
	struct mw_saved_list base = side_of(base_100, 1);
	struct mw_saved_list candidate = side_of((unsigned int[]){200, 0}, 1);
	struct mw_comparison comparison;
	json_t *json, *metric;

	assert_ok(mw_comparison_init(&comparison, &base, &candidate, &mw_compare_defaults));
	json = mw_comparison_to_json(&comparison);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "verdict")), "regression");
	metric = json_array_get(json_object_get(json, "metrics"), MW_METRIC_RSS);
	assert_true(json_is_true(json_object_get(metric, "regression")));
	assert_true(json_number_value(json_object_get(metric, "change_percent")) == 100);
	json_decref(json);
	mw_comparison_deinit(&comparison);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_than_the_threshold_is_a_regression),
		cmocka_unit_test(test_within_the_noise_there_is_no_regression),
		cmocka_unit_test(test_an_absolute_threshold_is_a_size),
		cmocka_unit_test(test_what_is_not_judged_is_no_regression),
		cmocka_unit_test(test_tiny_sizes_are_the_same_whatever_the_percentage),
		cmocka_unit_test(test_a_duration_needs_two_runs_to_be_judged),
		cmocka_unit_test(test_new_and_vanished_groups_and_processes_are_named),
		cmocka_unit_test(test_sums_of_groups_count_only_when_all_runs_have_them),
		cmocka_unit_test(test_every_run_has_to_keep_the_budget),
		cmocka_unit_test(test_the_json_names_the_regression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
