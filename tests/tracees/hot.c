// SPDX-License-Identifier: MIT
/*
 * Writes far more beside what is watched than to it: `hot [ROUNDS] [CALM_MS]`. After the rounds it
 * is calm for a while, and then writes once more.
 */
#include <time.h>

#include "tracee.h"

#define STORES_BETWEEN 200

struct page {
	long watched;
	long table[16];
	long neighbour;
};

struct page PAGE_ALIGNED page;
static char PAGE_ALIGNED elsewhere[PAGE_SIZE];

NOINLINE static void write_watched(long value)
{
	page.watched = value; /* LINE:store */
	page.table[value % 16] = value;
	BARRIER();
}

NOINLINE static void write_neighbour(void)
{
	for (int i = 0; i < STORES_BETWEEN; i++) {
		page.neighbour++;
		BARRIER();
	}
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	long rounds = (long)tracee_number(&tracee, 0, 2000);
	unsigned long calm_ms = tracee_number(&tracee, 1, 0);
	const struct timespec pause = {(time_t)(calm_ms / 1000), (long)(calm_ms % 1000) * 1000000};
	long sum = 0;

	elsewhere[0] = 1;
	for (long i = 1; i <= rounds; i++) {
		write_neighbour();
		write_watched(i);
	}
	nanosleep(&pause, NULL);
	write_watched(rounds + 1);
	write_watched(rounds + 2);
	for (int i = 0; i < 16; i++)
		sum += page.table[i] * (i + 1);
	printf("stores %ld\nneighbour %ld\nvalue %ld\nsum %ld\n", rounds + 2, page.neighbour,
	       page.watched, sum);
	return tracee_end(&tracee);
}
