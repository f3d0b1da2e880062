// SPDX-License-Identifier: MIT
#ifndef MW_WATCH_BASE64_H
#define MW_WATCH_BASE64_H

#include <stddef.h>

/** Characters that @size bytes become, with padding, without a NUL. */
static inline size_t mw_base64_length(size_t size)
{
	return (size + 2) / 3 * 4;
}

/** Encodes as RFC 4648, section 4. @param ret mw_base64_length(size) characters; no NUL. */
void mw_base64_encode(const void *data, size_t size, char *ret);

#endif
