// SPDX-License-Identifier: MIT
/** Reads command lines from a terminal with libedit, while the session goes on. */
#ifndef MW_REPL_PROMPT_H
#define MW_REPL_PROMPT_H

#include "repl/front.h"

struct mw_prompt;

/** @param front reports above the line that is typed; must outlive the prompt. */
struct mw_error *mw_prompt_create(struct mw_front *front, struct mw_prompt **ret) MW_MUST_CHECK;
/** Saves the history. NULL is fine. */
void mw_prompt_destroy(struct mw_prompt *prompt);

/**
 * Reads the next line. Changes and notices appear above it meanwhile.
 *
 * @return a line that belongs to the prompt; NULL at the end of the input or of the session.
 */
const char *mw_prompt_read(struct mw_prompt *prompt);

/** Asks a question that "y" says yes to. @arg is the prompt. */
bool mw_prompt_ask(void *arg, const char *question);

/** Prints what waits to be told; above the line, if one is being typed. */
void mw_prompt_show(struct mw_prompt *prompt);

#endif
