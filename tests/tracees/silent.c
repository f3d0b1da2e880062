// SPDX-License-Identifier: MIT
/* `silent [N]`: N stores of which every fourth changes the value. */
#include "tracee.h"

long PAGE_ALIGNED flag;

NOINLINE static void set_flag(long value)
{
	flag = value; /* LINE:store */
	BARRIER();
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 1000);

	for (unsigned long i = 0; i < n; i++)
		set_flag((long)(i / 4) + 1);
	printf("stores %lu\nchanges %ld\nsilent %lu\nvalue %ld\n", n, flag, n - (unsigned long)flag,
	       flag);
	return tracee_end(&tracee);
}
