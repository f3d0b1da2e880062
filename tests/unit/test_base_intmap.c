// SPDX-License-Identifier: MIT
#include "cmocka_wrap.h"

#include "base/intmap.h"

/* Keys of the random test: few, so that sets, overwrites and removals meet each other. */
#define KEYS 512

static void *value_of(uint64_t number)
{
	return (void *)(uintptr_t)(number + 1);
}

static void an_empty_map_has_nothing(void **state)
{
	struct mw_intmap map = {0};
	size_t cursor = 0;

	(void)state;
	assert_null(mw_intmap_get(&map, 5));
	assert_null(mw_intmap_remove(&map, 5));
	assert_null(mw_intmap_next(&map, &cursor));
	mw_intmap_deinit(&map);
}

static void setting_a_key_again_replaces_its_value(void **state)
{
	struct mw_intmap map = {0};

	(void)state;
	assert_ok(mw_intmap_set(&map, 5, value_of(1)));
	assert_ok(mw_intmap_set(&map, 5, value_of(2)));
	assert_int_equal(map.count, 1);
	assert_ptr_equal(mw_intmap_get(&map, 5), value_of(2));
	assert_ptr_equal(mw_intmap_remove(&map, 5), value_of(2));
	assert_null(mw_intmap_get(&map, 5));
	mw_intmap_deinit(&map);
}

static void the_largest_keys_work(void **state)
{
	struct mw_intmap map = {0};

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		assert_ok(mw_intmap_set(&map, UINT64_MAX - i, value_of(i)));
	for (uint64_t i = 0; i < 100; i++)
		assert_ptr_equal(mw_intmap_get(&map, UINT64_MAX - i), value_of(i));
	mw_intmap_deinit(&map);
}

static void iteration_visits_each_value_once(void **state)
{
	struct mw_intmap map = {0};
	unsigned char seen[1000] = {0};
	size_t cursor = 0;
	void *value;

	(void)state;
	for (uint64_t i = 0; i < sizeof(seen); i++)
		assert_ok(mw_intmap_set(&map, i * 4096 + 1, value_of(i)));
	while ((value = mw_intmap_next(&map, &cursor)))
		seen[(uintptr_t)value - 1]++;
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(seen[i], 1);
	mw_intmap_deinit(&map);
}

/* splitmix64: any sequence will do, as long as it is the same each time. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

/* Page addresses and thread ids: the keys memwatch uses, which differ only in a few bits. */
static uint64_t key_of(size_t index)
{
	return index % 2 ? UINT64_C(0x7f0000000000) + index * 4096 : index + 1;
}

static void check_against_model(const struct mw_intmap *map, void *const *model)
{
	size_t count = 0;

	for (size_t i = 0; i < KEYS; i++) {
		assert_ptr_equal(mw_intmap_get(map, key_of(i)), model[i]);
		count += !!model[i];
	}
	assert_int_equal(map->count, count);
}

static void random_operations_agree_with_a_plain_array(void **state)
{
	struct mw_intmap map = {0};
	void *model[KEYS] = {0};
	uint64_t random = 42;

	(void)state;
	for (int step = 0; step < 200000; step++) {
		size_t index = next_random(&random) % KEYS;
		uint64_t choice = next_random(&random) % 3;

		if (choice < 1 + (step / 5000 % 2u)) {
			model[index] = value_of(next_random(&random) >> 8);
			assert_ok(mw_intmap_set(&map, key_of(index), model[index]));
		} else {
			assert_ptr_equal(mw_intmap_remove(&map, key_of(index)), model[index]);
			model[index] = NULL;
		}
		if (step % 1000 == 0)
			check_against_model(&map, model);
	}
	check_against_model(&map, model);
	mw_intmap_deinit(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(setting_a_key_again_replaces_its_value),
		cmocka_unit_test(the_largest_keys_work),
		cmocka_unit_test(iteration_visits_each_value_once),
		cmocka_unit_test(random_operations_agree_with_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
