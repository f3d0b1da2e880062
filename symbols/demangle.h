// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_DEMANGLE_H
#define MW_SYMBOLS_DEMANGLE_H

#include "symbols/strings.h"

/**
 * The name a programmer knows: C++ and Rust demangled, without parameters; others as they are.
 *
 * @return a string of the pool; NULL for NULL.
 */
const char *mw_demangle(struct mw_strings *strings, const char *name);

#endif
