// SPDX-License-Identifier: MIT
/** Text that comes from a job's command lines, made harmless for where it is shown. */
#ifndef MW_PROFILER_VIEW_ESCAPE_H
#define MW_PROFILER_VIEW_ESCAPE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "base/compiler.h"

enum mw_escape {
	/** A terminal: control characters and those that turn the direction of text are named. */
	MW_ESCAPE_TERMINAL,
	/** HTML, XML and SVG text and attributes: the same, and < > & " '. */
	MW_ESCAPE_XML,
	/** A cell of a Markdown table: the same, and what Markdown would read as markup. */
	MW_ESCAPE_MARKDOWN,
};

/**
 * Writes at most @columns characters of @text; a longer one ends in an ellipsis. What isn't UTF-8
 * is written as U+FFFD.
 *
 * @return how many columns it took (each character counts as one).
 */
size_t mw_escape_write(FILE *out, enum mw_escape kind, const char *text, size_t columns);

/**
 * Writes JSON text into a script element: "<" would end it or open a comment, U+2028 and U+2029
 * end lines in older JavaScript.
 */
void mw_escape_write_json(FILE *out, const char *json, size_t size);

/** @return a JSON string of @text, made UTF-8 if it isn't; NULL when memory is short. */
json_t *mw_escape_to_json(const char *text);

#endif
