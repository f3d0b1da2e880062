// SPDX-License-Identifier: MIT
#ifndef MW_REPL_STATS_H
#define MW_REPL_STATS_H

#include <stdio.h>

struct mw_session;

/** Prints the honest accounting: what was seen, what was lost, how stores were carried out. */
void mw_stats_print(struct mw_session *session, FILE *out);

#endif
