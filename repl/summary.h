// SPDX-License-Identifier: MIT
#ifndef MW_REPL_SUMMARY_H
#define MW_REPL_SUMMARY_H

#include "repl/style.h"
#include "watch/session.h"

/** Prints what a session has seen: the writers of each watch, the processes
 * that were followed, then the accounting. */
void mw_summary_print(struct mw_session *session, const struct mw_style *style, FILE *out);

#endif
