// SPDX-License-Identifier: MIT
/** leak KIB EACH_MS TOTAL_MS: grows steadily. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = (size_t)atoi(argv[1]) << 10;

	if (argc < 4)
		return 1;
	for (int spent = 0; spent < atoi(argv[3]); spent += atoi(argv[2])) {
		char *memory = malloc(size);

		if (!memory)
			return 1;
		memset(memory, 1, size);
		__asm__ volatile("" : : "r"(memory) : "memory");
		usleep((useconds_t)atoi(argv[2]) * 1000);
	}
	return 0;
}
