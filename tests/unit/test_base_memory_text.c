// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <stdio.h>
#include <string.h>

#include "base/memory_text.h"

static void a_shorter_text_has_nothing_of_the_longer_one_before(void **state)
{
	struct mw_memory_text memory = {0};
	size_t length;

	(void)state;
	fputs("the longer text", mw_memory_text_start(&memory));
	assert_string_equal(mw_memory_text_end(&memory, &length), "the longer text");
	assert_int_equal(length, 15);
	fputs("short", mw_memory_text_start(&memory));
	assert_string_equal(mw_memory_text_end(&memory, &length), "short");
	assert_int_equal(length, 5);
	mw_memory_text_start(&memory);
	assert_string_equal(mw_memory_text_end(&memory, &length), "");
	assert_int_equal(length, 0);
	mw_memory_text_deinit(&memory);
}

static void a_text_larger_than_any_buffer_is_whole(void **state)
{
	struct mw_memory_text memory = {0};
	size_t length;

	(void)state;
	for (int round = 0; round < 2; round++) {
		FILE *out = mw_memory_text_start(&memory);

		for (int i = 0; i < 100000; i++)
			fprintf(out, "%05d", i);
		assert_int_equal(strncmp(mw_memory_text_end(&memory, &length) + 499995, "99999", 6),
				 0);
		assert_int_equal(length, 500000);
	}
	mw_memory_text_deinit(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shorter_text_has_nothing_of_the_longer_one_before),
		cmocka_unit_test(a_text_larger_than_any_buffer_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
