// SPDX-License-Identifier: MIT
/* Pieces of code that any program has, to be borrowed. */
#include "tracer/arch.h"

#include <string.h>

/** @return the offset of @bytes in @code, or -1. */
static int64_t find(const uint8_t *code, size_t size, const uint8_t *bytes, size_t count)
{
	const uint8_t *found = memmem(code, size, bytes, count);

	return found ? found - code : -1;
}

int64_t mw_arch_find_syscall(const uint8_t *code, size_t size)
{
	static const uint8_t bytes[] = {0x0f, 0x05};

	return find(code, size, bytes, sizeof(bytes));
}

int64_t mw_arch_find_returning_syscall(const uint8_t *code, size_t size)
{
	/* syscall; ret */
	static const uint8_t bytes[] = {0x0f, 0x05, 0xc3};

	return find(code, size, bytes, sizeof(bytes));
}

int64_t mw_arch_find_sigreturn(const uint8_t *code, size_t size)
{
	/* mov $15, %rax; syscall: glibc's. mov $15, %eax; syscall: others'. */
	static const uint8_t wide[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};
	static const uint8_t narrow[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};
	int64_t offset = find(code, size, wide, sizeof(wide));

	return offset >= 0 ? offset : find(code, size, narrow, sizeof(narrow));
}
