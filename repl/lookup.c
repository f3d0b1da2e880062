// SPDX-License-Identifier: MIT
#include "repl/lookup.h"

#include <string.h>

#include "base/error.h"

void mw_lookup_offer(struct mw_lookup *lookup, const char *name, size_t index)
{
	size_t count = lookup->start_count;

	if (lookup->exact)
		return;
	if (strcmp(name, lookup->word) == 0) {
		lookup->exact = true;
		lookup->index = index;
	}
	mw_nearest_offer(&lookup->nearest, name);
	if (strncmp(name, lookup->word, strlen(lookup->word)) != 0 || count == MW_LOOKUP_MAX)
		return;
	if (count && lookup->rows[count - 1] == index)
		return;
	lookup->starts[count] = name;
	lookup->rows[count] = index;
	lookup->start_count++;
}

static struct mw_error *ambiguous(const struct mw_lookup *lookup)
{
	char names[256] = "";

	for (size_t i = 0; i < lookup->start_count; i++) {
		strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
		strncat(names, lookup->starts[i], sizeof(names) - strlen(names) - 1);
	}
	return mw_error_create(MW_ERROR_USAGE, "%s '%s' is ambiguous: %s", lookup->what,
			       lookup->word, names);
}

static struct mw_error *unknown(const struct mw_lookup *lookup)
{
	if (lookup->nearest.best)
		return mw_error_create(MW_ERROR_USAGE, "unknown %s '%s'; did you mean '%s'?",
				       lookup->what, lookup->word, lookup->nearest.best);
	return mw_error_create(MW_ERROR_USAGE, "unknown %s '%s' (%s lists them)", lookup->what,
			       lookup->word, lookup->where);
}

struct mw_error *mw_lookup_finish(const struct mw_lookup *lookup, size_t *ret)
{
	if (!lookup->exact && lookup->start_count > 1)
		return ambiguous(lookup);
	if (!lookup->exact && lookup->start_count == 0)
		return unknown(lookup);
	*ret = lookup->exact ? lookup->index : lookup->rows[0];
	return NULL;
}
