// SPDX-License-Identifier: MIT
#ifndef MW_WATCH_CHANGE_JSON_H
#define MW_WATCH_CHANGE_JSON_H

#include <jansson.h>

#include "watch/change.h"

/**
 * Builds the object of one change event, as docs/events.md describes it.
 *
 * @return a new reference, or NULL without memory.
 */
json_t *mw_change_to_json(const struct mw_change *change);

#endif
