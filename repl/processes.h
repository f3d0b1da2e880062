// SPDX-License-Identifier: MIT
#ifndef MW_REPL_PROCESSES_H
#define MW_REPL_PROCESSES_H

#include "repl/style.h"
#include "watch/session.h"

/** Prints a table of the processes that were followed, and what became of them; maybe nothing. */
void mw_processes_print(struct mw_session *session, const struct mw_style *style, FILE *out);

#endif
