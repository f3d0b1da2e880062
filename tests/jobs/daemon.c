// SPDX-License-Identifier: MIT
/** daemon MIB HOLD_MS: ends at once; its double-forked grandchild lives on with the memory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *memory;

	if (argc < 3)
		return 1;
	if (fork())
		return 0;
	setsid();
	if (fork())
		_exit(0);
	memory = malloc((size_t)atoi(argv[1]) << 20);
	if (!memory)
		return 1;
	memset(memory, 1, (size_t)atoi(argv[1]) << 20);
	__asm__ volatile("" : : "r"(memory) : "memory");
	usleep((useconds_t)atoi(argv[2]) * 1000);
	return 0;
}
