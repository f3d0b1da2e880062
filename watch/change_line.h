// SPDX-License-Identifier: MIT
/**
 * Change events as lines of JSON. Most of an event is the same as in the one before, the more so
 * when they come fast: the text of a part is kept, with what it was made from.
 */
#ifndef MW_WATCH_CHANGE_LINE_H
#define MW_WATCH_CHANGE_LINE_H

#include "base/vec.h"
#include "watch/change_json.h"

struct mw_change_text {
	MW_VEC(char) bytes;
};

/** A zeroed one is empty. */
struct mw_change_line {
	/** The line, with its newline. */
	struct mw_change_text text;
	struct {
		struct mw_change_text made_from;
		struct mw_change_text text;
	} kept[MW_CHANGE_PARTS];
	/** What the part at hand is made from. */
	struct mw_change_text input;
};

/** Makes the line of mw_change_to_json(). @return false without memory. */
bool mw_change_line_make(struct mw_change_line *line, const struct mw_change *change);
void mw_change_line_deinit(struct mw_change_line *line);

#endif
