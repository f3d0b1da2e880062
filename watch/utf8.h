// SPDX-License-Identifier: MIT
/** Text of the target may hold any bytes: names are cut in the middle of characters. */
#ifndef MW_WATCH_UTF8_H
#define MW_WATCH_UTF8_H

#include <stdint.h>

/** What mw_utf8_next() returns for a byte that belongs to no character. */
#define MW_UTF8_BAD UINT32_MAX

/**
 * Decodes the character at *@text and moves *@text behind it (one byte when it is malformed).
 *
 * @return its code point; 0 at the end of the string, where *@text stays; MW_UTF8_BAD.
 */
uint32_t mw_utf8_next(const char **text);

/** @return a heap copy of @text with U+FFFD for each malformed byte; NULL without memory. */
char *mw_utf8_repair(const char *text);

#endif
