// SPDX-License-Identifier: MIT
/** Reading DIEs of debug information that may be corrupt: every walk ends. */
#ifndef MW_SYMBOLS_DIE_H
#define MW_SYMBOLS_DIE_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

/** Deepest nesting of DIEs that is looked at. */
#define MW_DIE_MAX_DEPTH 64

/** Moves @die to its first child. @return false when there is none. */
bool mw_die_child(Dwarf_Die *die, Dwarf_Die *ret);
/** Moves @die to its next sibling; a sibling attribute that points back ends the walk. */
bool mw_die_next(Dwarf_Die *die);

/** Iterates over the children of @parent. */
#define mw_die_foreach_child(die, parent)                                                          \
	for (bool mw_more_ = mw_die_child((parent), (die)); mw_more_; mw_more_ = mw_die_next(die))

/** @return DW_AT_name, also through abstract origin and specification; or NULL. */
const char *mw_die_name(Dwarf_Die *die);
/** @return the name the linker knows, or NULL. */
const char *mw_die_linkage_name(Dwarf_Die *die);

bool mw_die_has(Dwarf_Die *die, unsigned attribute);
/** A flag of the DIE itself, not of the declaration it completes. */
bool mw_die_flag(Dwarf_Die *die, unsigned attribute);
/** True when other compilation units see it. */
bool mw_die_is_external(Dwarf_Die *die);
/** @return false when it isn't there or isn't a constant. */
bool mw_die_unsigned(Dwarf_Die *die, unsigned attribute, uint64_t *ret);
/** A constant that is signed only if its form says so. */
bool mw_die_constant(Dwarf_Die *die, unsigned attribute, int64_t *ret);
/** Follows a reference (DW_AT_type, DW_AT_specification …), also through an abstract origin. */
bool mw_die_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *ret);
/** True when the unit was written in C++ or Rust, where scopes have names. */
bool mw_die_has_scopes(Dwarf_Die *die);
/**
 * Composes "outer::inner::name" of a DIE; anonymous namespaces are left out.
 *
 * @return heap string, or NULL when it has no name.
 */
char *mw_die_qualified_name(Dwarf_Die *die);

#endif
