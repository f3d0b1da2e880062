// SPDX-License-Identifier: MIT
/* Writes to memory, gives it back, writes again, moves it or unmaps it: `unmaps [move]`. */
#include <sys/mman.h>

#include "tracee.h"

#define SIZE (16 * PAGE_SIZE)

static volatile uint64_t *memory;

int main(int argc, char **argv)
{
	struct tracee tracee;
	void *moved;

	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("address %p\n", (void *)memory);
	tracee = tracee_begin(argc, argv);
	memory[0] = 1;
	memory[1] = 2;
	madvise((void *)memory, SIZE, MADV_DONTNEED);
	memory[2] = 3 + memory[0];
	memory[3] = 4;
	if (!strcmp(tracee.mode, "move")) {
		moved = mremap((void *)memory, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
		memory = moved == MAP_FAILED ? memory : moved;
		memory[4] = 5;
		printf("kept %d\n", memory[2] == 3 && memory[3] == 4);
	} else {
		munmap((void *)memory, SIZE);
		printf("kept 1\n");
	}
	return tracee_end(&tracee);
}
