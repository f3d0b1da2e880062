// SPDX-License-Identifier: MIT
#include "profiler/report_read.h"

#include <math.h>

#include "report_samples.h"

static const char seed_report[] =
	"{\"command\": [\"sh\", \"-c\", \"sleep 1\"], \"duration_seconds\": 1.5, \"end_time\": "
	"\"2026-01-02T03:04:06.500000000Z\", \"exit_code\": 0, \"interval_ms\": 500, "
	"\"max_total_rss_kib\": 6000, \"processes\": [{\"command\": \"/bin/sh -c sleep 1\", "
	"\"first_seen\": \"2026-01-02T03:04:05.250000000Z\", \"last_seen\": "
	"\"2026-01-02T03:04:06.000000000Z\", \"max_rss_kib\": 4000, \"pid\": 10, \"ppid\": 1}, "
	"{\"command\": \"sleep 1\", \"first_seen\": \"2026-01-02T03:04:05.500000000Z\", "
	"\"last_seen\": \"2026-01-02T03:04:06.000000000Z\", \"max_rss_kib\": 2000, \"pid\": 11, "
	"\"ppid\": 10}], \"samples\": 3, \"start_time\": \"2026-01-02T03:04:05.000000000Z\"}";

static void test_a_report_of_memwatch_01_is_read(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	const struct mw_saved_report *report;

	sample_add(&list, seed_report);
	assert_int_equal(list.reports.count, 1);
	report = list.reports.items[0];
	assert_string_equal(report->format, "memwatch 0.1");
	assert_string_equal(report->command, "sh -c sleep 1");
	assert_true(report->metrics[MW_METRIC_RSS] == 6000);
	assert_true(report->metrics[MW_METRIC_PROCESS] == 4000);
	assert_true(report->metrics[MW_METRIC_PROCESSES] == 2);
	assert_true(isnan(report->metrics[MW_METRIC_PSS]));
	assert_string_equal(report->processes.items[0].name, "sh");
	assert_true(fabs(report->processes.items[0].start - 0.25) < 1e-6);
	assert_int_equal(report->processes.items[0].parent, MW_SAVED_NO_PARENT);
	assert_int_equal(report->processes.items[1].parent, 0);
	mw_saved_list_deinit(&list);
}

static void test_keys_link_parents_and_series(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	const struct mw_saved_report *report;

	sample_add(&list, "{\"schema_version\": 1, \"command\": [], \"processes\": ["
			  "{\"key\": \"5:2\", \"parent_key\": \"5:1\", \"pid\": 5, \"command\": "
			  "\"b\", \"max_rss_kib\": 2, \"exact\": true},"
			  "{\"key\": \"5:1\", \"parent_key\": null, \"pid\": 5, \"command\": "
			  "\"a\", \"max_rss_kib\": 1}], \"series\": [{\"key\": \"5:1\", "
			  "\"points\": [[0.5, 1]]}, {\"key\": \"9:9\", \"points\": []}]}");
	report = list.reports.items[0];
	assert_int_equal(report->processes.items[0].parent, 1);
	assert_int_equal(report->processes.items[1].parent, MW_SAVED_NO_PARENT);
	assert_true(report->processes.items[0].exact);
	assert_null(report->processes.items[0].points);
	assert_int_equal(json_array_size(report->processes.items[1].points), 1);
	mw_saved_list_deinit(&list);
}

static void test_every_run_of_a_file_is_a_report(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};

	sample_add(&list,
		   "{\"schema_version\": 1, \"command\": [\"a\"], \"processes\": [], "
		   "\"max_total_rss_kib\": 2, \"runs\": [{\"schema_version\": 1, \"command\": "
		   "[\"a\"], \"processes\": [], \"max_total_rss_kib\": 1}, {\"schema_version\": 1, "
		   "\"command\": [\"a\"], \"processes\": [], \"max_total_rss_kib\": 2}]}");
	assert_int_equal(list.reports.count, 2);
	assert_true(list.reports.items[0]->metrics[MW_METRIC_RSS] == 1);
	mw_saved_list_deinit(&list);
}

static void test_time_v_gives_the_largest_process_and_the_duration(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};

	sample_add(&list, "noise of the program\n\tCommand being timed: \"make \"all\"\"\n"
			  "\tElapsed (wall clock) time (h:mm:ss or m:ss): 1:02:03\n"
			  "\tMaximum resident set size (kbytes): 12345\n\tExit status: 0\n"
			  "\tCommand being timed: \"b\"\n"
			  "\tElapsed (wall clock) time (h:mm:ss or m:ss): 0:01.25\n"
			  "\tMaximum resident set size (kbytes): 9\n");
	assert_int_equal(list.reports.count, 2);
	assert_string_equal(list.reports.items[0]->command, "make \"all\"");
	assert_true(list.reports.items[0]->metrics[MW_METRIC_PROCESS] == 12345);
	assert_true(list.reports.items[0]->metrics[MW_METRIC_DURATION] == 3723);
	assert_true(list.reports.items[1]->metrics[MW_METRIC_DURATION] == 1.25);
	assert_true(isnan(list.reports.items[1]->metrics[MW_METRIC_RSS]));
	mw_saved_list_deinit(&list);
}

static void test_hyperfine_gives_a_report_for_each_run(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};

	sample_add(&list, "{\"results\": [{\"command\": \"x\", \"times\": [0.5, 0.6], "
			  "\"memory_usage_byte\": [2048, 4096]}]}");
	assert_int_equal(list.reports.count, 2);
	assert_true(list.reports.items[1]->metrics[MW_METRIC_PROCESS] == 4);
	assert_true(list.reports.items[1]->metrics[MW_METRIC_DURATION] == 0.6);
	mw_saved_list_deinit(&list);
}

static void test_what_is_no_report_is_refused_in_one_line(void **state MW_UNUSED)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"", "f is empty"},
		{"not json", "f is not a report: line 1"},
		{"{\"processes\": [", "f is not a report"},
		{"[]", "neither a report of memwatch run nor of hyperfine"},
		{"{\"a\": 1}", "neither a report of memwatch run nor of hyperfine"},
		{"{\"results\": [{}, {}]}", "f holds 2 commands"},
		{"{\"results\": [{\"command\": \"x\"}]}", "without times"},
		{"{\"schema_version\": 2, \"processes\": []}", "schema version 2"},
		{"{\"processes\": [{\"pid\": 1}]}", "process 0 has no command"},
		{"{\"processes\": [7]}", "process 0 has no command"},
	};
	struct mw_saved_list list = {0};

	for (size_t i = 0; i < mw_array_size(bad); i++)
		assert_error(mw_saved_parse("f", bad[i].text, strlen(bad[i].text), &list),
			     bad[i].part);
	assert_int_equal(list.reports.count, 0);
	assert_error(mw_saved_read("/nonexistent/f", &list), "cannot open /nonexistent/f");
	mw_saved_list_deinit(&list);
}

static void test_odd_types_and_loops_of_parents_do_no_harm(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};

	sample_add(&list, "{\"command\": \"text\", \"duration_seconds\": \"long\", \"groups\": {}, "
			  "\"series\": [7], \"timeline\": 3, \"peak\": [], \"start_time\": 5, "
			  "\"processes\": [{\"pid\": -1, \"ppid\": -1, \"command\": \"a\\u0000b\", "
			  "\"max_rss_kib\": 1}, {\"pid\": 4, \"ppid\": 4, \"command\": \"\", "
			  "\"max_rss_kib\": 1}]}");
	assert_true(isnan(list.reports.items[0]->metrics[MW_METRIC_DURATION]));
	assert_int_equal(list.reports.items[0]->processes.items[1].parent, MW_SAVED_NO_PARENT);
	assert_string_equal(list.reports.items[0]->processes.items[1].name, "");
	mw_saved_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_report_of_memwatch_01_is_read),
		cmocka_unit_test(test_keys_link_parents_and_series),
		cmocka_unit_test(test_every_run_of_a_file_is_a_report),
		cmocka_unit_test(test_time_v_gives_the_largest_process_and_the_duration),
		cmocka_unit_test(test_hyperfine_gives_a_report_for_each_run),
		cmocka_unit_test(test_what_is_no_report_is_refused_in_one_line),
		cmocka_unit_test(test_odd_types_and_loops_of_parents_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
