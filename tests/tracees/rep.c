// SPDX-License-Identifier: MIT
/*
 * Block writes into an array over three pages: libc's and the bare string instructions, forwards,
 * backwards and overlapping. The oracle is the hash of what stands there in the end, and the
 * pieces (one for each page) that the bare instructions must give.
 */
#include "tracee.h"

unsigned char PAGE_ALIGNED area[3 * PAGE_SIZE];
/* Two pages of their own, so that `pieces` counts only the bare instructions. */
unsigned char PAGE_ALIGNED block[2 * PAGE_SIZE];
static unsigned char PAGE_ALIGNED source[2 * PAGE_SIZE];

NOINLINE static void rep_stosb(void *to, unsigned char value, size_t count)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}

NOINLINE static void rep_movsq(void *to, const void *from, size_t words)
{
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

NOINLINE static void rep_movsb_backwards(void *to, const void *from, size_t count)
{
	unsigned char *last_to = (unsigned char *)to + count - 1;
	const unsigned char *last_from = (const unsigned char *)from + count - 1;

	__asm__ volatile("std\n\trep movsb\n\tcld"
			 : "+D"(last_to), "+S"(last_from), "+c"(count)
			 :
			 : "memory", "cc");
}

static void libc_blocks(void)
{
	memset(area + 100, 0x11, 5000);
	memcpy(area + 4000, source, 300);
	memmove(area + 4010, area + 4000, 300);
	memmove(area + 8150, area + 4950, 150);
	memset(area + 1, 0x22, 7);
	strcpy((char *)area + PAGE_SIZE - 3, "straddles the page");
}

static void bare_blocks(void)
{
	rep_stosb(block + 96, 0x33, 200);
	rep_stosb(block + PAGE_SIZE - 100, 0x44, 200);
	rep_movsq(block + PAGE_SIZE - 64, source, 16);
	rep_movsb_backwards(block + PAGE_SIZE - 50, source + 1000, 100);
	rep_stosb(block + 8, 0x55, 0);
	/* An element that straddles the pages. */
	rep_movsq(block + PAGE_SIZE - 12, source + 256, 3);
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (unsigned char)(i * 37 + 5);
	libc_blocks();
	bare_blocks();
	printf("area %016" PRIx64 "\nblock %016" PRIx64 "\n", tracee_hash(area, sizeof(area)),
	       tracee_hash(block, sizeof(block)));
	printf("strip %016" PRIx64 "\n", tracee_hash(area + 2048, PAGE_SIZE));
	printf("middle ");
	tracee_print_hex(block + 2048, PAGE_SIZE);
	printf("\n");
	return tracee_end(&tracee);
}
