// SPDX-License-Identifier: MIT
/*
 * `threads [T] [N]`: T threads make N stores each to one page, in turn a plain one, a 16-byte
 * vector one (both to slots of their own) and an atomic increment of a counter they share.
 */
#include <emmintrin.h>
#include <pthread.h>

#include "tracee.h"

#define MAX_THREADS 16

struct page {
	uint64_t shared;
	uint64_t padding;
	uint64_t plain[MAX_THREADS];
	__m128i vector[MAX_THREADS];
};

struct page PAGE_ALIGNED page;
static pthread_barrier_t barrier;
static unsigned long n;

NOINLINE static void store_once(unsigned thread, unsigned long i)
{
	uint64_t one = 1;

	switch (i % 3) {
	case 0:
		page.plain[thread] = i + 1; /* LINE:plain */
		break;
	case 1:
		_mm_store_si128(&page.vector[thread], _mm_set1_epi64x((long long)(i + 1)));
		break;
	default:
		__asm__ volatile("lock xaddq %0, %1"
				 : "+r"(one), "+m"(page.shared)); /* LINE:atomic */
	}
	BARRIER();
}

static void *work(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;

	pthread_barrier_wait(&barrier);
	for (unsigned long i = 0; i < n; i++)
		store_once(thread, i);
	return NULL;
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long t = tracee_number(&tracee, 0, 2);
	pthread_t threads[MAX_THREADS];

	n = tracee_number(&tracee, 1, 2000);
	t = t > MAX_THREADS ? MAX_THREADS : t;
	pthread_barrier_init(&barrier, NULL, (unsigned)t);
	for (unsigned long i = 0; i < t; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (unsigned long i = 0; i < t; i++)
		pthread_join(threads[i], NULL);
	printf("stores %lu\nplain %lu\nvector %lu\natomic %lu\n", t * n, t * ((n + 2) / 3),
	       t * ((n + 1) / 3), t * (n / 3));
	printf("shared %" PRIu64 "\nhash %016" PRIx64 "\n", page.shared,
	       tracee_hash(&page, sizeof(page)));
	return tracee_end(&tracee);
}
