// SPDX-License-Identifier: MIT
/* The other half of ambiguous.c. */
static long state;
void ambiguous_write_other(long value);

void ambiguous_write_other(long value)
{
	state = value; /* LINE:other */
	__asm__ volatile("" ::: "memory");
}
