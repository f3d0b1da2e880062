// SPDX-License-Identifier: MIT
/**
 * Prints what it is allowed to do: effective ids and capabilities, an environment variable,
 * then its arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	printf("euid=%d egid=%d", (int)geteuid(), (int)getegid());
	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "CapEff:", 7))
			printf(" caps=%.16s", line + 8);
	printf(" mark=%s", getenv("MEMWATCH_MARK") ? getenv("MEMWATCH_MARK") : "lost");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	putchar('\n');
	return 0;
}
