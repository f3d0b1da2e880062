// SPDX-License-Identifier: MIT
#include "tracer/differences.h"

#include <string.h>

#include "base/compiler.h"

#define WORD sizeof(uint64_t)
/* Equal stretches are passed over in blocks, which memcmp() does fastest. */
#define BLOCK 256u

static size_t first_difference(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t at,
			       size_t size)
{
	while (size - at >= BLOCK && !memcmp(old_bytes + at, new_bytes + at, BLOCK))
		at += BLOCK;
	while (at < size && old_bytes[at] == new_bytes[at])
		at++;
	return at;
}

/* The end of the aligned word that the byte at @at stands in. */
static size_t word_end(size_t at, size_t size, uint64_t addr)
{
	return mw_min(size, at + WORD - (addr + at) % WORD);
}

bool mw_run_next(const uint8_t *old_bytes, const uint8_t *new_bytes, size_t size, uint64_t addr,
		 struct mw_run *run)
{
	size_t end;

	run->start = first_difference(old_bytes, new_bytes, run->end, size);
	if (run->start == size)
		return false;
	end = word_end(run->start, size, addr);
	while (end < size) {
		size_t next = word_end(end, size, addr);

		if (!memcmp(old_bytes + end, new_bytes + end, next - end))
			break;
		end = next;
	}
	while (old_bytes[end - 1] == new_bytes[end - 1])
		end--;
	run->end = end;
	return true;
}
