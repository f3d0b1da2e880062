// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_SCALAR_H
#define MW_SYMBOLS_SCALAR_H

#include "symbols/type.h"

/** Prints a number, character, bool, enum or pointer. */
void mw_scalar_print(struct mw_symbols *symbols, const struct mw_object *object, const void *bytes,
		     FILE *out);

#endif
