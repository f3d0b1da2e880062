// SPDX-License-Identifier: MIT
/*
 * Writes each of many words once: `many [COUNT] [STRIDE]`; prints where they are, and whether they
 * hold what was written.
 */
#include <sys/mman.h>

#include "tracee.h"

int main(int argc, char **argv)
{
	struct tracee tracee = {.wait = false};
	size_t count = 1000, stride = 4096, numbers = 0;
	bool correct = true;
	char *memory;

	for (int i = 1; i < argc; i++)
		if (strtoul(argv[i], NULL, 0))
			*(numbers++ ? &stride : &count) = strtoul(argv[i], NULL, 0);
	memory = mmap(NULL, count * stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return 1;
	printf("address %p\n", (void *)memory);
	tracee = tracee_begin(argc, argv);
	for (size_t i = 0; i < count; i++)
		*(volatile uint64_t *)(memory + i * stride) = i + 1;
	for (size_t i = 0; i < count; i++)
		correct &= *(volatile uint64_t *)(memory + i * stride) == i + 1;
	printf("stores %zu\ncorrect %d\n", count, correct);
	return tracee_end(&tracee);
}
