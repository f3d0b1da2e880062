// SPDX-License-Identifier: MIT
#include "symbols/text.h"

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

static const struct {
	char byte;
	char escape;
} escapes[] = {
	{'\a', 'a'}, {'\b', 'b'}, {'\f', 'f'},  {'\n', 'n'},   {'\r', 'r'},
	{'\t', 't'}, {'\v', 'v'}, {'\\', '\\'}, {'\033', 'e'},
};

static void print_escaped(unsigned char byte, char quote, FILE *out)
{
	for (size_t i = 0; i < mw_array_size(escapes); i++) {
		if ((unsigned char)escapes[i].byte == byte) {
			fprintf(out, "\\%c", escapes[i].escape);
			return;
		}
	}
	if (byte == (unsigned char)quote)
		fprintf(out, "\\%c", quote);
	else if (byte >= 0x20 && byte < 0x7f)
		fputc(byte, out);
	else
		fprintf(out, "\\x%02x", byte);
}

/* @return length of the UTF-8 character (2 to 4) at @bytes, or 0 when it is not one to show. */
static size_t utf8_length(const unsigned char *bytes, size_t size)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	uint32_t code = bytes[0] & (0x7f >> length);

	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	/* Overlong forms, C1 controls, surrogates, direction overrides. */
	if (code < smallest[length] || code < 0xa0 || (code >= 0xd800 && code < 0xe000) ||
	    code > 0x10ffff || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069))
		return 0;
	return length;
}

static size_t print_character(const unsigned char *bytes, size_t size, FILE *out)
{
	size_t length = bytes[0] >= 0x80 ? utf8_length(bytes, size) : 0;

	if (!length) {
		print_escaped(bytes[0], '"', out);
		return 1;
	}
	fwrite(bytes, 1, length, out);
	return length;
}

static int has_more(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return 1;
	}
	return 0;
}

void mw_text_print(const unsigned char *bytes, size_t size, FILE *out)
{
	size_t length = strnlen((const char *)bytes, size);
	size_t at = 0;

	fputc('"', out);
	while (at < mw_min(length, (size_t)MW_TEXT_MAX))
		at += print_character(bytes + at, length - at, out);
	fputs(has_more(bytes + at, size - at) ? "\"…" : "\"", out);
}

void mw_text_print_char(unsigned char byte, FILE *out)
{
	fputc('\'', out);
	if (byte)
		print_escaped(byte, '\'', out);
	else
		fputs("\\0", out);
	fputc('\'', out);
}
