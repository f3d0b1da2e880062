// SPDX-License-Identifier: MIT
/* Has an io_uring open, through which nothing is done: `uring [N]`. */
#include <sys/syscall.h>

#include "tracee.h"

/* The size of struct io_uring_params, which only the kernel reads here. */
static char parameters[120];
long words[16];

NOINLINE static void write_words(long value)
{
	words[value % 16] = value;
	BARRIER();
}

int main(int argc, char **argv)
{
	long ring = syscall(SYS_io_uring_setup, 4, parameters);
	struct tracee tracee = tracee_begin(argc, argv);
	long n = (long)tracee_number(&tracee, 0, 100);

	for (long i = 1; i <= n; i++)
		write_words(i);
	printf("ring %d\nlast %ld\n", ring >= 0, words[n % 16]);
	return tracee_end(&tracee);
}
