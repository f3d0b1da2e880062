// SPDX-License-Identifier: MIT
/** What Tab offers, by the kind of operand of the command being typed. Knows no terminal. */
#ifndef MW_REPL_COMPLETION_H
#define MW_REPL_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

struct mw_session;

struct mw_completion {
	/** Whole words that could stand where the cursor is, sorted, without duplicates; owned. */
	MW_VEC(char *) words;
	/** Characters in front of the cursor that the words begin with. */
	size_t typed;
};

/**
 * Lists how @line, which ends at the cursor, could go on.
 *
 * @param ret to be released with mw_completion_deinit().
 */
void mw_completion_list(struct mw_session *session, const char *line, struct mw_completion *ret);
void mw_completion_deinit(struct mw_completion *completion);

/** @return how many characters all words have in common; 0 without words. */
size_t mw_completion_common(const struct mw_completion *completion);

#endif
