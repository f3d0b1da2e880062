// SPDX-License-Identifier: MIT
#ifndef MW_REPL_WATCH_REF_H
#define MW_REPL_WATCH_REF_H

#include "base/vec.h"
#include "watch/session.h"

struct mw_watch_ids {
	unsigned *items;
	size_t count;
	size_t capacity;
};

/** Finds a watch by its number, its name or its expression. */
struct mw_error *mw_watch_lookup(struct mw_session *session, const char *reference,
				 unsigned *ret) MW_MUST_CHECK;

size_t mw_watch_count(struct mw_session *session);

/** Lists the numbers of all watches. @param ret a zeroed vec; mw_vec_deinit() it. */
struct mw_error *mw_watch_list(struct mw_session *session, struct mw_watch_ids *ret) MW_MUST_CHECK;

#endif
