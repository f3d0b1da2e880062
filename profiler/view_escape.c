// SPDX-License-Identifier: MIT
#include "profiler/view_escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

struct range {
	uint32_t first, last;
};

/** Characters that aren't seen, or that change how their neighbours are seen. */
static const struct range deceiving[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},
	{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f},
};

static bool is_deceiving(uint32_t character)
{
	for (size_t i = 0; i < mw_array_size(deceiving); i++) {
		if (character >= deceiving[i].first && character <= deceiving[i].last)
			return true;
	}
	return false;
}

/** How many bytes follow a first byte, or -1 when it can't be first. */
static int following_bytes(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first < 0xe0)
		return 1;
	if (first >= 0xe0 && first < 0xf0)
		return 2;
	return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

/** Takes one character off *@text; U+FFFD for a byte that isn't part of one. */
static uint32_t take_character(const char **text)
{
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)*text;
	int rest = following_bytes(*byte);
	uint32_t character;

	*text += 1;
	if (rest <= 0)
		return rest ? REPLACEMENT : *byte;
	character = *byte & (0x3fu >> rest);
	for (int i = 1; i <= rest; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return REPLACEMENT;
		character = character << 6 | (byte[i] & 0x3fu);
	}
	if (character < smallest[rest] || character > 0x10ffff ||
	    (character >= 0xd800 && character < 0xe000))
		return REPLACEMENT;
	*text += rest;
	return character;
}

static void put_utf8(FILE *out, uint32_t character)
{
	if (character < 0x80) {
		fputc((int)character, out);
	} else if (character < 0x800) {
		fprintf(out, "%c%c", 0xc0 | character >> 6, 0x80 | (character & 0x3f));
	} else if (character < 0x10000) {
		fprintf(out, "%c%c%c", 0xe0 | character >> 12, 0x80 | (character >> 6 & 0x3f),
			0x80 | (character & 0x3f));
	} else {
		fprintf(out, "%c%c%c%c", 0xf0 | character >> 18, 0x80 | (character >> 12 & 0x3f),
			0x80 | (character >> 6 & 0x3f), 0x80 | (character & 0x3f));
	}
}

static bool needs_reference(enum mw_escape kind, uint32_t character)
{
	switch (kind) {
	case MW_ESCAPE_TERMINAL:
		return false;
	case MW_ESCAPE_XML:
		return character && character < 0x80 && strchr("<>&\"'", (int)character);
	case MW_ESCAPE_MARKDOWN:
		break;
	}
	return character && character < 0x80 && strchr("<>&\"'|`*_[]()\\~#!@:", (int)character);
}

/** @return the columns that putting @character takes. */
static size_t put_character(FILE *out, enum mw_escape kind, uint32_t character)
{
	if (is_deceiving(character))
		return (size_t)fprintf(
			out, kind == MW_ESCAPE_MARKDOWN ? "\\\\u{%04x}" : "\\u{%04x}", character);
	if (needs_reference(kind, character))
		fprintf(out, "&#%u;", character);
	else
		put_utf8(out, character);
	return 1;
}

size_t mw_escape_write(FILE *out, enum mw_escape kind, const char *text, size_t columns)
{
	size_t used = 0;

	while (*text) {
		if (used + 1 >= columns && text[1] != '\0') {
			put_utf8(out, 0x2026);
			return used + 1;
		}
		used += put_character(out, kind, take_character(&text));
	}
	return used;
}

void mw_escape_write_json(FILE *out, const char *json, size_t size)
{
	static const char line_separator[] = "\xe2\x80\xa8", paragraph_separator[] = "\xe2\x80\xa9";

	for (size_t i = 0; i < size; i++) {
		if (json[i] == '<') {
			fputs("\\u003c", out);
		} else if (i + 3 <= size && !memcmp(json + i, line_separator, 3)) {
			fputs("\\u2028", out);
			i += 2;
		} else if (i + 3 <= size && !memcmp(json + i, paragraph_separator, 3)) {
			fputs("\\u2029", out);
			i += 2;
		} else {
			fputc(json[i], out);
		}
	}
}

json_t *mw_escape_to_json(const char *text)
{
	json_t *string = json_string(text);
	char *clean = NULL;
	size_t size;
	FILE *stream;

	if (string)
		return string;
	stream = open_memstream(&clean, &size);
	if (!stream)
		return NULL;
	mw_escape_write(stream, MW_ESCAPE_TERMINAL, text, SIZE_MAX);
	if (!fclose(stream))
		string = json_string(clean);
	free(clean);
	return string;
}
