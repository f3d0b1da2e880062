// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include "base/compiler.h"
#include "base/error.h"
#include "watch/region_index.h"

#define REGIONS 300u

/** What a visit found: how often each region. */
struct found {
	unsigned count[REGIONS];
};

static void find(void *arg, void *value)
{
	struct found *found = arg;

	found->count[(uintptr_t)value]++;
}

static struct mw_range range(uint64_t start, uint64_t size)
{
	return (struct mw_range){mw_addr_make(start), size};
}

static uint64_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static void test_an_empty_index_finds_nothing(void **state MW_UNUSED)
{
	struct mw_region_index index = {0};
	struct found found = {{0}};

	mw_region_index_visit(&index, range(0, UINT64_MAX), find, &found);
	assert_int_equal(found.count[0], 0);
}

/* Regions of all sizes, nested and equal ones too, compared with a plain search. */
static void test_exactly_the_regions_that_overlap_are_found(void **state MW_UNUSED)
{
	uint64_t random = 1;

	for (unsigned round = 0; round < 50; round++) {
		struct mw_region_index index = {0};
		struct mw_range regions[REGIONS];
		unsigned count = round * REGIONS / 50 + 1;

		for (unsigned i = 0; i < count; i++) {
			regions[i] =
				range(next(&random) % 1000, 1 + next(&random) % (i % 7 ? 8 : 600));
			assert_null(mw_region_index_add(&index, regions[i], (void *)(uintptr_t)i));
		}
		for (unsigned i = 0; i < 100; i++) {
			struct mw_range store = range(next(&random) % 1100, 1 + next(&random) % 40);
			struct found found = {{0}};

			mw_region_index_visit(&index, store, find, &found);
			for (unsigned j = 0; j < count; j++)
				assert_int_equal(found.count[j],
						 mw_range_overlaps(regions[j], store));
		}
		mw_region_index_deinit(&index);
	}
}

static void test_a_region_added_later_is_found(void **state MW_UNUSED)
{
	struct mw_region_index index = {0};
	struct found found = {{0}};

	assert_null(mw_region_index_add(&index, range(100, 8), (void *)1));
	mw_region_index_visit(&index, range(100, 1), find, &found);
	assert_null(mw_region_index_add(&index, range(50, 8), (void *)2));
	mw_region_index_visit(&index, range(57, 1), find, &found);
	mw_region_index_clear(&index);
	mw_region_index_visit(&index, range(0, 1000), find, &found);
	assert_int_equal(found.count[1], 1);
	assert_int_equal(found.count[2], 1);
	mw_region_index_deinit(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_index_finds_nothing),
		cmocka_unit_test(test_exactly_the_regions_that_overlap_are_found),
		cmocka_unit_test(test_a_region_added_later_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
