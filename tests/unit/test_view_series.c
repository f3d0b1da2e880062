// SPDX-License-Identifier: MIT
#include "profiler/view_series.h"

#include "profiler/view.h"
#include "report_samples.h"

static struct mw_view_series series_of(struct mw_saved_list *list, const char *text)
{
	struct mw_view_series series;

	sample_add(list, text);
	assert_ok(mw_view_series_create(list->reports.items[list->reports.count - 1], &series));
	return series;
}

static void test_processes_of_a_program_add_up_until_they_end(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	struct mw_view_series series = series_of(
		&list,
		"{\"command\": [], \"duration_seconds\": 10, \"processes\": ["
		"{\"key\": \"1:1\", \"command\": \"a\", \"max_rss_kib\": 5, \"start_seconds\": 0, "
		"\"end_seconds\": 4}, {\"key\": \"2:1\", \"command\": \"/bin/a x\", "
		"\"max_rss_kib\": 7, \"start_seconds\": 1, \"end_seconds\": 6}, {\"key\": "
		"\"3:1\", \"command\": \"b\", \"max_rss_kib\": 1, \"start_seconds\": 2, "
		"\"end_seconds\": null}], \"series\": [{\"key\": \"1:1\", \"points\": [[0, 5]]}, "
		"{\"key\": \"2:1\", \"points\": [[1, 3], [2, 7]]}, {\"key\": \"3:1\", \"points\": "
		"[[2, 1]]}]}");
	static const double totals[][2] = {{0, 5}, {1, 8}, {2, 13}, {4, 8}, {6, 1}};

	assert_int_equal(series.band_count, 2);
	assert_string_equal(series.bands[0], "a");
	assert_string_equal(series.bands[1], "b");
	assert_int_equal(series.moments.count, mw_array_size(totals));
	for (size_t i = 0; i < mw_array_size(totals); i++) {
		assert_true(series.moments.items[i].seconds == totals[i][0]);
		assert_true(mw_view_moment_total(&series, &series.moments.items[i]) ==
			    totals[i][1]);
	}
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

static void test_a_short_burst_keeps_its_height_and_its_end(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	struct mw_view_series series = series_of(
		&list, "{\"command\": [], \"duration_seconds\": 3600, \"processes\": [{\"key\": "
		       "\"1:1\", \"command\": \"a\", \"max_rss_kib\": 900, \"start_seconds\": 0, "
		       "\"end_seconds\": 3600}], \"series\": [{\"key\": \"1:1\", \"points\": [[0, "
		       "1], [100, 5], [100.1, 900], [100.2, 6], [100.3, 7]]}]}");

	assert_int_equal(series.moments.count, 4);
	assert_true(series.moments.items[1].kib[0] == 900);
	assert_true(series.moments.items[2].kib[0] == 7);
	assert_true(series.moments.items[3].kib[0] == 0);
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

static void test_the_ninth_program_is_among_the_others(void **state MW_UNUSED)
{
	char text[4096] = "{\"command\": [], \"processes\": [", one[256];
	struct mw_saved_list list = {0};
	struct mw_view_series series;

	for (int i = 0; i < 10; i++) {
		snprintf(one, sizeof(one),
			 "%s{\"key\": \"%d:1\", \"command\": \"p%d\", \"max_rss_kib\": 1}",
			 i ? "," : "", i, i);
		strcat(text, one);
	}
	strcat(text, "], \"series\": [");
	for (int i = 0; i < 10; i++) {
		snprintf(one, sizeof(one), "%s{\"key\": \"%d:1\", \"points\": [[0, %d]]}",
			 i ? "," : "", i, 100 + i);
		strcat(text, one);
	}
	strcat(text, "]}");
	series = series_of(&list, text);
	assert_int_equal(series.band_count, MW_VIEW_BANDS_MAX);
	assert_string_equal(series.bands[0], "p9");
	assert_string_equal(series.bands[7], "p2");
	assert_string_equal(series.bands[8], "others");
	assert_true(series.moments.items[0].kib[8] == 100 + 101);
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

static void test_without_series_the_timeline_is_one_band(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	struct mw_view_series series = series_of(
		&list, "{\"command\": [], \"processes\": [{\"command\": \"a\", \"max_rss_kib\": "
		       "1}], \"timeline\": [{\"elapsed_seconds\": 0.5, \"total_rss_kib\": 9}, {}, "
		       "{\"elapsed_seconds\": 1.5, \"total_rss_kib\": 4}]}");

	assert_int_equal(series.band_count, 1);
	assert_string_equal(series.bands[0], "all processes");
	assert_int_equal(series.moments.count, 2);
	assert_true(series.duration == 1.5);
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

static void test_a_report_without_both_has_no_moments(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	struct mw_view_series series =
		series_of(&list, "{\"command\": [], \"processes\": [], \"series\": [{\"key\": "
				 "\"1:1\", \"points\": [[1], 7, [\"a\", \"b\"], null]}]}");

	assert_int_equal(series.moments.count, 0);
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

static void test_the_run_with_the_median_peak_is_shown(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};

	sample_add_run(&list, 900, 1, 1);
	sample_add_run(&list, 100, 1, 1);
	sample_add_run(&list, 500, 1, 1);
	assert_ptr_equal(mw_view_choose(&list), list.reports.items[2]);
	mw_saved_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_of_a_program_add_up_until_they_end),
		cmocka_unit_test(test_a_short_burst_keeps_its_height_and_its_end),
		cmocka_unit_test(test_the_ninth_program_is_among_the_others),
		cmocka_unit_test(test_without_series_the_timeline_is_one_band),
		cmocka_unit_test(test_a_report_without_both_has_no_moments),
		cmocka_unit_test(test_the_run_with_the_median_peak_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
