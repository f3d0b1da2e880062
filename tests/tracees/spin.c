// SPDX-License-Identifier: MIT
/* Never writes `idle`: computes until there is a line to read, or for N rounds. */
#include <poll.h>

#include "tracee.h"

long PAGE_ALIGNED idle = 7;

NOINLINE static uint64_t compute(uint64_t state)
{
	for (int i = 0; i < 100000; i++)
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return state;
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 0), rounds = 0;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t state = 1;

	printf("running 1\n");
	fflush(stdout);
	do {
		state = compute(state);
		rounds++;
	} while (n ? rounds < n : poll(&input, 1, 0) <= 0);
	printf("rounds %lu\nstate %016" PRIx64 "\nidle %ld\n", rounds, state, idle);
	return tracee_end(&tracee);
}
