// SPDX-License-Identifier: MIT
#include "base/memory_text.h"

#include <stdbool.h>
#include <stdlib.h>

FILE *mw_memory_text_start(struct mw_memory_text *memory)
{
	if (!memory->out)
		memory->out = open_memstream(&memory->text, &memory->size);
	else
		rewind(memory->out);
	return memory->out;
}

const char *mw_memory_text_end(struct mw_memory_text *memory, size_t *ret_length)
{
	/* Behind a shorter text than the one before stands the rest of that. */
	bool failed = fputc('\0', memory->out) == EOF || fflush(memory->out) != 0;

	if (failed || ferror(memory->out))
		return NULL;
	if (ret_length)
		*ret_length = memory->size - 1;
	return memory->text;
}

void mw_memory_text_deinit(struct mw_memory_text *memory)
{
	if (memory->out)
		fclose(memory->out);
	free(memory->text);
	*memory = (struct mw_memory_text){0};
}
