// SPDX-License-Identifier: MIT
/* Two files with a static variable of the same name. */
#include "tracee.h"

static long state;
void ambiguous_write_other(long value);

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	for (long i = 1; i <= 5; i++) {
		state = i; /* LINE:mine */
		BARRIER();
		ambiguous_write_other(-i);
	}
	printf("state %ld\n", state);
	return tracee_end(&tracee);
}
