// SPDX-License-Identifier: MIT
/** The compilation units of a module and which addresses each covers. */
#ifndef MW_SYMBOLS_UNITS_H
#define MW_SYMBOLS_UNITS_H

#include <elfutils/libdw.h>

#include "base/error.h"
#include "base/vec.h"

struct mw_module;

/** One compilation unit. */
struct mw_unit {
	/** Holds the line table; with split DWARF a skeleton. */
	Dwarf_Die skeleton;
	/** Holds functions, variables and types. */
	Dwarf_Die die;
};

/** Addresses in `dwarf` (without bias) of one unit. */
struct mw_unit_range {
	uint64_t start;
	uint64_t end;
	size_t unit;
};

struct mw_units {
	bool loaded;
	MW_VEC(struct mw_unit) list;
	/** Sorted by start. */
	MW_VEC(struct mw_unit_range) ranges;
};

void mw_units_deinit(struct mw_units *units);

/** Lists the units of @module at the first call; empty without debug information. */
struct mw_error *mw_units_load(struct mw_module *module) MW_MUST_CHECK;

/** @return the unit with code at @addr of the target, or NULL. */
const struct mw_unit *mw_units_find(struct mw_module *module, mw_addr addr);

#endif
