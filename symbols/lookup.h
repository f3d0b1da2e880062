// SPDX-License-Identifier: MIT
/** From the names of an expression to variables and types, over all modules. */
#ifndef MW_SYMBOLS_LOOKUP_H
#define MW_SYMBOLS_LOOKUP_H

#include "symbols/ast.h"
#include "symbols/type.h"

/**
 * Finds a variable with static storage.
 *
 * @param file source file it must stand in, any trailing part of its path; or NULL.
 * @param path its name, with scopes: `ns::var`, `function::static_var`.
 */
struct mw_error *mw_lookup_variable(struct mw_symbols *symbols, const char *file, const char *path,
				    struct mw_object *ret) MW_MUST_CHECK;

/** The same in one module. @param ret_found false when the module doesn't know the name. */
struct mw_error *mw_lookup_in_module(struct mw_module *module, const char *file, const char *path,
				     bool *ret_found, struct mw_object *ret) MW_MUST_CHECK;

/** Finds the type a cast names. */
struct mw_error *mw_lookup_type(struct mw_symbols *symbols, const struct mw_type_spec *spec,
				const struct mw_type **ret) MW_MUST_CHECK;

/** @return the definition of what @declared (a struct, union or enum) declares, or NULL. */
const struct mw_type *mw_lookup_definition(struct mw_symbols *symbols,
					   const struct mw_type *declared);

/** Last component of a path with scopes; "::" in template arguments doesn't count. */
const char *mw_path_base(const char *path);

/**
 * True when @path names @qualified with scopes left out: `count`, `net::count` and `a::count` all
 * name `a::net::count`. Inline namespaces need no more than that.
 */
bool mw_path_matches(const char *qualified, const char *path);

#endif
