// SPDX-License-Identifier: MIT
/** A stream into memory that is used again and again, which costs much less than opening one. */
#ifndef MW_BASE_MEMORY_TEXT_H
#define MW_BASE_MEMORY_TEXT_H

#include <stddef.h>
#include <stdio.h>

/** A zeroed one is empty. */
struct mw_memory_text {
	FILE *out;
	char *text;
	size_t size;
};

/** @return an empty stream, to write to; NULL without memory. */
FILE *mw_memory_text_start(struct mw_memory_text *memory);
/**
 * Ends what was written since the start.
 *
 * @param ret_length without the 0 behind it; may be NULL.
 * @return the text, valid until the next start; NULL without memory.
 */
const char *mw_memory_text_end(struct mw_memory_text *memory, size_t *ret_length);
void mw_memory_text_deinit(struct mw_memory_text *memory);

#endif
