// SPDX-License-Identifier: MIT
#include "repl/row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "watch/utf8.h"

/* What is longer is formatted on the heap. */
#define SHORT_SIZE 256

/** C0 and C1 controls and DEL: what could drive the terminal. */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/**
 * Columns of one character. The C locale knows no width beyond ASCII: one is the best guess there.
 */
static size_t point_width(uint32_t point)
{
	int width = wcwidth((wchar_t)point);

	return width < 0 ? 1 : (size_t)width;
}

/** Writes the character at *@text to @out (NULL: only measures) and moves on. @return columns. */
static size_t put_character(FILE *out, const char **text)
{
	const char *start = *text;
	uint32_t point = mw_utf8_next(text);

	if (point == MW_UTF8_BAD || is_control(point)) {
		for (const char *byte = start; out && byte < *text; byte++)
			fprintf(out, "\\x%02x", (unsigned char)*byte);
		return 4 * (size_t)(*text - start);
	}
	if (out)
		fwrite(start, 1, (size_t)(*text - start), out);
	return point_width(point);
}

static size_t plain_length(const char *text)
{
	size_t length = 0;

	while (text[length] >= ' ' && text[length] <= '~')
		length++;
	return length;
}

/* Most of it is ASCII, a column for each byte. */
static size_t put_text(FILE *out, const char *text)
{
	size_t width = 0;

	while (*text) {
		size_t plain = plain_length(text);

		if (out && plain)
			fwrite(text, 1, plain, out);
		width += plain;
		text += plain;
		if (*text)
			width += put_character(out, &text);
	}
	return width;
}

size_t mw_text_width(const char *text)
{
	return put_text(NULL, text);
}

void mw_row_put(struct mw_row *row, enum mw_hue hue, const char *format, ...)
{
	char *text, short_text[SHORT_SIZE];
	mw_auto_free char *long_text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(short_text, sizeof(short_text), format, args);
	va_end(args);
	text = short_text;
	if (length >= SHORT_SIZE) {
		va_start(args, format);
		length = vasprintf(&long_text, format, args);
		va_end(args);
		text = long_text;
	}
	if (length < 0) {
		long_text = NULL;
		return;
	}
	fputs(mw_style_start(row->style, hue), row->out);
	row->width += put_text(row->out, text);
	fputs(mw_style_end(row->style, hue), row->out);
}

void mw_row_pad(struct mw_row *row, size_t column)
{
	size_t blanks = mw_max(row->width + 2, column) - row->width;

	row->width += blanks;
	fprintf(row->out, "%*s", (int)blanks, "");
}

void mw_row_end(struct mw_row *row)
{
	fputc('\n', row->out);
	row->width = 0;
}

const char *mw_count_text(uint64_t value, char ret[MW_COUNT_SIZE])
{
	char digits[MW_COUNT_SIZE];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *end = ret;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = '\0';
	return ret;
}
