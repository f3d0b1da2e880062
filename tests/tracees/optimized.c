// SPDX-License-Identifier: MIT
/* Writers that the optimizer inlines, and variables that it takes away. */
#include "tracee.h"

struct tuning {
	int level;
	int gain;
};

struct tuning PAGE_ALIGNED tuning;
/* Written, never read: has a name but no place when optimized. */
static int never_read;
static const int folded = 12;

static inline __attribute__((always_inline)) void set_level(int level)
{
	tuning.level = 3 * level ^ 5; /* LINE:set_level */
	BARRIER();
}

static inline __attribute__((always_inline)) void tune(int level)
{
	set_level(level + folded);
	tuning.gain = level; /* LINE:gain */
	BARRIER();
}

NOINLINE static void outer(int rounds)
{
	for (int i = 1; i <= rounds; i++)
		tune(i);
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	int n = (int)tracee_number(&tracee, 0, 50);

	never_read = n;
	outer(n);
	printf("stores %d\nlevel %d\ngain %d\n", n, tuning.level, tuning.gain);
	return tracee_end(&tracee);
}
