// SPDX-License-Identifier: MIT
/** hog MIB HOLD_MS [AFTER_MS]: holds memory, gives it back, lives on for a while. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = (size_t)atoi(argv[1]) << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (argc < 3 || memory == MAP_FAILED)
		return 1;
	memset(memory, 1, size);
	usleep((useconds_t)atoi(argv[2]) * 1000);
	munmap(memory, size);
	if (argc > 3)
		usleep((useconds_t)atoi(argv[3]) * 1000);
	return 0;
}
