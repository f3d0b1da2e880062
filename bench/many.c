// SPDX-License-Identifier: MIT
/*
 * Many small variables: `many COUNT STRIDE` has COUNT words, STRIDE bytes apart. It prints where
 * the first is, and for each line `touch N` writes N of them, spread evenly, and prints `ns TOTAL`.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	size_t stride = argc > 2 ? strtoul(argv[2], NULL, 0) : 4096;
	char *memory = mmap(NULL, count * stride, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t round = 0;
	size_t touched;

	if (memory == MAP_FAILED)
		return 1;
	printf("address %p\n", (void *)memory);
	fflush(stdout);
	while (scanf(" touch %zu", &touched) == 1 && touched) {
		uint64_t start = now_ns();

		round++;
		for (size_t i = 0; i < touched; i++)
			*(volatile uint64_t *)(memory + i * (count / touched) * stride) += round;
		printf("ns %" PRIu64 "\n", now_ns() - start);
		fflush(stdout);
	}
	return 0;
}
