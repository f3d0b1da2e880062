// SPDX-License-Identifier: MIT
/* Single stores that straddle two pages, in every size that does. */
#include <immintrin.h>

#include "tracee.h"

unsigned char PAGE_ALIGNED area[2 * PAGE_SIZE];
typedef unsigned char edge_t[64];

/* The 64 bytes around the edge of the pages: what a test watches, as `area[4064]@64`. */
#define edge (*(edge_t *)(area + PAGE_SIZE - 32))
#define AT(before) (area + PAGE_SIZE - (before))

static void store_word(void *to, uint64_t value)
{
	memcpy(to, &value, sizeof(value));
}

NOINLINE static void scalar_stores(void)
{
	uint64_t one = 1;

	EXPECT(edge, *(volatile uint16_t *)AT(1) = 0x1122);
	EXPECT(edge, *(volatile uint32_t *)AT(3) = 0x33445566);
	EXPECT(edge, *(volatile uint64_t *)AT(5) = 0x0102030405060708);
	EXPECT(edge, *(volatile uint64_t *)AT(1) = 0x1112131415161718);
	EXPECT(edge, *(volatile uint64_t *)AT(4) += 0x100000001);
	EXPECT(edge, __asm__ volatile("xaddq %0, %1" : "+r"(one), "+m"(*(uint64_t *)AT(6))));
	/* Up to the edge and from the edge on: no straddling, both pages guarded. */
	EXPECT_INLINE(edge, store_word(AT(8), 0xaaaaaaaaaaaaaaaa));
	EXPECT_INLINE(edge, store_word(AT(0), 0xbbbbbbbbbbbbbbbb));
}

NOINLINE static void sse_stores(void)
{
	EXPECT_INLINE(edge, _mm_storeu_si128((__m128i *)AT(7), _mm_set1_epi8(0x5a)));
	EXPECT_INLINE(edge, _mm_storeu_si128((__m128i *)AT(15), _mm_set1_epi8(0x5b)));
}

__attribute__((target("avx2"))) static void store_masked(void *to)
{
	__m256i mask = _mm256_set_epi32(0, -1, 0, -1, -1, 0, 0, -1);

	_mm256_maskstore_epi32(to, mask, _mm256_set1_epi8(0x6b));
}

__attribute__((target("avx2"))) NOINLINE static void avx_stores(void)
{
	EXPECT_INLINE(edge, _mm256_storeu_si256((__m256i *)AT(9), _mm256_set1_epi8(0x6a)));
	EXPECT_INLINE(edge, store_masked(AT(16)));
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	scalar_stores();
	sse_stores();
	if (__builtin_cpu_supports("avx2"))
		avx_stores();
	printf("hash %016" PRIx64 "\n", tracee_hash(area, sizeof(area)));
	return tracee_end(&tracee);
}
