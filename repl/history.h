// SPDX-License-Identifier: MIT
/** The lines typed before, kept in $XDG_STATE_HOME/memwatch/history (~/.local/state). */
#ifndef MW_REPL_HISTORY_H
#define MW_REPL_HISTORY_H

#include <histedit.h>

/** Most lines kept. */
#define MW_HISTORY_LINES 1000

struct mw_history {
	History *lines;
	/** NULL when there is no home to keep it in. */
	char *path;
};

/** Loads what is there; that nothing is, or that it can't be read, is no failure. */
void mw_history_init(struct mw_history *history);
/** Saves, readable by nobody else, and releases. */
void mw_history_deinit(struct mw_history *history);

/** Remembers a line as typed; blank ones are skipped, repeated ones kept once. */
void mw_history_add(struct mw_history *history, const char *line);

#endif
