// SPDX-License-Identifier: MIT
#ifndef MW_SYMBOLS_TYPE_DWARF_H
#define MW_SYMBOLS_TYPE_DWARF_H

#include <elfutils/libdw.h>

#include "symbols/state.h"

/**
 * The type that the DIE @user refers to by DW_AT_type; void (NULL) without one.
 */
const struct mw_type *mw_type_of_die(struct mw_symbols *symbols, struct mw_module *module,
				     Dwarf_Die *user);

/**
 * Converts the type DIE @die; each is converted once.
 *
 * @return NULL when it is not a type or memory is short.
 */
const struct mw_type *mw_type_from_die(struct mw_symbols *symbols, struct mw_module *module,
				       Dwarf_Die *die);

#endif
