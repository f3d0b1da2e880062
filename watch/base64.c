// SPDX-License-Identifier: MIT
#include "watch/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(const uint8_t *bytes, size_t count, char ret[4])
{
	uint32_t bits = (uint32_t)bytes[0] << 16;

	if (count > 1)
		bits |= (uint32_t)bytes[1] << 8;
	if (count > 2)
		bits |= bytes[2];
	ret[0] = alphabet[bits >> 18];
	ret[1] = alphabet[bits >> 12 & 63];
	ret[2] = count > 1 ? alphabet[bits >> 6 & 63] : '=';
	ret[3] = count > 2 ? alphabet[bits & 63] : '=';
}

void mw_base64_encode(const void *data, size_t size, char *ret)
{
	const uint8_t *bytes = data;

	for (size_t done = 0; done < size; done += 3, ret += 4)
		encode_group(bytes + done, size - done, ret);
}
