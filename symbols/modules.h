// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_MODULES_H
#define MW_SYMBOLS_MODULES_H

#include "symbols/state.h"

/** Brings the list of modules in line with the target's mappings; what stays keeps its state. */
struct mw_error *mw_modules_report(struct mw_symbols *symbols) MW_MUST_CHECK;

#endif
