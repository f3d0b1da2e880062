// SPDX-License-Identifier: MIT
#include "repl/nearest.h"

#include <string.h>

#include "base/compiler.h"

/** Longer words are nobody's typing mistake. */
#define LONGEST 32

/** Edits (insert, delete, replace) from @left to @right, both at most LONGEST long. */
static size_t edit_distance(const char *left, const char *right)
{
	size_t row[LONGEST + 1];
	size_t width = strlen(right);

	for (size_t i = 0; i <= width; i++)
		row[i] = i;
	for (size_t y = 1; left[y - 1]; y++) {
		size_t diagonal = row[0];

		row[0] = y;
		for (size_t x = 1; x <= width; x++) {
			size_t replaced = diagonal + (left[y - 1] != right[x - 1]);
			size_t grown = mw_min(row[x], row[x - 1]) + 1;

			diagonal = row[x];
			row[x] = mw_min(replaced, grown);
		}
	}
	return row[width];
}

void mw_nearest_offer(struct mw_nearest *nearest, const char *name)
{
	size_t length = strlen(nearest->wanted);
	size_t distance;

	if (length > LONGEST || strlen(name) > LONGEST)
		return;
	distance = edit_distance(nearest->wanted, name);
	if (distance > length / 3 + (length > 1))
		return;
	if (!nearest->best || distance < nearest->distance) {
		nearest->best = name;
		nearest->distance = distance;
	}
}
