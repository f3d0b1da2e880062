// SPDX-License-Identifier: MIT
#include "base/intmap.h"

#include <stdlib.h>

#include "base/error.h"

void mw_intmap_deinit(struct mw_intmap *map)
{
	free(map->slots);
	*map = (struct mw_intmap){0};
}

/* Fibonacci hashing: the high bits of key * 2^64/phi are well mixed. */
static size_t home_slot(const struct mw_intmap *map, uint64_t key)
{
	return (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (map->capacity - 1);
}

static size_t find_slot(const struct mw_intmap *map, uint64_t key)
{
	size_t slot = home_slot(map, key);

	while (map->slots[slot].key && map->slots[slot].key != key)
		slot = (slot + 1) & (map->capacity - 1);
	return slot;
}

void *mw_intmap_get(const struct mw_intmap *map, uint64_t key)
{
	return map->capacity ? map->slots[find_slot(map, key)].value : NULL;
}

static struct mw_error *grow(struct mw_intmap *map)
{
	struct mw_intmap larger = {.capacity = map->capacity ? map->capacity * 2 : 16};

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return mw_err_nomem;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].key)
			larger.slots[find_slot(&larger, map->slots[i].key)] = map->slots[i];
	larger.count = map->count;
	mw_intmap_deinit(map);
	*map = larger;
	return NULL;
}

struct mw_error *mw_intmap_set(struct mw_intmap *map, uint64_t key, void *value)
{
	struct mw_error *err;
	size_t slot;

	if (map->count * 4 >= map->capacity * 3) {
		err = grow(map);
		if (err)
			return err;
	}
	slot = find_slot(map, key);
	map->count += !map->slots[slot].key;
	map->slots[slot] = (struct mw_intmap_slot){key, value};
	return NULL;
}

void *mw_intmap_remove(struct mw_intmap *map, uint64_t key)
{
	size_t hole, slot;
	void *value;

	if (!map->capacity)
		return NULL;
	hole = find_slot(map, key);
	value = map->slots[hole].value;
	if (!value)
		return NULL;
	map->count--;
	/* Backward-shift deletion: no tombstones, so lookups stay short. */
	for (slot = (hole + 1) & (map->capacity - 1); map->slots[slot].key;
	     slot = (slot + 1) & (map->capacity - 1)) {
		size_t home = home_slot(map, map->slots[slot].key);

		if (((slot - home) & (map->capacity - 1)) >=
		    ((slot - hole) & (map->capacity - 1))) {
			map->slots[hole] = map->slots[slot];
			hole = slot;
		}
	}
	map->slots[hole] = (struct mw_intmap_slot){0};
	return value;
}

void *mw_intmap_next(const struct mw_intmap *map, size_t *cursor)
{
	while (*cursor < map->capacity) {
		const struct mw_intmap_slot *slot = &map->slots[(*cursor)++];

		if (slot->key)
			return slot->value;
	}
	return NULL;
}
