// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profiler/view.h"
#include "profiler/view_escape.h"

#define TITLE_COLUMNS 80

// profiler/view.mk puts the page together and names it; this is for tools that only read the code.
#ifndef MW_VIEW_PAGE
#define MW_VIEW_PAGE "profiler/html/page.html"
#endif

__asm__(".section .rodata\n"
	"mw_view_page_begin:\n"
	".incbin \"" MW_VIEW_PAGE "\"\n"
	"mw_view_page_end:\n"
	".byte 0\n"
	".previous\n");

extern const char mw_view_page_begin[], mw_view_page_end[];

/** Writes the page from @from up to @mark. @return what follows the mark. */
static const char *write_up_to(FILE *out, const char *from, const char *mark)
{
	size_t left = (size_t)(mw_view_page_end - from);
	const char *found = memmem(from, left, mark, strlen(mark));

	if (!found)
		return from;
	fwrite(from, 1, (size_t)(found - from), out);
	return found + strlen(mark);
}

static void write_title(FILE *out, const struct mw_saved_report *shown)
{
	fputs("memwatch: ", out);
	mw_escape_write(out, MW_ESCAPE_XML, shown->command, TITLE_COLUMNS);
}

struct mw_error *mw_view_write_page(FILE *out, const struct mw_saved_report *shown,
				    const struct mw_view_series *series, const json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(9));
	const char *at = mw_view_page_begin;

	if (!text)
		return mw_err_nomem;
	at = write_up_to(out, at, "{{title}}");
	write_title(out, shown);
	at = write_up_to(out, at, "{{picture}}");
	mw_view_write_svg(out, shown, series);
	at = write_up_to(out, at, "{{data}}");
	mw_escape_write_json(out, text, strlen(text));
	fwrite(at, 1, (size_t)(mw_view_page_end - at), out);
	free(text);
	return NULL;
}
