// SPDX-License-Identifier: MIT
/* Vector stores, plain and masked, as far as this processor has them: one `expect` for each. */
#include <immintrin.h>

#include "tracee.h"

typedef unsigned char lanes_t[64];
lanes_t PAGE_ALIGNED lanes;
static lanes_t PAGE_ALIGNED pattern;

/* A new pattern each time, so that no store is silent. */
static void next_pattern(void)
{
	static unsigned char round;

	round++;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i * 3 + round * 29 + 1);
}

#define STORE(...)                                                                                 \
	do {                                                                                       \
		next_pattern();                                                                    \
		EXPECT_INLINE(lanes, __VA_ARGS__);                                                 \
	} while (0)

NOINLINE static void sse_stores(void)
{
	const __m128i *from = (const __m128i *)pattern;
	__m128i mask = _mm_set_epi32(0x00ff00ff, 0, 0x00800000, 0x000000ff);

	STORE(_mm_store_si128((__m128i *)lanes, *from));
	STORE(_mm_storeu_si128((__m128i *)(lanes + 5), *from));
	STORE(_mm_store_ss((float *)(lanes + 20), *(const __m128 *)from));
	STORE(_mm_storel_epi64((__m128i *)(lanes + 24), *from));
	STORE(_mm_storeh_pd((double *)(lanes + 32), *(const __m128d *)from));
	STORE(_mm_stream_si128((__m128i *)(lanes + 48), *from));
	STORE(_mm_maskmoveu_si128(*from, mask, (char *)lanes + 16));
}

__attribute__((target("avx2"))) NOINLINE static void avx_stores(void)
{
	const __m256i *from = (const __m256i *)pattern;
	__m256i mask = _mm256_set_epi32(0, -1, 0, -1, -1, 0, 0, -1);

	STORE(_mm256_store_si256((__m256i *)lanes, *from));
	STORE(_mm256_storeu_si256((__m256i *)(lanes + 9), *from));
	STORE(_mm256_maskstore_epi32((int *)(lanes + 4), mask, *from));
	STORE(_mm_storeu_si128((__m128i *)(lanes + 3), _mm256_extracti128_si256(*from, 1)));
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) NOINLINE static void avx512_stores(void)
{
	const __m512i *from = (const __m512i *)pattern;

	STORE(_mm512_store_si512((__m512i *)lanes, *from));
	STORE(_mm512_mask_storeu_epi8((char *)lanes, 0x8000000000000101ull, *from));
	STORE(_mm256_mask_storeu_epi16((short *)(lanes + 2), 0x00ff, *(const __m256i *)from));
	STORE(_mm512_mask_compressstoreu_epi32((int *)lanes, 0x8421, *from));
	/* Every lane masked off: no store at all, and no event. */
	_mm512_mask_storeu_epi8((char *)lanes, 0, *from);
	BARRIER();
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	sse_stores();
	if (__builtin_cpu_supports("avx2"))
		avx_stores();
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		avx512_stores();
	printf("hash %016" PRIx64 "\n", tracee_hash(lanes, sizeof(lanes)));
	return tracee_end(&tracee);
}
