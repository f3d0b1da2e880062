// SPDX-License-Identifier: MIT
#include "repl/duration.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/** Longest time accepted, ns: about 31 years, far from overflow when added to the clock. */
#define LONGEST_NS 1e18

static const struct unit {
	const char *name;
	double ns;
} units[] = {
	{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9},
};

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < mw_array_size(units); i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

struct mw_error *mw_duration_parse(const char *text, uint64_t *ret)
{
	char *end;
	double number = strtod(text, &end);
	const struct unit *unit = find_unit(end);
	double ns;

	/* strtod also takes blanks, signs, "inf" and hexadecimal. */
	if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xXeEpP") || !unit)
		return mw_error_create(MW_ERROR_USAGE,
				       "'%s' is no length of time (examples: 5, 1.5s, 200ms, 2m)",
				       text);
	ns = number * unit->ns;
	if (ns < 1 || ns > LONGEST_NS)
		return mw_error_create(MW_ERROR_USAGE, "the time '%s' is %s", text,
				       ns < 1 ? "zero" : "too long");
	*ret = (uint64_t)ns;
	return NULL;
}
