// SPDX-License-Identifier: MIT
/** Strings that live as long as the mw_symbols they belong to; equal strings are stored once. */
#ifndef MW_SYMBOLS_STRINGS_H
#define MW_SYMBOLS_STRINGS_H

#include <stddef.h>

#include "base/compiler.h"

/** A zeroed pool is empty. */
struct mw_strings {
	char **slots;
	/** Power of two, or 0. */
	size_t capacity;
	size_t count;
};

void mw_strings_deinit(struct mw_strings *strings);

/** @return the pool's copy of @text; NULL for a NULL @text or when memory is short. */
const char *mw_strings_add(struct mw_strings *strings, const char *text);

/** Adds heap @text and frees it. */
const char *mw_strings_take(struct mw_strings *strings, char *text);

#endif
