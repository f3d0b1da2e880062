// SPDX-License-Identifier: MIT
/** A map from non-zero 64-bit keys to pointers: open addressing, no allocation on lookup. */
#ifndef MW_BASE_INTMAP_H
#define MW_BASE_INTMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mw_intmap_slot {
	uint64_t key;
	void *value;
};

/** A zeroed map is empty. */
struct mw_intmap {
	struct mw_intmap_slot *slots;
	/** Power of two, or 0 before the first insertion. */
	size_t capacity;
	size_t count;
};

void mw_intmap_deinit(struct mw_intmap *map);

/** @return the value of @key, or NULL. */
void *mw_intmap_get(const struct mw_intmap *map, uint64_t key);

/** Sets the value (not NULL) of @key (not 0). @return NULL or mw_err_nomem. */
struct mw_error *mw_intmap_set(struct mw_intmap *map, uint64_t key, void *value) MW_MUST_CHECK;

/** Removes @key. @return its value, or NULL when it wasn't there. */
void *mw_intmap_remove(struct mw_intmap *map, uint64_t key);

/**
 * Iterates: start with *@cursor == 0. The map must not change meanwhile.
 *
 * @return the next value, or NULL at the end.
 */
void *mw_intmap_next(const struct mw_intmap *map, size_t *cursor);

#endif
