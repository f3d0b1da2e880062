// SPDX-License-Identifier: MIT
#include "repl/watch_ref.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "repl/nearest.h"

/** A search through the watches, in the order number, name, expression. */
struct search {
	const char *reference;
	/** 0 when the reference is no number. */
	unsigned long number;
	struct mw_nearest nearest;
	unsigned id;
	bool found;
};

static bool matches(const struct search *search, const struct mw_watch_info *watch)
{
	if (search->number)
		return watch->id == search->number;
	return strcmp(watch->name, search->reference) == 0 ||
	       strcmp(watch->expression, search->reference) == 0;
}

static void look(void *arg, const struct mw_watch_info *watch)
{
	struct search *search = arg;

	mw_nearest_offer(&search->nearest, watch->name);
	if (search->found || !matches(search, watch))
		return;
	search->found = true;
	search->id = watch->id;
}

static unsigned long parse_number(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return isdigit((unsigned char)text[0]) && !*end ? number : 0;
}

struct mw_error *mw_watch_lookup(struct mw_session *session, const char *reference, unsigned *ret)
{
	struct search search = {
		.reference = reference,
		.number = parse_number(reference),
		.nearest = {.wanted = reference},
	};

	mw_session_watches(session, look, &search);
	if (search.found) {
		*ret = search.id;
		return NULL;
	}
	/* The name offered last may be gone: only compared, then copied into the message. */
	if (search.nearest.best && !search.number)
		return mw_error_create(MW_ERROR_USAGE, "no watch '%s'; did you mean '%s'?",
				       reference, search.nearest.best);
	return mw_error_create(MW_ERROR_USAGE, "no watch %s%s%s (info watches lists them)",
			       search.number ? "" : "'", reference, search.number ? "" : "'");
}

static void count_watch(void *arg, const struct mw_watch_info *watch MW_UNUSED)
{
	size_t *count = arg;

	(*count)++;
}

size_t mw_watch_count(struct mw_session *session)
{
	size_t count = 0;

	mw_session_watches(session, count_watch, &count);
	return count;
}

static void add_id(void *arg, const struct mw_watch_info *watch)
{
	struct mw_watch_ids *ids = arg;

	mw_vec_push(ids, watch->id);
}

struct mw_error *mw_watch_list(struct mw_session *session, struct mw_watch_ids *ret)
{
	mw_session_watches(session, add_id, ret);
	return NULL;
}
