// SPDX-License-Identifier: MIT
/*
 * `mixed [T] [N]`: T threads make N stores each, of all kinds in turn, to four pages they share,
 * while two more read() into the same pages until the others are done. Every store changes its
 * bytes, but for one kind that stores the same value again, and a cmpxchg that comes too late;
 * each thread counts what it does.
 */
#include <emmintrin.h>
#include <pthread.h>

#include "tracee.h"

#define MAX_THREADS 16
#define READERS 2
#define READ_SIZE 24
#define REP_SIZE 64
#define SHARED_PAGES 4

/** What one thread writes; each has one on every page, side by side with the others'. */
struct lane {
	uint8_t byte;
	uint16_t word;
	uint32_t dword;
	uint64_t qword;
	uint64_t silent;
	uint64_t swapped;
	__m128i vector;
	uint8_t filled[REP_SIZE];
};

struct page {
	/** All threads count here: lock inc, lock xadd, cmpxchg. */
	uint64_t added;
	uint64_t fetched;
	uint64_t compared;
	struct lane lanes[MAX_THREADS];
	uint8_t read[READERS][READ_SIZE];
} PAGE_ALIGNED;

struct page pages[SHARED_PAGES];

_Static_assert(sizeof(struct page) == PAGE_SIZE, "a lane's page is one page");

enum kind {
	PLAIN8,
	PLAIN16,
	PLAIN32,
	PLAIN64,
	SILENT,
	VECTOR,
	REP,
	EXCHANGE,
	LOCK_INC,
	LOCK_XADD,
	COMPARE,
	KINDS,
};

static const char *const names[KINDS] = {
	"plain8", "plain16", "plain32",  "plain64",   "silent",  "vector",
	"rep",    "xchg",    "lock_inc", "lock_xadd", "cmpxchg",
};

/** Each thread's own counts, far from what is watched. */
struct counts {
	unsigned long done[KINDS];
	/** Attempts of cmpxchg that found another value, and stored it again. */
	unsigned long refused;
	/** An exchange that returned what nobody had stored. */
	unsigned long wrong;
};

struct worker {
	unsigned index;
	pthread_t thread;
	struct counts counts;
};

static struct worker workers[MAX_THREADS];
struct reader {
	unsigned index;
	pthread_t thread;
	unsigned long reads;
	unsigned long failed;
};

static struct reader readers[READERS];
static pthread_barrier_t barrier;
static unsigned long n;
static _Atomic bool finished;

static void increment_by_compare(uint64_t *counter, struct counts *counts)
{
	uint64_t seen = *(volatile uint64_t *)counter, next;
	bool equal;

	do {
		next = seen + 1;
		__asm__ volatile("lock cmpxchgq %3, %1" /* LINE:cmpxchg */
				 : "=@ccz"(equal), "+m"(*counter), "+a"(seen)
				 : "r"(next)
				 : "memory");
		counts->refused += !equal;
	} while (!equal);
}

static void fill(uint8_t *bytes, uint8_t value)
{
	size_t count = REP_SIZE;

	__asm__ volatile("rep stosb" /* LINE:rep */
			 : "+D"(bytes), "+c"(count)
			 : "a"(value)
			 : "memory");
}

#define STORE(insn, place, value) __asm__ volatile(insn " %1, %0" : "=m"(place) : value)
#define LOCKED(insn, place, value) __asm__ volatile(insn " %0, %1" : "+r"(value), "+m"(place))

NOINLINE static void store(struct worker *worker, enum kind kind, unsigned long i)
{
	struct page *page = &pages[i % SHARED_PAGES];
	struct lane *lane = &page->lanes[worker->index];
	uint64_t value = i + 1, one = 1;

	switch (kind) {
	case PLAIN8:
		lane->byte++; /* LINE:plain8 */
		break;
	case PLAIN16:
		lane->word++; /* LINE:plain16 */
		break;
	case PLAIN32:
		STORE("movl", lane->dword, "r"((uint32_t)value)); /* LINE:plain32 */
		break;
	case PLAIN64:
		STORE("movq", lane->qword, "r"(value)); /* LINE:plain64 */
		break;
	case SILENT:
		STORE("movq", lane->silent, "r"(UINT64_C(0))); /* LINE:silent */
		break;
	case VECTOR:
		STORE("movdqa", lane->vector, "x"(_mm_set1_epi64x((long)value))); /* LINE:vector */
		break;
	case REP:
		fill(lane->filled, (uint8_t)(value / SHARED_PAGES + 1));
		break;
	case EXCHANGE:
		LOCKED("xchgq", lane->swapped, value); /* LINE:xchg */
		worker->counts.wrong += value > i;
		break;
	case LOCK_INC:
		__asm__ volatile("lock incq %0" : "+m"(page->added)); /* LINE:lock_inc */
		break;
	case LOCK_XADD:
		LOCKED("lock xaddq", page->fetched, one); /* LINE:lock_xadd */
		break;
	default:
		increment_by_compare(&page->compared, &worker->counts);
	}
	worker->counts.done[kind]++;
	BARRIER();
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	pthread_barrier_wait(&barrier);
	for (unsigned long i = 0; i < n; i++)
		store(worker, (enum kind)(i % KINDS), i);
	return NULL;
}

/* What is read is different each time, and must be there after the call. */
static void read_once(struct reader *reader, const int fds[2])
{
	uint8_t *to = pages[reader->reads % SHARED_PAGES].read[reader->index];
	uint8_t bytes[READ_SIZE];

	memset(bytes, (int)(reader->reads / SHARED_PAGES % 255 + 1), sizeof(bytes));
	reader->failed += write(fds[1], bytes, sizeof(bytes)) != sizeof(bytes);
	reader->failed += read(fds[0], to, sizeof(bytes)) != sizeof(bytes);
	reader->failed += memcmp(to, bytes, sizeof(bytes)) != 0;
	reader->reads++;
}

static void *read_on(void *arg)
{
	struct reader *reader = arg;
	int fds[2];

	if (pipe(fds))
		abort();
	pthread_barrier_wait(&barrier);
	do
		read_once(reader, fds);
	while (!finished);
	return NULL;
}

static unsigned long sum_of(enum kind kind, unsigned long threads)
{
	unsigned long sum = 0;

	for (unsigned long i = 0; i < threads; i++)
		sum += workers[i].counts.done[kind];
	return sum;
}

/** How many of the stores 0 to n - 1 are of a kind and go to a page. */
static unsigned long stores_of(enum kind kind, unsigned page)
{
	unsigned long count = 0;

	for (unsigned long i = kind; i < n; i += KINDS)
		count += i % SHARED_PAGES == page;
	return count;
}

/** The last such one, counted from 1; 0 if there is none. */
static uint64_t last_of(enum kind kind, unsigned page)
{
	uint64_t last = 0;

	for (unsigned long i = kind; i < n; i += KINDS)
		if (i % SHARED_PAGES == page)
			last = i + 1;
	return last;
}

static bool is_filled(const uint8_t *bytes, uint64_t last)
{
	uint8_t value = last ? (uint8_t)(last / SHARED_PAGES + 1) : 0;

	for (size_t i = 0; i < REP_SIZE; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static bool lane_is_right(const struct lane *lane, unsigned page)
{
	uint64_t vector = (uint64_t)_mm_cvtsi128_si64(lane->vector);

	return lane->byte == (uint8_t)stores_of(PLAIN8, page) &&
	       lane->word == (uint16_t)stores_of(PLAIN16, page) &&
	       lane->dword == (uint32_t)last_of(PLAIN32, page) &&
	       lane->qword == last_of(PLAIN64, page) && !lane->silent &&
	       lane->swapped == last_of(EXCHANGE, page) && vector == last_of(VECTOR, page) &&
	       is_filled(lane->filled, last_of(REP, page));
}

static bool all_is_right(unsigned long threads)
{
	bool right = true;

	for (unsigned p = 0; p < SHARED_PAGES; p++) {
		right &= pages[p].added == threads * stores_of(LOCK_INC, p);
		right &= pages[p].fetched == threads * stores_of(LOCK_XADD, p);
		right &= pages[p].compared == threads * stores_of(COMPARE, p);
		for (unsigned long t = 0; t < threads; t++)
			right &= lane_is_right(&pages[p].lanes[t], p);
	}
	for (unsigned long t = 0; t < threads; t++)
		right &= !workers[t].counts.wrong;
	return right;
}

static void run(unsigned long threads)
{
	pthread_barrier_init(&barrier, NULL, (unsigned)threads + READERS);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i].index = i;
		pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
	}
	for (unsigned i = 0; i < threads; i++) {
		workers[i].index = i;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	finished = true;
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);
	unsigned long threads = tracee_number(&tracee, 0, 8), refused = 0;

	n = tracee_number(&tracee, 1, 2000);
	threads = threads > MAX_THREADS ? MAX_THREADS : threads;
	run(threads);
	for (enum kind kind = 0; kind < KINDS; kind++)
		printf("%s %lu\n", names[kind], sum_of(kind, threads));
	for (unsigned long i = 0; i < threads; i++)
		refused += workers[i].counts.refused;
	printf("refused %lu\nread %lu\nmisread %lu\n", refused, readers[0].reads + readers[1].reads,
	       readers[0].failed + readers[1].failed);
	printf("correct %d\nhash %016" PRIx64 "\n", all_is_right(threads),
	       tracee_hash(pages, sizeof(pages)));
	return tracee_end(&tracee);
}
