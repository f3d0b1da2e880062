// SPDX-License-Identifier: MIT
/** Global names of a module's debug information, sorted. */
#ifndef MW_SYMBOLS_NAME_INDEX_H
#define MW_SYMBOLS_NAME_INDEX_H

#include <elfutils/libdw.h>

#include "base/error.h"
#include "base/vec.h"

struct mw_module;

enum mw_name_kind {
	MW_NAME_VARIABLE,
	/** `extern int x;`: has a type but no address. */
	MW_NAME_DECLARATION,
	MW_NAME_FUNCTION,
	/** One of several equally named types: the first that was met. */
	MW_NAME_TYPE,
};

struct mw_name {
	/** Without scopes; belongs to libdw. */
	const char *name;
	Dwarf_Die die;
	enum mw_name_kind kind;
	/** Index into the module's units. */
	uint32_t unit;
};

struct mw_name_index {
	bool loaded;
	/** Sorted by name. */
	MW_VEC(struct mw_name) names;
};

void mw_name_index_deinit(struct mw_name_index *index);

/** Builds the index of @module at the first call. */
struct mw_error *mw_name_index_load(struct mw_module *module) MW_MUST_CHECK;

/**
 * Finds the names of @module that are exactly @name.
 *
 * @param ret first of them.
 * @return how many; 0 also when memory is short.
 */
size_t mw_name_index_find(struct mw_module *module, const char *name, const struct mw_name **ret);

#endif
