// SPDX-License-Identifier: MIT
#ifndef MW_WATCH_CHANGE_JSON_H
#define MW_WATCH_CHANGE_JSON_H

#include <jansson.h>

#include "watch/change.h"

/** An event's members, in their order, by how often they differ from those of the event before. */
enum mw_change_part {
	MW_CHANGE_NUMBER,
	/** Who changed which variable, and the cause. */
	MW_CHANGE_ORIGIN,
	/** Which bytes of it. */
	MW_CHANGE_EXTENT,
	MW_CHANGE_VALUES,
	MW_CHANGE_WHERE,
	MW_CHANGE_HITS,
	/** How it was seen. */
	MW_CHANGE_MEANS,
	MW_CHANGE_PARTS,
};

/** @return an object of the members of one part, or NULL without memory. */
json_t *mw_change_part_to_json(enum mw_change_part part, const struct mw_change *change);

/**
 * Builds the object of one change event, as docs/events.md describes it.
 *
 * @return a new reference, or NULL without memory.
 */
json_t *mw_change_to_json(const struct mw_change *change);

#endif
