// SPDX-License-Identifier: MIT
/*
 * Stores to slots of a larger region, in no order: `region [STORES] [THREADS] [KIND]`. KIND says
 * what memory it is: bss (default), data, heap, shared, file or stack; with `read` the kernel
 * stores there, a `pause` follows each store, `forever` goes on until there is a line. Prints where
 * the region is before it waits, and what stands in it at the end.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "tracee.h"

#define REGION_SIZE (256u << 10)
/* Slots don't touch each other: what is stored in one is never one run with the next. */
#define STRIDE 64u
#define SLOTS (REGION_SIZE / STRIDE)
#define THREADS_MAX 8

char PAGE_ALIGNED zeroed[REGION_SIZE];
char PAGE_ALIGNED initialized[REGION_SIZE] = {1};
/* Where the region is, whatever its kind. */
char *region;

struct writer {
	pthread_t thread;
	unsigned long stores;
	unsigned number;
	unsigned writers;
	bool pauses;
};

static uint64_t *slot(unsigned index)
{
	return (uint64_t *)(region + (size_t)index * STRIDE);
}

/* Each thread has slots of its own, so that the last value of each is known. */
NOINLINE static void *write_slots(void *arg)
{
	const struct writer *writer = arg;
	const struct timespec pause = {0, 200000};
	uint64_t state = writer->number + 1;

	for (unsigned long i = 0; i < writer->stores; i++) {
		unsigned index;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		index = (unsigned)(state >> 33) % (SLOTS / writer->writers);
		*slot(index * writer->writers + writer->number) = state; /* LINE:store */
		BARRIER();
		if (writer->pauses)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

/* The kernel stores: pieces of zeros into slots that are not zero. */
static void read_slots(unsigned long stores)
{
	int zero = open("/dev/zero", O_RDONLY);

	for (unsigned long i = 0; i < stores; i++) {
		*slot(0) = i + 1;
		if (read(zero, slot((unsigned)i % (SLOTS - 1)), sizeof(uint64_t)) < 0)
			abort();
	}
	close(zero);
}

static void *map(int flags, int fd)
{
	void *memory = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static void *map_file(void)
{
	char path[] = "/tmp/memwatch-region-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	if (fd < 0 || ftruncate(fd, REGION_SIZE) < 0)
		abort();
	return map(MAP_PRIVATE, fd);
}

static char *find_memory(const char *kind)
{
	if (!strcmp(kind, "data"))
		return initialized;
	if (!strcmp(kind, "heap"))
		return map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!strcmp(kind, "shared"))
		return map(MAP_SHARED | MAP_ANONYMOUS, -1);
	if (!strcmp(kind, "file"))
		return map_file();
	return zeroed;
}

static void write_all(unsigned long stores, unsigned writers, bool pauses)
{
	struct writer all[THREADS_MAX];

	for (unsigned i = 0; i < writers; i++) {
		all[i] = (struct writer){
			.stores = stores, .number = i, .writers = writers, .pauses = pauses};
		pthread_create(&all[i].thread, NULL, write_slots, &all[i]);
	}
	for (unsigned i = 0; i < writers; i++)
		pthread_join(all[i].thread, NULL);
}

static void print_result(unsigned long stores)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		sum += *slot(i) * (i + 1);
	printf("stores %lu\nsum %" PRIu64 "\n", stores, sum);
}

static void write_forever(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	printf("running 1\n");
	fflush(stdout);
	do {
		++*slot(0);
		BARRIER();
	} while (poll(&input, 1, 0) <= 0);
}

int main(int argc, char **argv)
{
	_Alignas(PAGE_SIZE) char on_stack[REGION_SIZE] = {0};
	unsigned long stores, threads;
	struct tracee tracee;
	const char *kind = "";

	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '=') && !strtoul(argv[i], NULL, 0))
			kind = strcmp(argv[i], "wait") ? argv[i] : kind;
	region = strcmp(kind, "stack") ? find_memory(kind) : on_stack;
	printf("address %p\n", (void *)region);
	tracee = tracee_begin(argc, argv);
	stores = tracee_number(&tracee, 0, 1000);
	threads = tracee_number(&tracee, 1, 1);
	if (!strcmp(kind, "forever"))
		write_forever();
	else if (!strcmp(kind, "read"))
		read_slots(stores);
	else
		write_all(stores, (unsigned)threads, !strcmp(kind, "pause"));
	print_result(stores * threads);
	return tracee_end(&tracee);
}
