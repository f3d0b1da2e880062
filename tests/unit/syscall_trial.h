// SPDX-License-Identifier: MIT
/**
 * Runs a system call twice in this process: as it is, and as the tracer does it, with its buffers
 * redirected and their home write-protected. Both must leave the same memory and result.
 */
#ifndef MW_TESTS_SYSCALL_TRIAL_H
#define MW_TESTS_SYSCALL_TRIAL_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "tracer/syscall_buffers.h"

/* Holds all that a call writes, at the same address in both runs. */
#define TRIAL_BYTES (16 * 4096)
/* What buffers hold before the call: at home, and in a copy that nobody should look at. */
#define TRIAL_HOME 0xa5
#define TRIAL_AWAY 0x5a

enum trial_flags {
	/** Two calls don't give the same bytes: only check which bytes change. */
	TRIAL_VOLATILE = 1,
	/** The kernel leaves gaps in what it writes, so each copy starts as its home. */
	TRIAL_GAPS = 2,
};

struct trial_case;

struct trial {
	const struct trial_case *one;
	unsigned char *arena;
	unsigned char *copies;
	size_t used;
	int fds[4];
	pid_t child;
	int64_t number;
	uint64_t args[6];
	int64_t result;
	/** Sum of what all buffers had written, in the redirected run. */
	uint64_t written;
	struct mw_syscall_buffers buffers;
	mw_addr redirected[MW_SYSCALL_BUFFERS_MAX];
};

/** One call: sets the world and the arguments up, and cleans the world up. */
struct trial_case {
	const char *name;
	void (*prepare)(struct trial *trial);
	void (*finish)(struct trial *trial);
	unsigned flags;
	/** Bytes written in all buffers; -1: not checked. */
	int64_t written;
	/** For `prepare`. */
	const void *data;
};

#define TRIAL_CASE(name_, prepare_, finish_, flags_, written_)                                     \
	{                                                                                          \
		.name = (name_), .prepare = (prepare_), .finish = (finish_), .flags = (flags_),    \
		.written = (int64_t)(written_)                                                     \
	}

static inline struct mw_error *trial_read(void *arg, mw_addr addr, void *ret, size_t size)
{
	struct iovec local = {ret, size};
	struct iovec remote = {(void *)(uintptr_t)addr.v, size};

	(void)arg;
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size)
		return NULL;
	return mw_error_fault(addr, "unreadable");
}

static const struct mw_mem_reader trial_memory = {trial_read, NULL};

/** Takes @size bytes of the arena, apart from the others and aligned. */
static inline void *trial_take(struct trial *trial, size_t size)
{
	void *taken = trial->arena + trial->used;

	trial->used += (size + 64 + 15) / 16 * 16;
	assert_true(trial->used <= TRIAL_BYTES);
	return taken;
}

/** Takes room for an object that the call reads. */
#define trial_put(trial, ...)                                                                      \
	({                                                                                         \
		__typeof__(__VA_ARGS__) *put_ = trial_take(trial, sizeof(__VA_ARGS__));            \
		*put_ = (__VA_ARGS__);                                                             \
		put_;                                                                              \
	})

#define trial_call(trial, number_, ...)                                                            \
	do {                                                                                       \
		const uint64_t args_[6] = {__VA_ARGS__};                                           \
		(trial)->number = (number_);                                                       \
		memcpy((trial)->args, args_, sizeof(args_));                                       \
	} while (0)

#define trial_pointer(pointer) ((uint64_t)(uintptr_t)(pointer))

static inline void trial_begin(struct trial *trial, const struct trial_case *one)
{
	memset(trial->arena, TRIAL_HOME, TRIAL_BYTES);
	trial->one = one;
	trial->used = 0;
	memset(trial->args, 0, sizeof(trial->args));
	for (unsigned i = 0; i < 4; i++)
		trial->fds[i] = -1;
	one->prepare(trial);
}

static inline void trial_end(struct trial *trial, const struct trial_case *one)
{
	if (one->finish)
		one->finish(trial);
	for (unsigned i = 0; i < 4; i++)
		if (trial->fds[i] >= 0)
			close(trial->fds[i]);
}

static inline int64_t trial_syscall(const struct trial *trial)
{
	const uint64_t *args = trial->args;
	long result;

	errno = 0;
	result = syscall(trial->number, args[0], args[1], args[2], args[3], args[4], args[5]);
	return result == -1 && errno ? -errno : result;
}

/** Where @slot stands now: in the copy of the buffer that holds it, if one does. */
static inline uint64_t *trial_slot(struct trial *trial, unsigned before, mw_addr slot)
{
	for (unsigned i = 0; i < before; i++) {
		struct mw_range range = trial->buffers.items[i].range;

		if (mw_range_contains(range, slot))
			slot.v = slot.v - range.start.v + trial->redirected[i].v;
	}
	return (uint64_t *)(uintptr_t)slot.v;
}

static inline void trial_point(struct trial *trial, unsigned index, mw_addr to)
{
	const struct mw_syscall_buffer *buffer = &trial->buffers.items[index];

	if (buffer->pointer == MW_POINTER_ARGUMENT)
		trial->args[buffer->index] = to.v;
	else
		*trial_slot(trial, index, buffer->slot) = to.v;
}

static inline void trial_redirect(struct trial *trial, bool gaps)
{
	unsigned char *copy = trial->copies;

	memset(trial->copies, TRIAL_AWAY, TRIAL_BYTES);
	for (unsigned i = 0; i < trial->buffers.count; i++) {
		const struct mw_syscall_buffer *buffer = &trial->buffers.items[i];
		void *home = (void *)(uintptr_t)buffer->range.start.v;

		assert_false(buffer->keeps);
		assert_true(copy + buffer->range.size <= trial->copies + TRIAL_BYTES);
		if (buffer->reads || gaps)
			memcpy(copy, home, buffer->range.size);
		trial->redirected[i] = mw_addr_make(trial_pointer(copy));
		copy += (buffer->range.size + 15) / 16 * 16;
	}
	for (unsigned i = 0; i < trial->buffers.count; i++)
		trial_point(trial, i, trial->redirected[i]);
}

static inline void trial_bring_home(struct trial *trial)
{
	trial->written = 0;
	for (unsigned i = trial->buffers.count; i-- > 0;) {
		struct mw_range range = trial->buffers.items[i].range;
		uint64_t written = mw_syscall_buffers_written(trial->number, trial->args,
							      trial->result, &trial->buffers, i,
							      trial->redirected, &trial_memory);

		assert_true(written <= range.size);
		trial_point(trial, i, range.start);
		memcpy((void *)(uintptr_t)range.start.v, (void *)(uintptr_t)trial->redirected[i].v,
		       written);
		trial->written += written;
	}
}

/** True when byte @at of the arena is in what the last redirected call wrote. */
static inline bool trial_may_change(const struct trial *trial, size_t at)
{
	mw_addr addr = mw_addr_make(trial_pointer(trial->arena + at));

	for (unsigned i = 0; i < trial->buffers.count; i++)
		if (mw_range_contains(trial->buffers.items[i].range, addr))
			return true;
	return false;
}

static inline void trial_run_redirected(struct trial *trial, const struct trial_case *one)
{
	mw_syscall_buffers_list(trial->number, trial->args, &trial_memory, &trial->buffers);
	assert_false(trial->buffers.cut);
	trial_redirect(trial, one->flags & TRIAL_GAPS);
	assert_int_equal(mprotect(trial->arena, TRIAL_BYTES, PROT_READ), 0);
	trial->result = trial_syscall(trial);
	assert_int_equal(mprotect(trial->arena, TRIAL_BYTES, PROT_READ | PROT_WRITE), 0);
	trial_bring_home(trial);
}

static inline void trial_compare(const struct trial *trial, const unsigned char *before,
				 const unsigned char *plain, unsigned flags)
{
	for (size_t i = 0; i < TRIAL_BYTES; i++) {
		bool same = trial->arena[i] == plain[i];

		if (flags & TRIAL_VOLATILE)
			same = plain[i] == before[i] || trial_may_change(trial, i);
		if (!same)
			fail_msg("byte %zu: %02x before, %02x plain, %02x redirected", i, before[i],
				 plain[i], trial->arena[i]);
	}
}

/** The cmocka test: @state points to the case. */
static inline void trial_test(void **state)
{
	static unsigned char before[TRIAL_BYTES], plain[TRIAL_BYTES];
	static struct trial trial;
	const struct trial_case *one = *state;
	const int prot = PROT_READ | PROT_WRITE;
	int64_t plain_result;

	trial.arena = mmap(NULL, TRIAL_BYTES, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	trial.copies = mmap(NULL, TRIAL_BYTES, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	trial_begin(&trial, one);
	memcpy(before, trial.arena, TRIAL_BYTES);
	plain_result = trial.result = trial_syscall(&trial);
	memcpy(plain, trial.arena, TRIAL_BYTES);
	trial_end(&trial, one);

	trial_begin(&trial, one);
	trial_run_redirected(&trial, one);
	trial_end(&trial, one);
	if (!(one->flags & TRIAL_VOLATILE))
		assert_int_equal(trial.result, plain_result);
	else
		assert_int_equal(trial.result < 0, plain_result < 0);
	trial_compare(&trial, before, plain, one->flags);
	if (one->written >= 0)
		assert_int_equal(trial.written, one->written);
	munmap(trial.arena, TRIAL_BYTES);
	munmap(trial.copies, TRIAL_BYTES);
}

/** Runs all cases, each a test of its own. */
static inline int trial_run_all(const char *group, const struct trial_case *cases, size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	char(*names)[100] = calloc(count, sizeof(*names));
	int failed;

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "%s_leaves_the_same_memory_when_redirected",
			 cases[i].name);
		tests[i].name = names[i];
		tests[i].test_func = trial_test;
		tests[i].initial_state = (void *)(uintptr_t)&cases[i];
	}
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(names);
	free(tests);
	return failed;
}

#endif
