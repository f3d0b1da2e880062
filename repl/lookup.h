// SPDX-License-Identifier: MIT
/** Finds the row of a table by its name or by a start that means a single row. */
#ifndef MW_REPL_LOOKUP_H
#define MW_REPL_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "repl/nearest.h"

#define MW_LOOKUP_MAX 16

/** Start with mw_lookup_start(), offer every name of every row, then finish. */
struct mw_lookup {
	/** "command", for messages. */
	const char *what;
	/** What the person typed. */
	const char *word;
	/** The command that lists the names. */
	const char *where;
	bool exact;
	size_t index;
	/** Names that begin with the word, the first of each row. */
	const char *starts[MW_LOOKUP_MAX];
	size_t rows[MW_LOOKUP_MAX];
	size_t start_count;
	/** The closest name; its `wanted` is the word too. */
	struct mw_nearest nearest;
};

/** @param what "command", @param where the command that lists the names: for messages. */
static inline struct mw_lookup mw_lookup_start(const char *what, const char *word,
					       const char *where)
{
	return (struct mw_lookup){
		.what = what, .word = word, .where = where, .nearest = {.wanted = word}};
}

/** @param index the row that @name belongs to; names of one row come one after the other. */
void mw_lookup_offer(struct mw_lookup *lookup, const char *name, size_t index);

/** @param ret the row found. @return MW_ERROR_USAGE for an unknown or an ambiguous word. */
struct mw_error *mw_lookup_finish(const struct mw_lookup *lookup, size_t *ret) MW_MUST_CHECK;

#endif
