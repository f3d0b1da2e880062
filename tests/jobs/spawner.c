// SPDX-License-Identifier: MIT
/** spawner MIB HOLD_MS: holds memory while a child that shares it until its exec sleeps. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char seconds[32];
	char *words[] = {"sleep", seconds, NULL};
	char *memory;
	pid_t pid;

	if (argc < 3)
		return 1;
	memory = malloc((size_t)atoi(argv[1]) << 20);
	if (!memory)
		return 1;
	memset(memory, 1, (size_t)atoi(argv[1]) << 20);
	__asm__ volatile("" : : "r"(memory) : "memory");
	/* A vfork child that stays before its exec for a while, as a loaded machine makes it. */
	pid = vfork();
	if (!pid) {
		usleep(100000);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	snprintf(seconds, sizeof(seconds), "%.3f", atoi(argv[2]) / 1000.0);
	if (posix_spawnp(&pid, "sleep", NULL, NULL, words, environ))
		return 1;
	waitpid(pid, NULL, 0);
	return 0;
}
