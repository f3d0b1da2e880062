// SPDX-License-Identifier: MIT
/** Characters of the target, made safe for one line of a terminal. */
#ifndef MW_SYMBOLS_TEXT_H
#define MW_SYMBOLS_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** Longest string that is shown, bytes. */
#define MW_TEXT_MAX 200

/**
 * Prints the bytes up to the first NUL as a C string: valid UTF-8 as it is, the rest escaped.
 * "…" follows when it was cut or when something other than NUL stands behind the NUL.
 */
void mw_text_print(const unsigned char *bytes, size_t size, FILE *out);

/** Prints one character as 'a' or '\n'. */
void mw_text_print_char(unsigned char byte, FILE *out);

#endif
