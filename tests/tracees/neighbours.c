// SPDX-License-Identifier: MIT
/* A watched word, byte and array element between unwatched ones, on one page: `neighbours [N]`. */
#include "tracee.h"

struct row {
	long left;
	long watched;
	long right;
	/* Three bytes of one word: hardware watches whole words, memwatch must tell them apart. */
	unsigned char bytes[8];
	int table[16];
};

struct row PAGE_ALIGNED row;

NOINLINE static void write_neighbours(unsigned long i)
{
	row.left = (long)i;
	row.right = -(long)i;
	row.bytes[2] = (unsigned char)i;
	row.bytes[4] = (unsigned char)~i;
	row.table[6] = (int)i;
	row.table[8] = -(int)i;
	BARRIER();
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long n = tracee_number(&tracee, 0, 100);

	for (unsigned long i = 1; i <= n; i++)
		write_neighbours(i);
	EXPECT(row.watched, row.watched = 11);
	EXPECT(row.bytes[3], row.bytes[3] = 12);
	EXPECT(row.table[7], row.table[7] = 13);
	printf("neighbours %lu\n", 6 * n);
	printf("hash %016" PRIx64 "\n", tracee_hash(&row, sizeof(row)));
	return tracee_end(&tracee);
}
