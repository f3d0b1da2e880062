// SPDX-License-Identifier: MIT
/** Names that resemble a mistyped one. */
#ifndef MW_SYMBOLS_NEAR_H
#define MW_SYMBOLS_NEAR_H

#include "symbols/state.h"

/** @return "did you mean `a`, `b`?" on the heap, or NULL when nothing resembles. */
char *mw_near_variables(struct mw_symbols *symbols, const char *path);
char *mw_near_types(struct mw_symbols *symbols, const char *path);

#endif
