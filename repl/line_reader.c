// SPDX-License-Identifier: MIT
#include "repl/line_reader.h"

#include <string.h>
#include <unistd.h>

/** @return the first whole line, with a NUL for its newline; NULL when there is none yet. */
static char *cut_line(struct mw_line_reader *reader)
{
	char *newline = NULL;

	if (reader->text.count)
		newline = memchr(reader->text.items, '\n', reader->text.count);
	if (!newline && !(reader->at_end && reader->text.count))
		return NULL;
	reader->taken = newline ? (size_t)(newline - reader->text.items) + 1 : reader->text.count;
	if (!newline)
		newline = reader->text.items + reader->text.count;
	*newline = '\0';
	return reader->text.items;
}

static void drop_taken(struct mw_line_reader *reader)
{
	reader->text.count -= reader->taken;
	if (reader->taken)
		memmove(reader->text.items, reader->text.items + reader->taken, reader->text.count);
	reader->taken = 0;
}

static void read_more(struct mw_line_reader *reader)
{
	ssize_t got = -1;

	/* One byte is kept for the NUL of a last line without newline. */
	if (mw_vec_reserve(&reader->text, reader->text.count + 4096 + 1))
		got = read(STDIN_FILENO, reader->text.items + reader->text.count, 4096);
	if (got <= 0)
		reader->at_end = true;
	else
		reader->text.count += (size_t)got;
}

const char *mw_line_reader_read(struct mw_line_reader *reader)
{
	char *line;

	drop_taken(reader);
	while (!(line = cut_line(reader)) && !reader->at_end) {
		if (mw_front_wait(reader->front, STDIN_FILENO) & MW_FRONT_INPUT)
			read_more(reader);
		if (mw_front_ended(reader->front))
			return NULL;
	}
	return line;
}

void mw_line_reader_deinit(struct mw_line_reader *reader)
{
	mw_vec_deinit(&reader->text);
}
