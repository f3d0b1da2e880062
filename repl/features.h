// SPDX-License-Identifier: MIT
#ifndef MW_REPL_FEATURES_H
#define MW_REPL_FEATURES_H

#include <stdio.h>

#include "repl/style.h"

/** Probes and prints what this kernel and these permissions allow. */
void mw_features_print(const struct mw_style *style, FILE *out);

#endif
