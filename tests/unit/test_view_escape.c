// SPDX-License-Identifier: MIT
#include "profiler/view_escape.h"

#include "profiler/view.h"
#include "report_samples.h"

static char *escaped(enum mw_escape kind, const char *text, size_t columns)
{
	char *made;
	size_t size;
	FILE *stream = open_memstream(&made, &size);

	assert_non_null(stream);
	mw_escape_write(stream, kind, text, columns);
	assert_int_equal(fclose(stream), 0);
	return made;
}

static void assert_escaped(enum mw_escape kind, const char *text, const char *expected)
{
	char *made = escaped(kind, text, SIZE_MAX);

	assert_string_equal(made, expected);
	free(made);
}

static void test_a_terminal_gets_no_control_and_no_direction_characters(void **state MW_UNUSED)
{
	assert_escaped(MW_ESCAPE_TERMINAL, "a\033[2J\a\r\n",
		       "a\\u{001b}[2J\\u{0007}\\u{000d}\\u{000a}");
	assert_escaped(MW_ESCAPE_TERMINAL, "\xc2\x9b", "\\u{009b}");
	assert_escaped(MW_ESCAPE_TERMINAL, "\xe2\x80\xaegnp", "\\u{202e}gnp");
	assert_escaped(MW_ESCAPE_TERMINAL, "grün ✓ 𝄞 <&>", "grün ✓ 𝄞 <&>");
}

static void test_what_is_not_utf8_is_replaced(void **state MW_UNUSED)
{
	assert_escaped(MW_ESCAPE_TERMINAL, "\xff|\xc3|\xe2\x80|\xc0\xaf|\xed\xa0\x80",
		       "�|�|��|��|���");
	assert_escaped(MW_ESCAPE_TERMINAL, "\xf0\x9d", "��");
}

static void test_markup_is_taken_out_of_xml(void **state MW_UNUSED)
{
	assert_escaped(MW_ESCAPE_XML, "</text><script>'\"&",
		       "&#60;/text&#62;&#60;script&#62;&#39;&#34;&#38;");
	assert_escaped(MW_ESCAPE_XML, "\x01\xef\xbf\xbe", "\\u{0001}\\u{fffe}");
}

static void test_a_markdown_cell_stays_one_cell(void **state MW_UNUSED)
{
	assert_escaped(MW_ESCAPE_MARKDOWN, "a|b\n", "a&#124;b\\\\u{000a}");
	assert_escaped(MW_ESCAPE_MARKDOWN, "[x](http://e) `c` @me",
		       "&#91;x&#93;&#40;http&#58;//e&#41; &#96;c&#96; &#64;me");
}

static void test_long_text_is_cut_at_a_character(void **state MW_UNUSED)
{
	char *made = escaped(MW_ESCAPE_TERMINAL, "üüüü", 3);

	assert_string_equal(made, "üü…");
	free(made);
	made = escaped(MW_ESCAPE_TERMINAL, "abc", 3);
	assert_string_equal(made, "abc");
	free(made);
}

static void test_json_in_a_script_element_can_not_end_it(void **state MW_UNUSED)
{
	static const char json[] = "[\"</script><!--\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\"]";
	char *made;
	size_t size;
	FILE *stream = open_memstream(&made, &size);

	assert_non_null(stream);
	mw_escape_write_json(stream, json, sizeof(json) - 1);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(made, "[\"\\u003c/script>\\u003c!--\\u2028\\u2029\xe2\x80\"]");
	free(made);
}

static void test_an_svg_of_hostile_names_is_still_an_svg(void **state MW_UNUSED)
{
	struct mw_saved_list list = {0};
	struct mw_view_series series;
	char *made;
	size_t size;
	FILE *stream = open_memstream(&made, &size);

	assert_non_null(stream);
	sample_add(&list, "{\"command\": [\"</svg><script>\"], \"max_total_rss_kib\": 5, "
			  "\"processes\": [{\"key\": \"1:1\", \"name\": \"<b>&\", \"command\": "
			  "\"x\", \"max_rss_kib\": 5}], \"series\": [{\"key\": \"1:1\", "
			  "\"points\": [[0, 5], [1, 3]]}]}");
	assert_ok(mw_view_series_create(list.reports.items[0], &series));
	mw_view_write_svg(stream, list.reports.items[0], &series);
	assert_int_equal(fclose(stream), 0);
	assert_null(strstr(made, "<script"));
	assert_null(strstr(made, "<b>"));
	assert_null(strstr(made, "nan"));
	assert_ptr_equal(strstr(made, "</svg>"), made + size - strlen("</svg>\n"));
	free(made);
	mw_view_series_deinit(&series);
	mw_saved_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_terminal_gets_no_control_and_no_direction_characters),
		cmocka_unit_test(test_what_is_not_utf8_is_replaced),
		cmocka_unit_test(test_markup_is_taken_out_of_xml),
		cmocka_unit_test(test_a_markdown_cell_stays_one_cell),
		cmocka_unit_test(test_long_text_is_cut_at_a_character),
		cmocka_unit_test(test_json_in_a_script_element_can_not_end_it),
		cmocka_unit_test(test_an_svg_of_hostile_names_is_still_an_svg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
