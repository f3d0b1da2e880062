// SPDX-License-Identifier: MIT
#ifndef MW_WATCH_ALLOCATOR_H
#define MW_WATCH_ALLOCATOR_H

#include <stdbool.h>

#include "symbols/symbols.h"

/** True for code of a heap allocator: its stores keep its books in blocks that are free. */
bool mw_place_is_allocator(const struct mw_place *place);

#endif
