// SPDX-License-Identifier: MIT
#ifndef MW_REPL_STYLE_H
#define MW_REPL_STYLE_H

#include <stdbool.h>

#include "base/compiler.h"

/** What a piece of text is; decides its colour. */
enum mw_hue {
	MW_HUE_PLAIN,
	MW_HUE_NAME,
	MW_HUE_OLD,
	MW_HUE_NEW,
	MW_HUE_PLACE,
	MW_HUE_DIM,
	MW_HUE_GOOD,
	MW_HUE_BAD,
	MW_HUE_LIMITED,
	MW_HUE_COUNT,
};

enum mw_color {
	MW_COLOR_AUTO,
	MW_COLOR_ALWAYS,
	MW_COLOR_NEVER,
};

struct mw_style {
	bool color;
};

/**
 * Decides whether to colour: with auto, on a terminal that isn't dumb and without NO_COLOR
 * (https://no-color.org).
 */
struct mw_style mw_style_choose(enum mw_color color, int fd);

/** @return the escape sequence that starts @hue, "" without colour. */
const char *mw_style_start(const struct mw_style *style, enum mw_hue hue);
/** @return the escape sequence that ends it. */
const char *mw_style_end(const struct mw_style *style, enum mw_hue hue);

#endif
