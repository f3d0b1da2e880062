// SPDX-License-Identifier: MIT
/** The variables of one module that a name may mean. */
#ifndef MW_SYMBOLS_CANDIDATES_H
#define MW_SYMBOLS_CANDIDATES_H

#include "symbols/location.h"
#include "symbols/module.h"

struct mw_candidate {
	Dwarf_Die die;
	struct mw_location location;
	/** Name of the source file of its unit. */
	const char *file;
	bool is_external;
	/** Its whole qualified name was given. */
	bool is_exact;
};

struct mw_candidates {
	struct mw_module *module;
	/** What is looked for. */
	const char *file;
	const char *path;
	MW_VEC(struct mw_candidate) list;
};

void mw_candidates_deinit(struct mw_candidates *candidates);

/** Collects variables called `path`; each address once. */
struct mw_error *mw_candidates_collect(struct mw_candidates *candidates) MW_MUST_CHECK;

/**
 * Chooses the one that is meant: an exact name before a trailing part, a global before statics.
 *
 * @param ret NULL when there is none with an address.
 * @return an error when several are left.
 */
struct mw_error *mw_candidates_choose(struct mw_candidates *candidates,
				      const struct mw_candidate **ret) MW_MUST_CHECK;

/** Says why none of the candidates has an address. */
struct mw_error *mw_candidates_explain(const struct mw_candidates *candidates) MW_MUST_CHECK;

#endif
