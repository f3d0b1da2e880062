// SPDX-License-Identifier: MIT
#include "watch/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/** Bytes of the character that starts with @lead, 0 when none does. */
static unsigned sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

/** True for what UTF-8 may encode in @length bytes: no overlong form, no surrogate. */
static bool is_scalar(uint32_t point, unsigned length)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};

	return point >= smallest[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static uint32_t decode(const unsigned char *bytes, unsigned length)
{
	uint32_t point = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);

	for (unsigned i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return MW_UTF8_BAD;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	return is_scalar(point, length) ? point : MW_UTF8_BAD;
}

uint32_t mw_utf8_next(const char **text)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	unsigned length = sequence_length(bytes[0]);
	uint32_t point = length ? decode(bytes, length) : MW_UTF8_BAD;

	if (point == 0)
		return 0;
	*text += point == MW_UTF8_BAD ? 1 : length;
	return point;
}

char *mw_utf8_repair(const char *text)
{
	char *repaired = malloc(strlen(text) * strlen(REPLACEMENT) + 1);
	char *end = repaired;

	if (!repaired)
		return NULL;
	for (;;) {
		const char *start = text;
		uint32_t point = mw_utf8_next(&text);

		if (point == 0)
			break;
		if (point == MW_UTF8_BAD)
			end = mempcpy(end, REPLACEMENT, strlen(REPLACEMENT));
		else
			end = mempcpy(end, start, (size_t)(text - start));
	}
	*end = '\0';
	return repaired;
}
