// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_DATA_PATH_H
#define MW_SYMBOLS_DATA_PATH_H

#include <stdio.h>

#include "symbols/type.h"

/** Prints which part of a @type lies at @offset: ".limits[3].soft+2". */
void mw_data_path_print(const struct mw_type *type, uint64_t offset, FILE *out);

#endif
