// SPDX-License-Identifier: MIT
#ifndef MW_REPL_WRITERS_H
#define MW_REPL_WRITERS_H

#include "repl/style.h"
#include "watch/session.h"

/** Prints what watch @id has seen: totals, then a table of the places that wrote. */
struct mw_error *mw_writers_print(struct mw_session *session, unsigned id,
				  const struct mw_style *style, FILE *out) MW_MUST_CHECK;

#endif
