// SPDX-License-Identifier: MIT
/*
 * `churn [N] [K]`: N short threads, two alive at a time, make K stores each to words of their own
 * and increments of a shared one. With N == 0 it goes on until there is a line to read.
 */
#include <poll.h>
#include <pthread.h>

#include "tracee.h"

#define SLOTS 8

long PAGE_ALIGNED slots[SLOTS];
long total;
static unsigned long k;

static void *work(void *arg)
{
	long *slot = arg;

	for (unsigned long i = 0; i < k; i++) {
		*slot += 1; /* LINE:slot */
		BARRIER();
		__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static bool line_waits(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&input, 1, 0) > 0;
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 200), started = 0;
	pthread_t threads[2];

	k = tracee_number(&tracee, 1, 10);
	while (n ? started < n : !line_waits()) {
		for (unsigned i = 0; i < 2; i++, started++)
			pthread_create(&threads[i], NULL, work, &slots[started % SLOTS]);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		/* Not before the first thread: glibc installs a signal handler with it. */
		if (!n && started == 2) {
			printf("running 1\n");
			fflush(stdout);
		}
	}
	printf("stores %lu\ntotal %ld\ncorrect %d\n", started * k, total,
	       (unsigned long)total == started * k);
	return tracee_end(&tracee);
}
