// SPDX-License-Identifier: MIT
/*
 * The program that every tool of the benchmark watches: `target [THREADS]`. It measures itself and
 * is its own oracle: for each line `KIND N` it reads it does N times what KIND says, on all threads
 * together, checks that memory holds what it must, and prints
 * `done NANOSECONDS STORES BYTES DAMAGED`.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define NOINLINE __attribute__((noinline))
#define BARRIER() __asm__ volatile("" ::: "memory")
#define MOST_THREADS 64
#define BUFFER_SIZE (1ul << 20)
#define NUMBERS 32768ul
/* Stays in the first cache, where it does not matter which pages it was given. */
#define WORK_WORDS 2048ul

typedef uint64_t vector __attribute__((vector_size(16)));

/* Alone on its page but for the neighbour, which nobody watches. */
struct page {
	union {
		uint64_t watched;
		vector lanes;
	};
	uint64_t padding[30];
	uint64_t neighbour;
};

struct page PAGE_ALIGNED page;
unsigned char PAGE_ALIGNED buffer[BUFFER_SIZE];
static uint64_t PAGE_ALIGNED elsewhere[WORK_WORDS];
static int numbers;

/* Each returns whether memory holds what it must afterwards. */

NOINLINE static bool store(unsigned long n)
{
	uint64_t before = page.watched;

	for (unsigned long i = 0; i < n; i++) {
		page.watched++;
		BARRIER();
	}
	return page.watched == before + n;
}

/* With a store that nobody watches between two of them, behind which memwatch doesn't look ahead.
 */
NOINLINE static bool store_apart(unsigned long n)
{
	uint64_t before = page.watched;

	for (unsigned long i = 0; i < n; i++) {
		page.watched++;
		BARRIER();
		elsewhere[i % WORK_WORDS] = i;
		BARRIER();
	}
	return page.watched == before + n;
}

/* The only one that several threads may do at once. */
NOINLINE static bool lock(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		__asm__ volatile("lock incq %0" : "+m"(page.watched)::"memory");
	return true;
}

NOINLINE static bool store_vector(unsigned long n)
{
	vector value = page.lanes;
	vector before = value;

	for (unsigned long i = 0; i < n; i++) {
		value += 1;
		page.lanes = value;
		BARRIER();
	}
	return page.lanes[0] == before[0] + n && page.lanes[1] == before[1] + n;
}

static bool buffer_is(unsigned char value)
{
	return buffer[0] == value && memcmp(buffer, buffer + 1, BUFFER_SIZE - 1) == 0;
}

/* As libc does it: with whatever instruction it prefers here. */
NOINLINE static bool set(unsigned long n)
{
	unsigned char value = buffer[0];

	for (unsigned long i = 0; i < n; i++) {
		memset(buffer, ++value, BUFFER_SIZE);
		BARRIER();
	}
	return buffer_is(value);
}

NOINLINE static bool repeat(unsigned long n)
{
	unsigned char value = buffer[0];

	for (unsigned long i = 0; i < n; i++) {
		void *to = buffer;
		size_t size = BUFFER_SIZE;

		value++;
		__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	}
	return buffer_is(value);
}

/* The file's words count up, so each call changes what is watched. */
NOINLINE static bool call(unsigned long n)
{
	bool fine = true;

	for (unsigned long i = 0; i < n; i++) {
		uint64_t next = (page.watched + 1) % NUMBERS;

		fine &= pread(numbers, &page.watched, sizeof(next), (off_t)(next * sizeof(next))) ==
				sizeof(next) &&
			page.watched == next;
	}
	return fine;
}

NOINLINE static bool store_beside(unsigned long n)
{
	uint64_t before = page.neighbour;

	for (unsigned long i = 0; i < n; i++) {
		page.neighbour++;
		BARRIER();
	}
	return page.neighbour == before + n;
}

/* A program that minds its own business, on pages that nobody watches. */
NOINLINE static bool work(unsigned long n)
{
	uint64_t state = n | 1;

	for (unsigned long i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		elsewhere[(state >> 33) % WORK_WORDS] += state;
	}
	return true;
}

NOINLINE static bool call_elsewhere(unsigned long n)
{
	uint64_t word;
	bool fine = true;

	for (unsigned long i = 0; i < n; i++)
		fine &= pread(numbers, &word, sizeof(word), 0) == sizeof(word);
	return fine;
}

struct kind {
	const char *name;
	bool (*run)(unsigned long n);
	/** Bytes of watched memory that one turn writes. */
	size_t bytes;
};

static const struct kind kinds[] = {
	{"store", store, sizeof(page.watched)},
	{"apart", store_apart, sizeof(page.watched)},
	{"lock", lock, sizeof(page.watched)},
	{"vector", store_vector, sizeof(page.lanes)},
	{"memset", set, BUFFER_SIZE},
	{"rep", repeat, BUFFER_SIZE},
	{"read", call, sizeof(page.watched)},
	{"beside", store_beside, 0},
	{"work", work, 0},
	{"calls", call_elsewhere, 0},
};

/* What the threads do next; all of them meet at `start` and at `end`. */
struct team {
	unsigned size;
	pthread_barrier_t start, end;
	const struct kind *kind;
	unsigned long share;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *member(void *argument)
{
	struct team *team = argument;

	for (;;) {
		pthread_barrier_wait(&team->start);
		team->kind->run(team->share);
		pthread_barrier_wait(&team->end);
	}
	return NULL;
}

static void team_init(struct team *team, unsigned size)
{
	pthread_t thread;

	team->size = size;
	pthread_barrier_init(&team->start, NULL, size + 1);
	pthread_barrier_init(&team->end, NULL, size + 1);
	for (unsigned i = 0; size > 1 && i < size; i++)
		if (pthread_create(&thread, NULL, member, team))
			exit(1);
}

/* Splits the turns between the threads, and checks their sum. */
static bool run_as_team(struct team *team, const struct kind *kind, unsigned long n)
{
	uint64_t before = page.watched;

	team->kind = kind;
	team->share = n / team->size;
	pthread_barrier_wait(&team->start);
	pthread_barrier_wait(&team->end);
	return page.watched == before + team->share * team->size;
}

static void measure(struct team *team, const struct kind *kind, unsigned long n)
{
	uint64_t start = now_ns();
	bool fine = team->size > 1 ? run_as_team(team, kind, n) : kind->run(n);
	uint64_t took = now_ns() - start;

	n -= n % team->size;
	printf("done %" PRIu64 " %lu %lu %d\n", took, kind->bytes ? n : 0, kind->bytes * n, !fine);
	fflush(stdout);
}

static const struct kind *find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static bool make_numbers(void)
{
	bool fine;

	numbers = memfd_create("numbers", MFD_CLOEXEC);
	fine = numbers >= 0;
	for (uint64_t i = 0; i < NUMBERS; i++)
		fine = fine && write(numbers, &i, sizeof(i)) == sizeof(i);
	return fine;
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
	static struct team team;
	const struct kind *kind;
	char name[16];
	unsigned long n;

	if (threads < 1 || threads > MOST_THREADS || !make_numbers())
		return 1;
	memset(buffer, 1, sizeof(buffer));
	team_init(&team, threads);
	printf("address %p %p\n", (void *)&page.watched, (void *)buffer);
	fflush(stdout);
	while (scanf("%15s %lu", name, &n) == 2 && (kind = find(name)))
		measure(&team, kind, n);
	return 0;
}
