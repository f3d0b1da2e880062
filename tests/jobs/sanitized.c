// SPDX-License-Identifier: MIT
/** For -fsanitize=address: clean, or with the argument "leak" leaky. */
#include <stdlib.h>

static void *volatile block;

int main(int argc, char **argv)
{
	block = malloc(1000);
	if (argc < 2 || argv[1][0] != 'l')
		free((void *)block);
	block = NULL;
	return 0;
}
