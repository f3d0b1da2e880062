// SPDX-License-Identifier: MIT
/** cow MIB FORKS OWN_MIB HOLD_MS: forks that share MIB copy-on-write and add OWN_MIB each. They
 * hold it together for HOLD_MS, however slowly they came to it. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static void hold(atomic_int *filled, int forks, useconds_t ms)
{
	atomic_fetch_add(filled, 1);
	while (atomic_load(filled) < forks)
		usleep(1000);
	usleep(ms * 1000);
}

int main(int argc, char **argv)
{
	atomic_int *filled = mmap(NULL, sizeof(*filled), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int forks = argc < 5 ? 0 : atoi(argv[2]);

	if (!forks || filled == MAP_FAILED)
		return 1;
	fill((size_t)atoi(argv[1]));
	for (int i = 0; i < forks; i++) {
		pid_t pid = fork();

		if (pid < 0)
			atomic_fetch_add(filled, 1);
		if (pid)
			continue;
		fill((size_t)atoi(argv[3]));
		hold(filled, forks, (useconds_t)atoi(argv[4]));
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
