// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include <string.h>

#include "base/compiler.h"
#include "tracer/differences.h"

#define SIZE 1024u

struct blocks {
	uint8_t before[SIZE];
	uint8_t after[SIZE];
};

static struct blocks equal_blocks(void)
{
	struct blocks blocks;

	for (size_t i = 0; i < SIZE; i++)
		blocks.before[i] = blocks.after[i] = (uint8_t)i;
	return blocks;
}

static bool next(const struct blocks *blocks, uint64_t addr, struct mw_run *run)
{
	return mw_run_next(blocks->before, blocks->after, SIZE, addr, run);
}

static void expect_only(const struct blocks *blocks, uint64_t addr, size_t start, size_t end)
{
	struct mw_run run = {0};

	assert_true(next(blocks, addr, &run));
	assert_int_equal(run.start, start);
	assert_int_equal(run.end, end);
	assert_false(next(blocks, addr, &run));
}

static void test_equal_blocks_have_no_run(void **state MW_UNUSED)
{
	struct blocks blocks = equal_blocks();
	struct mw_run run = {0};

	assert_false(next(&blocks, 0x1000, &run));
	assert_false(mw_run_next(blocks.before, blocks.after, 0, 0x1000, &(struct mw_run){0}));
}

static void test_each_single_byte_is_found(void **state MW_UNUSED)
{
	for (size_t at = 0; at < SIZE; at++) {
		struct blocks blocks = equal_blocks();

		blocks.after[at] ^= 1;
		expect_only(&blocks, 0x1003, at, at + 1);
	}
}

static void test_equal_bytes_inside_a_word_do_not_cut_it(void **state MW_UNUSED)
{
	struct blocks blocks = equal_blocks();

	blocks.after[16] ^= 1;
	blocks.after[23] ^= 1;
	expect_only(&blocks, 0x1000, 16, 24);
}

static void test_words_that_follow_each_other_are_one_run(void **state MW_UNUSED)
{
	struct blocks blocks = equal_blocks();

	memset(blocks.after + 35, 0xee, 50);
	expect_only(&blocks, 0x1000, 35, 85);
}

static void test_an_equal_word_between_ends_a_run(void **state MW_UNUSED)
{
	struct blocks blocks = equal_blocks();
	struct mw_run run = {0};

	blocks.after[16] ^= 1;
	blocks.after[32] ^= 1;
	assert_true(next(&blocks, 0x1000, &run));
	assert_int_equal(run.end, 17);
	assert_true(next(&blocks, 0x1000, &run));
	assert_int_equal(run.start, 32);
	assert_int_equal(run.end, 33);
	assert_false(next(&blocks, 0x1000, &run));
}

static void test_alignment_is_that_of_the_address(void **state MW_UNUSED)
{
	struct blocks blocks = equal_blocks();
	struct mw_run run = {0};

	/* At 0x1004 the bytes 3 and 11 end words that follow each other: one run.
	 */
	blocks.after[3] ^= 1;
	blocks.after[11] ^= 1;
	assert_true(next(&blocks, 0x1004, &run));
	assert_int_equal(run.start, 3);
	assert_int_equal(run.end, 12);
	assert_false(next(&blocks, 0x1004, &run));
}

/* Every differing byte is in exactly one run, and each run starts and ends with one. */
static void test_runs_cover_what_differs_and_nothing_twice(void **state MW_UNUSED)
{
	uint64_t random = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct blocks blocks = equal_blocks();
		uint8_t covered[SIZE] = {0};
		struct mw_run run = {0};

		for (unsigned i = 0; i < round % 64; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			blocks.after[(random >> 33) % SIZE] ^= 0x55;
		}
		while (next(&blocks, 0x1000 + round % 16, &run)) {
			assert_true(run.start < run.end && run.end <= SIZE);
			assert_int_not_equal(blocks.before[run.start], blocks.after[run.start]);
			assert_int_not_equal(blocks.before[run.end - 1], blocks.after[run.end - 1]);
			for (size_t at = run.start; at < run.end; at++)
				assert_int_equal(covered[at]++, 0);
		}
		for (size_t at = 0; at < SIZE; at++)
			assert_true(covered[at] || blocks.before[at] == blocks.after[at]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_blocks_have_no_run),
		cmocka_unit_test(test_each_single_byte_is_found),
		cmocka_unit_test(test_equal_bytes_inside_a_word_do_not_cut_it),
		cmocka_unit_test(test_words_that_follow_each_other_are_one_run),
		cmocka_unit_test(test_an_equal_word_between_ends_a_run),
		cmocka_unit_test(test_alignment_is_that_of_the_address),
		cmocka_unit_test(test_runs_cover_what_differs_and_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
