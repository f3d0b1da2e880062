// SPDX-License-Identifier: MIT
/* Durations, counts, near names, the rate limiter, rows and tables: the pure pieces. */
#include <locale.h>

#include "repl/duration.h"
#include "repl/limiter.h"
#include "repl/nearest.h"
#include "repl/row.h"
#include "repl/table.h"
#include "repl_test.h"

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"5", 5000000000},      {"5s", 5000000000},    {"1.5s", 1500000000},
		{"200ms", 200000000},   {"7us", 7000},         {"2m", 120000000000},
		{"2min", 120000000000}, {"1h", 3600000000000},
	};

	(void)state;
	for (size_t i = 0; i < mw_array_size(cases); i++) {
		uint64_t ns = 0;

		assert_success(mw_duration_parse(cases[i].text, &ns));
		assert_int_equal(ns, cases[i].ns);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const texts[] = {"",    "s",    "-1",           "5x",  "5 s",
					    "0",   "0.0s", "inf",          "nan", "0x5",
					    "1e3", "1e99", "99999999999h", " 5",  "5s "};

	(void)state;
	for (size_t i = 0; i < mw_array_size(texts); i++) {
		uint64_t ns = 42;
		struct mw_error *err = mw_duration_parse(texts[i], &ns);

		if (!err) {
			fail_msg("'%s' was taken for a time", texts[i]);
			return;
		}
		assert_int_equal(err->code, MW_ERROR_USAGE);
		assert_int_equal(ns, 42);
		mw_error_destroy(err);
	}
}

static void counts_have_separators(void **state)
{
	char text[MW_COUNT_SIZE];

	(void)state;
	assert_string_equal(mw_count_text(0, text), "0");
	assert_string_equal(mw_count_text(999, text), "999");
	assert_string_equal(mw_count_text(1000, text), "1,000");
	assert_string_equal(mw_count_text(1234567, text), "1,234,567");
	assert_string_equal(mw_count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static const char *nearest(const char *wanted)
{
	struct mw_nearest search = {.wanted = wanted};

	mw_nearest_offer(&search, "watch");
	mw_nearest_offer(&search, "writers");
	mw_nearest_offer(&search, "x");
	return search.best;
}

static void only_near_names_are_suggested(void **state)
{
	(void)state;
	assert_string_equal(nearest("wacth"), "watch");
	assert_string_equal(nearest("wach"), "watch");
	assert_string_equal(nearest("writer"), "writers");
	assert_null(nearest("completely-else"));
	assert_null(nearest("y"));
	assert_null(nearest("a-word-that-is-much-longer-than-any-name-could-be"));
}

static void a_slow_stream_is_never_limited(void **state)
{
	struct mw_limiter limiter = {.rate = 200};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(mw_limiter_take(&limiter, 10000000000 + i * 5000000));
	assert_int_equal(mw_limiter_collect(&limiter, UINT64_MAX), 0);
}

static void a_fast_stream_is_cut_to_its_rate_and_counted(void **state)
{
	struct mw_limiter limiter = {.rate = 200};
	uint64_t start = 10000000000, shown = 0, held = 0;

	(void)state;
	/* 10 s at 100,000 a second. */
	for (uint64_t i = 0; i < 1000000; i++) {
		uint64_t now = start + i * 10000;

		shown += mw_limiter_take(&limiter, now);
		held += mw_limiter_collect(&limiter, now);
	}
	assert_in_range(shown, 2000, 2201);
	held += mw_limiter_collect(&limiter, UINT64_MAX);
	assert_int_equal(shown + held, 1000000);
}

static void held_reports_are_announced_now_and_then(void **state)
{
	struct mw_limiter limiter = {.rate = 1};
	uint64_t now = 10000000000;

	(void)state;
	assert_true(mw_limiter_take(&limiter, now));
	assert_false(mw_limiter_take(&limiter, now));
	assert_false(mw_limiter_take(&limiter, now));
	assert_int_equal(mw_limiter_collect(&limiter, now), 2);
	assert_false(mw_limiter_take(&limiter, now + 1));
	assert_int_equal(mw_limiter_collect(&limiter, now + MW_LIMITER_PERIOD_NS - 1), 0);
	assert_int_equal(mw_limiter_collect(&limiter, now + MW_LIMITER_PERIOD_NS), 1);
}

static void a_rate_of_zero_lets_everything_through(void **state)
{
	struct mw_limiter limiter = {.rate = 0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_true(mw_limiter_take(&limiter, 5));
}

static void control_characters_never_reach_the_terminal(void **state)
{
	static const struct mw_style plain = {.color = false};
	char text[256] = "";
	FILE *memory = fmemopen(text, sizeof(text), "w");
	struct mw_row row = {.out = memory, .style = &plain};

	(void)state;
	mw_row_put(&row, MW_HUE_OLD, "%s",
		   "a\033[2Jb\x7f\n\xff\xc2\x9b"
		   "ü");
	fclose(memory);
	assert_string_equal(text, "a\\x1b[2Jb\\x7f\\x0a\\xff\\xc2\\x9bü");
	assert_int_equal(row.width, mw_text_width(text));
}

static void width_counts_columns_not_bytes(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_int_equal(mw_text_width("→ …"), 3);
	assert_int_equal(mw_text_width("日本"), 4);
	assert_int_equal(mw_text_width("e\xcc\x81"), 1);
}

static void tables_line_up(void **state)
{
	static const struct mw_column columns[] = {{"n", true}, {"name", false}, {"last", false}};
	static const struct mw_style plain = {.color = false};
	char text[256] = "";
	FILE *memory = fmemopen(text, sizeof(text), "w");
	struct mw_table table;

	(void)state;
	mw_table_init(&table, columns, 3);
	mw_table_cell(&table, MW_HUE_PLAIN, "5");
	mw_table_cell(&table, MW_HUE_PLAIN, "a → b");
	mw_table_cell(&table, MW_HUE_PLAIN, "x");
	mw_table_cell(&table, MW_HUE_PLAIN, "1,234");
	mw_table_cell(&table, MW_HUE_PLAIN, "longer name");
	mw_table_cell(&table, MW_HUE_PLAIN, "y");
	mw_table_print(&table, &plain, 1, memory);
	mw_table_deinit(&table);
	fclose(memory);
	assert_string_equal(text, "     n  name         last\n"
				  "     5  a → b        x\n"
				  " 1,234  longer name  y\n");
}

static void an_empty_table_prints_nothing(void **state)
{
	static const struct mw_column columns[] = {{"n", true}};
	static const struct mw_style plain = {.color = false};
	char text[16] = "";
	FILE *memory = fmemopen(text, sizeof(text), "w");
	struct mw_table table;

	(void)state;
	mw_table_init(&table, columns, 1);
	mw_table_print(&table, &plain, 0, memory);
	mw_table_deinit(&table);
	fclose(memory);
	assert_string_equal(text, "");
}

static void no_color_and_dumb_terminals_are_honoured(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_true(mw_style_choose(MW_COLOR_ALWAYS, -1).color);
	assert_false(mw_style_choose(MW_COLOR_NEVER, -1).color);
	assert_false(mw_style_choose(MW_COLOR_AUTO, -1).color);
	setenv("NO_COLOR", "1", 1);
	assert_true(mw_style_choose(MW_COLOR_ALWAYS, -1).color);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(only_near_names_are_suggested),
		cmocka_unit_test(a_slow_stream_is_never_limited),
		cmocka_unit_test(a_fast_stream_is_cut_to_its_rate_and_counted),
		cmocka_unit_test(held_reports_are_announced_now_and_then),
		cmocka_unit_test(a_rate_of_zero_lets_everything_through),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(width_counts_columns_not_bytes),
		cmocka_unit_test(tables_line_up),
		cmocka_unit_test(an_empty_table_prints_nothing),
		cmocka_unit_test(no_color_and_dumb_terminals_are_honoured),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
