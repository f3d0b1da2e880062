// SPDX-License-Identifier: MIT
/** cow MIB FORKS OWN_MIB HOLD_MS: forks that share MIB copy-on-write and add OWN_MIB each. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fill(size_t mib)
{
	char *memory = malloc(mib << 20);

	if (!memory)
		exit(1);
	memset(memory, 1, mib << 20);
	__asm__ volatile("" : : "r"(memory) : "memory");
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 1;
	fill((size_t)atoi(argv[1]));
	for (int i = 0; i < atoi(argv[2]); i++) {
		if (fork())
			continue;
		fill((size_t)atoi(argv[3]));
		usleep((useconds_t)atoi(argv[4]) * 1000);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
