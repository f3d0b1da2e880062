// SPDX-License-Identifier: MIT
/** Names that resemble a mistyped one. */
#ifndef MW_SYMBOLS_NEAR_H
#define MW_SYMBOLS_NEAR_H

#include "symbols/state.h"

/** The best few of the names offered. */
struct mw_near {
	const char *wanted;
	struct {
		const char *name;
		unsigned distance;
	} best[5];
	size_t count;
};

/** Offers a name that lives at least as long as @near. */
void mw_near_offer(struct mw_near *near, const char *name);
/** @return "did you mean `a`, `b`?" on the heap, or NULL when nothing resembles. */
char *mw_near_hint(const struct mw_near *near);

/** Edits (insert, delete, replace, swap) between two names; @limit or more is cut to @limit. */
unsigned mw_near_distance(const char *a, const char *b, unsigned limit);

char *mw_near_variables(struct mw_symbols *symbols, const char *path);
char *mw_near_types(struct mw_symbols *symbols, const char *path);

#endif
