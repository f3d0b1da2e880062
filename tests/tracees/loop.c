// SPDX-License-Identifier: MIT
/*
 * Stores to one global in a loop: `loop [N] [EXIT_CODE]`. With N == 0 it goes on until there is a
 * line to read, and says whether every store was carried out.
 */
#include <poll.h>

#include "tracee.h"

long counter;
long neighbour;

NOINLINE static void write_counter(long value)
{
	counter = value; /* LINE:store */
	BARRIER();
}

static bool line_waits(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&input, 1, 0) > 0;
}

static unsigned long write_forever(unsigned long *errors)
{
	unsigned long stores = 0;

	do {
		for (int i = 0; i < 64; i++) {
			write_counter((long)++stores);
			*errors += counter != (long)stores;
		}
		usleep(200);
	} while (!line_waits());
	return stores;
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 20000), errors = 0;

	if (!n) {
		printf("running 1\n");
		fflush(stdout);
		n = write_forever(&errors);
	} else {
		for (unsigned long i = 1; i <= n; i++)
			write_counter((long)i);
	}
	printf("stores %lu\nvalue %ld\nerrors %lu\n", n, counter, errors);
	tracee_end(&tracee);
	return (int)tracee_number(&tracee, 1, 0);
}
