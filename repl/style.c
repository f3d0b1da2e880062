// SPDX-License-Identifier: MIT
#include "repl/style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const hue_codes[] = {
	[MW_HUE_PLAIN] = "",        [MW_HUE_NAME] = "\033[1m",   [MW_HUE_OLD] = "\033[31m",
	[MW_HUE_NEW] = "\033[32m",  [MW_HUE_PLACE] = "\033[36m", [MW_HUE_DIM] = "\033[2m",
	[MW_HUE_GOOD] = "\033[32m", [MW_HUE_BAD] = "\033[31m",   [MW_HUE_LIMITED] = "\033[33m",
};
_Static_assert(mw_array_size(hue_codes) == MW_HUE_COUNT, "every hue has a code");

struct mw_style mw_style_choose(enum mw_color color, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color != MW_COLOR_AUTO)
		return (struct mw_style){.color = color == MW_COLOR_ALWAYS};
	if ((no_color && no_color[0]) || !term || strcmp(term, "dumb") == 0)
		return (struct mw_style){.color = false};
	return (struct mw_style){.color = isatty(fd)};
}

const char *mw_style_start(const struct mw_style *style, enum mw_hue hue)
{
	return style->color ? hue_codes[hue] : "";
}

const char *mw_style_end(const struct mw_style *style, enum mw_hue hue)
{
	return style->color && hue_codes[hue][0] ? "\033[0m" : "";
}
