// SPDX-License-Identifier: MIT
/*
 * The program that every tool of the benchmark watches. It measures itself: for each line
 * `KIND N` it reads it does N times what KIND says and prints `ns TOTAL`.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define NOINLINE __attribute__((noinline))
#define BARRIER() __asm__ volatile("" ::: "memory")

/* Alone on its page but for the neighbour, which nobody watches. */
struct page {
	long watched;
	long padding[31];
	long neighbour;
};

struct page PAGE_ALIGNED page;
static struct page PAGE_ALIGNED elsewhere;

NOINLINE static void write_watched(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		page.watched++;
		BARRIER();
	}
}

NOINLINE static void write_neighbour(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		page.neighbour++;
		BARRIER();
	}
}

NOINLINE static void write_elsewhere(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		elsewhere.watched++;
		BARRIER();
	}
}

static const struct {
	const char *name;
	void (*run)(unsigned long n);
} kinds[] = {
	{"hit", write_watched},
	{"nearby", write_neighbour},
	{"quiet", write_elsewhere},
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void measure(const char *name, unsigned long n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		uint64_t start;

		if (strcmp(kinds[i].name, name))
			continue;
		start = now_ns();
		kinds[i].run(n);
		printf("ns %" PRIu64 "\n", now_ns() - start);
		fflush(stdout);
	}
}

int main(void)
{
	char name[16];
	unsigned long n;

	printf("address %p\n", (void *)&page.watched);
	fflush(stdout);
	while (scanf("%15s %lu", name, &n) == 2)
		measure(name, n);
	return 0;
}
