// SPDX-License-Identifier: MIT
/* Which members a change touched. */
#include "symbols_target.h"

/* The layout of the fixture's struct config. */
struct config {
	char name[16];
	struct {
		int soft, hard;
	} limits[4];
	double ratio;
	bool enabled;
	struct {
		int inside;
		union {
			int as_int;
			float as_float;
		};
	};
	void *next;
	unsigned flag_a : 1;
	unsigned flag_b : 3;
	int level : 5;
	uint64_t wide : 40;
};

struct fixture {
	struct target target;
	struct mw_object object;
	struct config old_value;
	struct config new_value;
	char *paths;
	size_t paths_size;
	FILE *out;
};

static int open_fixture(void **state)
{
	static struct fixture fixture;

	target_open_fixture(&fixture.target, "shapes-gcc-O0-dwarf5");
	assert_mw_ok(mw_symbols_eval(fixture.target.symbols, "second_config", &fixture.object));
	assert_int_equal(fixture.object.size, sizeof(struct config));
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	target_stop(&((struct fixture *)*state)->target);
	return 0;
}

static int clear_values(void **state)
{
	struct fixture *fixture = *state;

	memset(&fixture->old_value, 0, sizeof(fixture->old_value));
	memset(&fixture->new_value, 0, sizeof(fixture->new_value));
	return 0;
}

static void note_leaf(void *arg, const struct mw_leaf *leaf)
{
	struct fixture *fixture = arg;

	fprintf(fixture->out, "%s@%" PRIu64 ":%" PRIu64 " ", leaf->path,
		leaf->object.addr.v - fixture->object.addr.v, leaf->object.size);
}

static size_t diff(struct fixture *fixture, const struct mw_object *object, const void *old_bytes,
		   const void *new_bytes, uint64_t offset, uint64_t size, size_t max)
{
	size_t count;

	free(fixture->paths);
	fixture->out = open_memstream(&fixture->paths, &fixture->paths_size);
	count = mw_symbols_diff(fixture->target.symbols, object, old_bytes, new_bytes, offset, size,
				max, note_leaf, fixture);
	fclose(fixture->out);
	return count;
}

static void assert_leaves(struct fixture *fixture, const char *expected)
{
	diff(fixture, &fixture->object, &fixture->old_value, &fixture->new_value, 0,
	     sizeof(struct config), 100);
	assert_string_equal(fixture->paths, expected);
}

static void test_equal_values_have_no_leaves(void **state)
{
	assert_leaves(*state, "");
}

static void test_members_are_named_by_their_path(void **state)
{
	struct fixture *fixture = *state;

	fixture->new_value.limits[3].soft = 5;
	fixture->new_value.ratio = 0.25;
	assert_leaves(fixture, ".limits[3].soft@40:4 .ratio@48:8 ");
}

static void test_members_of_anonymous_parts_are_named_as_in_c(void **state)
{
	struct fixture *fixture = *state;

	fixture->new_value.inside = 1;
	fixture->new_value.as_int = 2;
	assert_leaves(fixture, ".inside@60:4 .as_int@64:4 ");
}

static void test_a_char_array_is_one_leaf(void **state)
{
	struct fixture *fixture = *state;

	strcpy(fixture->new_value.name, "abc");
	fixture->new_value.name[9] = 'z';
	assert_leaves(fixture, ".name@0:16 ");
}

static void test_padding_is_a_leaf(void **state)
{
	struct fixture *fixture = *state;
	unsigned char *bytes = (unsigned char *)&fixture->new_value;

	bytes[offsetof(struct config, enabled) + 2] = 1;
	assert_leaves(fixture, "<padding>@58:1 ");
}

static void test_a_bit_field_is_a_leaf_only_when_its_own_bits_changed(void **state)
{
	struct fixture *fixture = *state;

	fixture->new_value.flag_b = 5;
	assert_leaves(fixture, ".flag_b@80:1 ");
	fixture->new_value.wide = 1;
	fixture->new_value.level = -1;
	assert_leaves(fixture, ".flag_b@80:1 .level@80:2 .wide@81:6 ");
}

static void test_padding_behind_the_last_member_is_a_leaf_beside_members(void **state)
{
	struct fixture *fixture = *state;
	unsigned char old_value[16] = {0}, new_value[16] = {[8] = 1, [12] = 1};
	struct mw_object object;

	assert_mw_ok(mw_symbols_eval(fixture->target.symbols, "tailed", &object));
	object.addr = fixture->object.addr;
	diff(fixture, &object, old_value, new_value, 0, sizeof(old_value), 100);
	assert_string_equal(fixture->paths, ".narrow@8:1 <padding>@12:1 ");
}

static void test_bits_nobody_named_are_padding(void **state)
{
	struct fixture *fixture = *state;
	unsigned char *bytes = (unsigned char *)&fixture->new_value;

	/* flag_a, flag_b and level take 9 bits, wide 40: the last 15 of 64 are free. */
	bytes[offsetof(struct config, next) + 8 + 6] = 0x80;
	assert_leaves(fixture, "<padding>@86:1 ");
}

static void test_only_the_window_is_compared(void **state)
{
	struct fixture *fixture = *state;

	fixture->new_value.limits[0].soft = 1;
	fixture->new_value.limits[1].hard = 1;
	fixture->new_value.ratio = 1;
	assert_int_equal(diff(fixture, &fixture->object, &fixture->old_value, &fixture->new_value,
			      28, 4, 100),
			 1);
	assert_string_equal(fixture->paths, ".limits[1].hard@28:4 ");
	assert_int_equal(diff(fixture, &fixture->object, &fixture->old_value, &fixture->new_value,
			      UINT64_MAX, UINT64_MAX, 100),
			 0);
}

static void test_leaves_over_the_limit_are_counted_not_visited(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture->new_value.limits, 0xff, sizeof(fixture->new_value.limits));
	assert_int_equal(diff(fixture, &fixture->object, &fixture->old_value, &fixture->new_value,
			      0, sizeof(struct config), 2),
			 8);
	assert_string_equal(fixture->paths, ".limits[0].soft@16:4 .limits[0].hard@20:4 ");
}

static void test_dimensions_are_indexed_one_by_one(void **state)
{
	struct fixture *fixture = *state;
	int old_value[2][3] = {{0}}, new_value[2][3] = {{0, 1, 0}, {0, 0, 2}};
	struct mw_object object;

	assert_mw_ok(mw_symbols_eval(fixture->target.symbols, "matrix", &object));
	object.addr = fixture->object.addr;
	diff(fixture, &object, old_value, new_value, 0, sizeof(old_value), 100);
	assert_string_equal(fixture->paths, "[0][1]@4:4 [1][2]@20:4 ");
}

static void test_a_scalar_has_an_empty_path(void **state)
{
	struct fixture *fixture = *state;
	struct mw_object object;
	int old_value = 1, new_value = 2;

	assert_mw_ok(mw_symbols_eval(fixture->target.symbols, "counter", &object));
	object.addr = fixture->object.addr;
	diff(fixture, &object, &old_value, &new_value, 0, 4, 100);
	assert_string_equal(fixture->paths, "@0:4 ");
}

static void test_raw_bytes_are_reported_by_runs(void **state)
{
	struct fixture *fixture = *state;
	struct mw_object object = {fixture->object.addr, 64, NULL, 0, 0};
	char old_value[64] = {0}, new_value[64] = {0};

	new_value[16] = new_value[17] = new_value[19] = 1;
	new_value[63] = 1;
	diff(fixture, &object, old_value, new_value, 0, 64, 100);
	assert_string_equal(fixture->paths, "[+16..+19]@16:4 [+63..+63]@63:1 ");
}

static void test_a_change_in_many_megabytes_is_found_quickly(void **state)
{
	enum { SIZE = 256 << 20 };
	struct fixture *fixture = *state;
	struct mw_object object = {fixture->object.addr, SIZE, NULL, 0, 0};
	char *old_value = calloc(1, SIZE), *new_value = calloc(1, SIZE);

	new_value[SIZE - 1] = 1;
	assert_int_equal(diff(fixture, &object, old_value, new_value, 0, SIZE, 1), 1);
	free(old_value);
	free(new_value);
}

static void assert_format(struct fixture *fixture, const char *expression, const void *bytes,
			  const char *expected)
{
	struct mw_object object;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_mw_ok(mw_symbols_eval(fixture->target.symbols, expression, &object));
	mw_symbols_format(fixture->target.symbols, &object, bytes, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void test_text_is_escaped_and_cut_at_the_nul(void **state)
{
	char bytes[300];

	memset(bytes, 0, sizeof(bytes));
	assert_format(*state, "text", bytes, "\"\"");
	memcpy(bytes, "a\"\n\x1b\xff\xc3\xa9\xc2\x85", 10);
	assert_format(*state, "text", bytes, "\"a\\\"\\n\\e\\xff\xc3\xa9\\xc2\\x85\"");
	memcpy(bytes, "abc\0zz", 7);
	assert_format(*state, "text", bytes, "\"abc\"…");
}

static void test_long_values_end_in_an_ellipsis(void **state)
{
	struct fixture *fixture = *state;
	char *text = target_print(&fixture->target, "long_text");

	assert_int_equal(strlen(text), 200 + 2 + strlen("…"));
	assert_non_null(strstr(text, "x\"…"));
	free(text);
}

static void test_pointers_name_the_symbol_they_point_to(void **state)
{
	struct fixture *fixture = *state;
	char *text = target_print(&fixture->target, "config_pointer");

	assert_non_null(strstr(text, " <config>"));
	free(text);
	text = target_print(&fixture->target, "row_pointer");
	assert_non_null(strstr(text, " <matrix+12>"));
	free(text);
	text = target_print(&fixture->target, "operation");
	assert_non_null(strstr(text, " <plain>"));
	free(text);
	text = target_print(&fixture->target, "&counter");
	assert_non_null(strstr(text, " <counter>"));
	free(text);
	text = target_print(&fixture->target, "greeting");
	assert_non_null(strstr(text, " \"hello\\n\\\"w\\\"\""));
	free(text);
}

static void test_types_are_named_as_c_writes_them(void **state)
{
	static const char *const names[][2] = {
		{"counter", "volatile int"},
		{"matrix", "int[2][3]"},
		{"row_pointer", "int (*)[3]"},
		{"operation", "int (*)(int)"},
		{"config_pointer_pointer", "struct config **"},
		{"greeting", "const char *"},
		{"aliased", "limit_alias"},
		{"atomic_number", "_Atomic int"},
		{"nothing", "void *"},
		{"text[2]@4", "char[4]"},
		{"config.inside", "int"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < mw_array_size(names); i++) {
		struct mw_object object;

		assert_mw_ok(mw_symbols_eval(fixture->target.symbols, names[i][0], &object));
		assert_string_equal(mw_type_name(fixture->target.symbols, object.type),
				    names[i][1]);
	}
	assert_string_equal(mw_type_name(fixture->target.symbols, NULL), "bytes");
}

static void test_data_addresses_are_described_by_path(void **state)
{
	struct fixture *fixture = *state;
	struct mw_object object;
	char *text = NULL;
	size_t size;
	FILE *out;

	assert_mw_ok(mw_symbols_eval(fixture->target.symbols, "config", &object));
	out = open_memstream(&text, &size);
	assert_true(mw_symbols_describe_data(fixture->target.symbols, mw_addr_add(object.addr, 41),
					     out));
	assert_false(mw_symbols_describe_data(fixture->target.symbols, mw_addr_make(16), out));
	fclose(out);
	assert_string_equal(text, "config.limits[3].soft+1");
	free(text);
}

static void note_word(void *arg, const char *word)
{
	strcat(arg, word);
	strcat(arg, " ");
}

static void test_words_are_completed(void **state)
{
	static const char *const cases[][2] = {
		{"count", "counter "},
		{"config_pointer->l", "limits level "},
		{"config.limits[1].", "soft hard "},
		{"*config_p", "config_pointer config_pointer_pointer "},
		{"config.as", "as_int as_float "},
		{"nowhere.x", ""},
		{"matrix[config.in", "inside "},
		{"*config_pointer_pointer[0]->ra", "ratio "},
		{"(config).ra", "ratio "},
		{"a]).x", ""},
		{".", ""},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < mw_array_size(cases); i++) {
		char words[512] = "";

		mw_symbols_complete(fixture->target.symbols, cases[i][0], note_word, words);
		assert_string_equal(words, cases[i][1]);
	}
}

#define diff_test(function) cmocka_unit_test_setup(function, clear_values)

int main(void)
{
	const struct CMUnitTest tests[] = {
		diff_test(test_equal_values_have_no_leaves),
		diff_test(test_members_are_named_by_their_path),
		diff_test(test_members_of_anonymous_parts_are_named_as_in_c),
		diff_test(test_a_char_array_is_one_leaf),
		diff_test(test_padding_is_a_leaf),
		diff_test(test_a_bit_field_is_a_leaf_only_when_its_own_bits_changed),
		diff_test(test_padding_behind_the_last_member_is_a_leaf_beside_members),
		diff_test(test_bits_nobody_named_are_padding),
		diff_test(test_only_the_window_is_compared),
		diff_test(test_leaves_over_the_limit_are_counted_not_visited),
		diff_test(test_dimensions_are_indexed_one_by_one),
		diff_test(test_a_scalar_has_an_empty_path),
		diff_test(test_raw_bytes_are_reported_by_runs),
		diff_test(test_a_change_in_many_megabytes_is_found_quickly),
		cmocka_unit_test(test_text_is_escaped_and_cut_at_the_nul),
		cmocka_unit_test(test_long_values_end_in_an_ellipsis),
		cmocka_unit_test(test_pointers_name_the_symbol_they_point_to),
		cmocka_unit_test(test_types_are_named_as_c_writes_them),
		cmocka_unit_test(test_data_addresses_are_described_by_path),
		cmocka_unit_test(test_words_are_completed),
	};

	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
