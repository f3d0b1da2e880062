// SPDX-License-Identifier: MIT
#include "repl/place.h"

#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void mw_place_source(const struct mw_place *place, char *ret, size_t size)
{
	ret[0] = '\0';
	if (place->file && place->line > 0)
		snprintf(ret, size, "%s:%d", base_name(place->file), place->line);
	else if (place->module)
		snprintf(ret, size, "%s+0x%" PRIx64, base_name(place->module),
			 place->module_offset);
}

void mw_place_put_function(struct mw_row *row, const struct mw_place *place, mw_addr ip)
{
	if (!place->function) {
		mw_row_put(row, MW_HUE_PLACE, "0x%" PRIx64, ip.v);
		return;
	}
	/* A demangled C++ name brings its own parentheses. */
	mw_row_put(row, MW_HUE_PLACE, "%s%s", place->function,
		   strchr(place->function, '(') ? "" : "()");
	if (place->line <= 0 && place->function_offset)
		mw_row_put(row, MW_HUE_PLACE, "+0x%" PRIx64, place->function_offset);
}

void mw_place_put(struct mw_row *row, const struct mw_place *place, mw_addr ip)
{
	char source[512];

	mw_place_source(place, source, sizeof(source));
	if (place->function || !source[0])
		mw_place_put_function(row, place, ip);
	if (source[0])
		mw_row_put(row, MW_HUE_PLAIN, "%s%s", place->function ? " " : "", source);
	if (place->inlined_count)
		mw_row_put(row, MW_HUE_DIM, " (inlined into %s)", place->inlined_into[0]);
}

void mw_stack_print(const struct mw_frame *frames, size_t count, unsigned indent,
		    const struct mw_style *style, FILE *out)
{
	struct mw_row row = {.out = out, .style = style};

	for (size_t i = 0; i < count; i++) {
		mw_row_put(&row, MW_HUE_DIM, "%*s#%-2zu ", (int)indent, "", i);
		mw_place_put(&row, &frames[i].place, frames[i].ip);
		mw_row_end(&row);
	}
}
