// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_SCALAR_H
#define MW_SYMBOLS_SCALAR_H

#include "symbols/type.h"

/** Prints a number, character, bool, enum or pointer. */
void mw_scalar_print(struct mw_symbols *symbols, const struct mw_object *object, const void *bytes,
		     FILE *out);

/** Prints "<symbol+offset>" of what @addr lies in. @return false when nothing covers it. */
bool mw_symbol_print(struct mw_symbols *symbols, mw_addr addr, FILE *out);

/** Prints a double with the fewest digits that read back as the same value. */
void mw_double_print(double value, FILE *out);

#endif
