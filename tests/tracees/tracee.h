// SPDX-License-Identifier: MIT
/**
 * What every tracee shares. A tracee prints `key value…` lines: its own oracle, which a test
 * compares with what memwatch reported. Nothing depends on time: with the word `wait` a tracee
 * prints `ready` and goes on when it reads a line, with `hold` it waits for one more at its end,
 * with `out=FILE` it prints there, apart from what memwatch prints.
 */
#ifndef TRACEE_H
#define TRACEE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACEE_UNUSED __attribute__((unused))
#define NOINLINE __attribute__((noinline))
#define PAGE_SIZE 4096
#define PAGE_ALIGNED __attribute__((aligned(PAGE_SIZE)))

/** Keeps the compiler from merging, moving or dropping stores. */
#define BARRIER() __asm__ volatile("" ::: "memory")

struct tracee {
	bool wait;
	bool hold;
	/** The first word that is neither a number nor known here; "" without one. */
	const char *mode;
	unsigned long numbers[4];
	int number_count;
};

static inline void tracee_read_line(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

static inline void tracee_print_to(const char *path)
{
	if (!freopen(path, "w", stdout))
		abort();
}

/** Parses the words of the command line, says who this is and waits if asked to. */
TRACEE_UNUSED static struct tracee tracee_begin(int argc, char **argv)
{
	struct tracee tracee;

	memset(&tracee, 0, sizeof(tracee));
	tracee.mode = "";
	for (int i = 1; i < argc; i++) {
		char *end;
		unsigned long number = strtoul(argv[i], &end, 0);

		if (!strcmp(argv[i], "wait"))
			tracee.wait = true;
		else if (!strcmp(argv[i], "hold"))
			tracee.hold = true;
		else if (!strncmp(argv[i], "out=", 4))
			tracee_print_to(argv[i] + 4);
		else if (!*end && tracee.number_count < 4)
			tracee.numbers[tracee.number_count++] = number;
		else
			tracee.mode = argv[i];
	}
	printf("pid %d\n", getpid());
	if (tracee.wait) {
		printf("ready 1\n");
		fflush(stdout);
		tracee_read_line();
	}
	return tracee;
}

TRACEE_UNUSED static unsigned long tracee_number(const struct tracee *tracee, int index,
						 unsigned long otherwise)
{
	return index < tracee->number_count ? tracee->numbers[index] : otherwise;
}

/** The last thing a tracee does. */
TRACEE_UNUSED static int tracee_end(const struct tracee *tracee)
{
	printf("done 1\n");
	fflush(stdout);
	if (tracee->hold)
		tracee_read_line();
	return 0;
}

static inline void tracee_print_hex(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

/**
 * `expect NAME LINE OLD NEW`: one store, with the whole variable before and after, in hex.
 * Line 0: it stands in a function of somebody else that is inlined here.
 */
TRACEE_UNUSED static void tracee_expect(const char *name, int line, const void *before,
					const void *after, size_t size)
{
	printf("expect %s %d ", name, line);
	tracee_print_hex(before, size);
	printf(" ");
	tracee_print_hex(after, size);
	printf("\n");
}

/** Does something to a variable, on one line, and prints what that did to it. */
#define EXPECT(variable, ...) EXPECT_AT(#variable, __LINE__, variable, __VA_ARGS__)
/** The same for what stands in an inline function. */
#define EXPECT_INLINE(variable, ...) EXPECT_AT(#variable, 0, variable, __VA_ARGS__)

#define EXPECT_AT(name, line, variable, ...)                                                       \
	do {                                                                                       \
		__typeof__(variable) before_;                                                      \
                                                                                                   \
		memcpy(&before_, &(variable), sizeof(before_));                                    \
		BARRIER();                                                                         \
		__VA_ARGS__;                                                                       \
		BARRIER();                                                                         \
		tracee_expect(name, line, &before_, &(variable), sizeof(before_));                 \
	} while (0)

/** FNV-1a, for memory too large to print. */
TRACEE_UNUSED static uint64_t tracee_hash(const void *bytes, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
