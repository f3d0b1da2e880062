// SPDX-License-Identifier: MIT
/** A typed growable array. A zeroed one is empty; free `items` when done. */
#ifndef MW_BASE_VEC_H
#define MW_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MW_VEC(type)                                                                               \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

static inline bool mw_vec_reserve_bytes(void *items_pointer, size_t *capacity, size_t count,
					size_t item_size)
{
	size_t wanted = *capacity;
	void *grown;

	if (count <= *capacity)
		return true;
	while (wanted < count)
		wanted = wanted ? wanted * 2 : 8;
	grown = reallocarray(*(void **)items_pointer, wanted, item_size);
	if (!grown)
		return false;
	*(void **)items_pointer = grown;
	*capacity = wanted;
	return true;
}

/** Makes room for @n items; false when memory is short. */
#define mw_vec_reserve(vec, n)                                                                     \
	mw_vec_reserve_bytes(&(vec)->items, &(vec)->capacity, (n), sizeof(*(vec)->items))

/** Appends an item; false when memory is short. */
#define mw_vec_push(vec, ...)                                                                      \
	(mw_vec_reserve((vec), (vec)->count + 1) &&                                                \
	 ((vec)->items[(vec)->count++] = (__VA_ARGS__), true))

/** Appends @n items from @from, none of them in the vector; false when memory is short. */
#define mw_vec_append(vec, from, n)                                                                \
	(mw_vec_reserve((vec), (vec)->count + (n)) &&                                              \
	 (memcpy((vec)->items + (vec)->count, (from), (n) * sizeof(*(vec)->items)),                \
	  (vec)->count += (n), true))

/** Bytes of the items in it. */
#define mw_vec_bytes(vec) ((vec)->count * sizeof(*(vec)->items))

/** Removes item @index, keeping the order of the others. */
#define mw_vec_remove(vec, index)                                                                  \
	do {                                                                                       \
		size_t mw_index_ = (index);                                                        \
		memmove(&(vec)->items[mw_index_], &(vec)->items[mw_index_ + 1],                    \
			((vec)->count - mw_index_ - 1) * sizeof(*(vec)->items));                   \
		(vec)->count--;                                                                    \
	} while (0)

#define mw_vec_foreach(item, vec)                                                                  \
	for (__auto_type item = (vec)->items; (item) && (item) < (vec)->items + (vec)->count;      \
	     (item)++)

#define mw_vec_deinit(vec)                                                                         \
	do {                                                                                       \
		free((vec)->items);                                                                \
		(vec)->items = NULL;                                                               \
		(vec)->count = (vec)->capacity = 0;                                                \
	} while (0)

#endif
