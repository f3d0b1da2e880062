// SPDX-License-Identifier: MIT
/*
 * What the kernel refuses to memwatch is not to be the target's misfortune: it goes on, and what
 * can't be watched any more is let go. The refusals are made up: see FAILING in tests.mk.
 */
#include "cmocka_wrap.h"

#include <emmintrin.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/procfs.h"
#include "tracer/inject.h"
#include "tracer/sys.h"
#include "tracer/tracer.h"

#define PAGE 4096
#define LONG_NS UINT64_C(1000000000)

struct words {
	volatile uint64_t first;
	uint64_t padding;
	__m128i vector;
	char text[16];
};

/* The child has it at the same address. */
static union {
	struct words words;
	uint8_t bytes[PAGE];
} __attribute__((aligned(PAGE))) page;

/** Which call is refused, and how often from now on. */
enum refusal {
	REFUSE_NOTHING,
	REFUSE_GET_XSTATE,
	REFUSE_SET_XSTATE,
	REFUSE_SIGINFO,
	REFUSE_SYSCALL_OP,
	REFUSE_SCRATCH,
	REFUSE_GET_REGS,
	/** No refusal: threads are said to have a shadow stack. */
	SHADOW_STACKS,
};

static enum refusal refusal;
static unsigned refusals;

static bool refuses(enum refusal what)
{
	if (refusal != what || !refusals)
		return false;
	refusals--;
	return true;
}

/* The linker puts __wrap_ in the place of the function, which __real_ then is. */
#define WRAP(what, name, params, args)                                                             \
	int __real_##name params;                                                                  \
	int __wrap_##name params;                                                                  \
	int __wrap_##name params                                                                   \
	{                                                                                          \
		return refuses(what) ? -EIO : __real_##name args;                                  \
	}

WRAP(REFUSE_GET_XSTATE, mw_sys_get_xstate, (pid_t tid, void *ret, size_t size), (tid, ret, size))
WRAP(REFUSE_SET_XSTATE, mw_sys_set_xstate, (pid_t tid, const void *xstate, size_t size),
     (tid, xstate, size))
WRAP(REFUSE_SIGINFO, mw_sys_get_siginfo, (pid_t tid, siginfo_t *ret), (tid, ret))
WRAP(REFUSE_SYSCALL_OP, mw_sys_get_syscall_op, (pid_t tid), (tid))
WRAP(REFUSE_GET_REGS, mw_sys_get_regs, (pid_t tid, struct user_regs_struct *ret), (tid, ret))

struct mw_error *__real_mw_inject_call(struct mw_injection *injection, int64_t number,
				       const uint64_t args[6], int64_t *ret);
struct mw_error *__wrap_mw_inject_call(struct mw_injection *injection, int64_t number,
				       const uint64_t args[6], int64_t *ret);

struct mw_error *__wrap_mw_inject_call(struct mw_injection *injection, int64_t number,
				       const uint64_t args[6], int64_t *ret)
{
	if (number != SYS_mmap || !refuses(REFUSE_SCRATCH))
		return __real_mw_inject_call(injection, number, args, ret);
	*ret = -ENOMEM;
	return NULL;
}

struct mw_error *__real_mw_proc_status_read(pid_t pid, struct mw_proc_status *ret);
struct mw_error *__wrap_mw_proc_status_read(pid_t pid, struct mw_proc_status *ret);

struct mw_error *__wrap_mw_proc_status_read(pid_t pid, struct mw_proc_status *ret)
{
	struct mw_error *err = __real_mw_proc_status_read(pid, ret);

	if (!err && refusal == SHADOW_STACKS)
		ret->shadow_stack = true;
	return err;
}

/* A call whose return address goes to the end of the page. @return whether it came back. */
static bool call_on_page(void)
{
	uint64_t result = 0;

	__asm__ volatile("xchgq %%rsp, %1\n\t"
			 "call 1f\n\t"
			 "jmp 2f\n"
			 "1:\tmovl $1, %k0\n\t"
			 "ret\n"
			 "2:\txchgq %%rsp, %1"
			 : "+a"(result)
			 : "b"(page.bytes + PAGE)
			 : "memory");
	return result;
}

/* The child: what memwatch makes of its stores must not show in what it finds. */
MW_NORETURN static void store_and_end(int go)
{
	int fds[2];
	bool right = true;
	char byte;

	/* A test that fails leaves nobody behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pipe(fds) || read(go, &byte, 1) != 1)
		_exit(2);
	for (uint64_t i = 1; i <= 50; i++) {
		page.words.first = i;
		_mm_store_si128(&page.words.vector, _mm_set1_epi64x((long long)i));
		right &= write(fds[1], &i, sizeof(i)) == sizeof(i);
		right &= read(fds[0], page.words.text, 16) == sizeof(i);
		right &= page.words.first == i && !memcmp(page.words.text, &i, sizeof(i)) &&
			 (uint64_t)_mm_cvtsi128_si64(page.words.vector) == i;
	}
	_exit(right && call_on_page() ? 0 : 1);
}

struct run {
	int status;
	unsigned hits, lost;
	uint64_t stepped;
	char why[160];
	char notice[160];
};

static void take(struct run *run, const struct mw_record *record)
{
	run->hits += record->kind == MW_RECORD_HIT;
	if (record->kind == MW_RECORD_GUARD_LOST) {
		run->lost++;
		snprintf(run->why, sizeof(run->why), "%s", record->text);
	}
	if (record->kind == MW_RECORD_NOTICE)
		snprintf(run->notice, sizeof(run->notice), "%s", record->text);
}

/* A thread that is left standing makes this fail, not hang. */
static void await_end(struct mw_tracer *tracer, struct run *run)
{
	bool ended = false;

	for (unsigned idle = 0; !ended && idle < 20;) {
		const struct mw_record *record = mw_tracer_next(tracer, LONG_NS);

		if (!record) {
			idle++;
			continue;
		}
		ended = record->kind == MW_RECORD_STATE && record->state == MW_TRACEE_EXITED;
		if (ended)
			run->status = record->status;
		take(run, record);
		mw_tracer_release(tracer);
	}
	if (!ended)
		fail_msg("the target doesn't end: %s", run->notice);
}

static struct run run_refusing(enum refusal what, unsigned times)
{
	const struct mw_tracer_options options = {.ring_entries = 4096};
	struct mw_guard_handle handle = {0};
	uint8_t snapshot[sizeof(struct words)];
	struct mw_guard_request request = {
		.range = {mw_addr_make((uintptr_t)&page), sizeof(struct words)},
		.backends = {MW_BACKEND_PAGE},
		.backend_count = 1,
		.snapshot = snapshot,
		.handle = &handle,
	};
	struct run run = {.status = -1};
	struct mw_tracer *tracer;
	size_t guarded;
	int go[2];
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (!pid)
		store_and_end(go[0]);
	refusal = REFUSE_NOTHING;
	assert_ok(mw_tracer_create(&options, &tracer));
	assert_ok(mw_tracer_attach(tracer, pid));
	assert_ok(mw_tracer_guard(tracer, &request, 1, &guarded));
	refusals = times;
	refusal = what;
	assert_int_equal(write(go[1], "", 1), 1);
	await_end(tracer, &run);
	refusal = REFUSE_NOTHING;
	run.stepped = mw_tracer_stats(tracer)->stepped;
	mw_tracer_destroy(tracer);
	close(go[0]);
	close(go[1]);
	return run;
}

static void check(const struct run *run, const char *notice, bool lost)
{
	if (run->status)
		fail_msg("the target ended with status %#x: %s", (unsigned)run->status,
			 run->notice);
	if (!strstr(run->notice, notice) && !strstr(run->why, notice))
		fail_msg("told: '%s', '%s'", run->notice, run->why);
	assert_int_equal(run->lost, lost);
}

static void test_without_refusals_all_is_seen(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_NOTHING, 0);

	check(&run, "", false);
	assert_int_equal(run.hits, 3 * 50);
	assert_int_equal(run.stepped, 0);
}

/* A call that is carried out from outside would be unknown to it, and fault on its return. */
static void test_calls_are_stepped_where_there_is_a_shadow_stack(void **state MW_UNUSED)
{
	struct run run = run_refusing(SHADOW_STACKS, 0);

	check(&run, "", false);
	assert_int_equal(run.hits, 3 * 50);
	assert_int_equal(run.stepped, 1);
}

static void test_unreadable_vector_registers_end_the_watch(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_GET_XSTATE, 1000);

	check(&run, "memwatch failed to carry out a store", true);
	assert_int_equal(run.hits, 1);
}

static void test_unreadable_siginfo_ends_the_watch(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_SIGINFO, 1);

	check(&run, "memwatch failed to carry out a store", true);
	assert_int_equal(run.hits, 0);
}

static void test_a_syscall_stop_that_cant_be_told_passes(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_SYSCALL_OP, 1);

	check(&run, "cannot tell the system call stop", false);
}

static void test_unreadable_registers_end_the_watch(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_GET_REGS, 1);

	check(&run, "cannot read the registers", false);
}

static void test_without_scratch_memory_the_call_is_made_on_open_pages(void **state MW_UNUSED)
{
	struct run run = run_refusing(REFUSE_SCRATCH, 1000);

	check(&run, "there is no memory in the target to redirect read: Cannot allocate", true);
	assert_int_equal(run.hits, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_refusals_all_is_seen),
		cmocka_unit_test(test_calls_are_stepped_where_there_is_a_shadow_stack),
		cmocka_unit_test(test_unreadable_vector_registers_end_the_watch),
		cmocka_unit_test(test_unreadable_siginfo_ends_the_watch),
		cmocka_unit_test(test_a_syscall_stop_that_cant_be_told_passes),
		cmocka_unit_test(test_unreadable_registers_end_the_watch),
		cmocka_unit_test(test_without_scratch_memory_the_call_is_made_on_open_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
