// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_PLACE_H
#define MW_SYMBOLS_PLACE_H

#include "symbols/state.h"

/** A resolved address: the place, and those of the calls that were inlined around it. */
struct mw_place_entry {
	struct mw_place place;
	/** Function and call site of each inlined_into; the rest of the place is as above. */
	struct mw_place callers[mw_array_size(((struct mw_place *)NULL)->inlined_into)];
};

/** @return the cached entry of @ip; NULL when memory is short. */
const struct mw_place_entry *mw_place_entry_of(struct mw_symbols *symbols, mw_addr ip);

/** Empties the cache: the modules changed. */
void mw_places_forget(struct mw_symbols *symbols);

#endif
