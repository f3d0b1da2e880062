// SPDX-License-Identifier: MIT
/** Reads command lines from a pipe or a file, while the session goes on. */
#ifndef MW_REPL_LINE_READER_H
#define MW_REPL_LINE_READER_H

#include "repl/front.h"

/** Zeroed but for `front` at the start. */
struct mw_line_reader {
	struct mw_front *front;
	MW_VEC(char) text;
	/** Bytes of `text` that the last line took. */
	size_t taken;
	bool at_end;
};

/** @return the next line, without its newline, the reader's; NULL at the end. */
const char *mw_line_reader_read(struct mw_line_reader *reader);
void mw_line_reader_deinit(struct mw_line_reader *reader);

#endif
