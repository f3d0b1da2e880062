// SPDX-License-Identifier: MIT
#ifndef MW_REPL_NEAREST_H
#define MW_REPL_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Looks for what the person may have meant, name by name.
 * Start with {.wanted = …}, offer every name, read `best`.
 */
struct mw_nearest {
	const char *wanted;
	/** The closest name that is close enough; NULL if none is. */
	const char *best;
	size_t distance;
};

void mw_nearest_offer(struct mw_nearest *nearest, const char *name);

#endif
