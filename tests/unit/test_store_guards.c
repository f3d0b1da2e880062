// SPDX-License-Identifier: MIT
/* Whatever the tracee's code and registers are, memwatch itself comes to no harm. */
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "base/error.h"
#include "store_generate.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static int setup(void **state)
{
	struct mw_replayer *replayer;

	assert_null(mw_replayer_create(&replayer));
	*state = replayer;
	return 0;
}

static int teardown(void **state)
{
	mw_replayer_destroy(*state);
	return 0;
}

/* Memory of which half can be read, in pieces of 16 bytes. */
static struct mw_error *read_half(void *arg, mw_addr addr, void *ret, size_t size)
{
	(void)arg;
	if (addr.v & 16)
		return mw_err_not_found;
	memset(ret, (int)(addr.v >> 5), size);
	return NULL;
}

static void random_state(uint64_t *random, uint8_t *xstate, struct mw_store_state *ret)
{
	static const size_t sizes[] = {MW_XSTATE_MAX, MW_XSTATE_MAX, 2432, 832, 576, 100, 0};

	random_fill(random, (uint8_t *)&ret->regs, sizeof(ret->regs));
	ret->regs.eflags &= ~(uint64_t)(random_next(random) & (X86_EFLAGS_TF | X86_EFLAGS_AC));
	random_fill(random, xstate, 4096);
	if (random_next(random) & 1)
		xstate[0] |= 0x3f;
	ret->xstate_size = sizes[random_next(random) % mw_array_size(sizes)];
	ret->xstate = random_next(random) & 15 ? xstate : NULL;
}

static void execute(struct mw_replayer *replayer, const struct mw_store *store,
		    struct mw_store_state *state)
{
	const struct mw_mem_reader reader = {read_half, NULL};
	const struct mw_store_state before = *state;
	struct mw_store_target target;
	enum mw_store_result result;
	uint8_t *operand;

	mw_store_locate(store, state, &target);
	assert_in_range(target.size, 0, MW_STORE_MAX);
	operand = calloc(1, target.size + 1);
	assert_non_null(operand);
	result = mw_store_execute(replayer, store, &reader, &target, operand, state);
	if (store->method == MW_STORE_STEP)
		assert_int_equal(result, MW_STORE_MUST_STEP);
	if (result == MW_STORE_MUST_STEP || result == MW_STORE_FAULT)
		assert_memory_equal(&before, state, sizeof(before));
	free(operand);
}

static void test_any_bytes_in_any_state_do_no_harm(void **state)
{
	uint32_t rounds = getenv("MW_FUZZ_LONG") ? 20000000 : 400000;
	uint8_t *xstate = malloc(MW_XSTATE_MAX);
	struct generated generated;
	struct mw_store_state registers;
	struct mw_store store;
	uint64_t random = 0x2545f4914f6cdd1d;

	assert_non_null(xstate);
	while (rounds--) {
		generate(&random, &generated);
		if (!(rounds & 7))
			random_fill(&random, generated.bytes, generated.size);
		if (!mw_store_decode(*state, generated.bytes, generated.size, &store))
			continue;
		random_state(&random, xstate, &registers);
		execute(*state, &store, &registers);
	}
	free(xstate);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signal)
{
	volatile char room[4096];

	(void)signal;
	memset((char *)room, 0, sizeof(room));
	alarms++;
}

static void test_signals_find_a_sound_stack(void **state)
{
	const struct itimerval every_100_us = {{0, 100}, {0, 100}};
	const struct itimerval off = {{0, 0}, {0, 0}};
	struct mw_store_state registers = {.regs = {.rsp = 8, .rdi = 64}};
	struct mw_store_target target;
	struct mw_store store;
	uint64_t operand;

	// xchg %rsp, (%rdi)
	assert_true(mw_store_decode(*state, BYTES(0x48, 0x87, 0x27), &store));
	mw_store_locate(&store, &registers, &target);
	signal(SIGALRM, count_alarm);
	setitimer(ITIMER_REAL, &every_100_us, NULL);
	for (uint64_t i = 0; alarms < 200; i++) {
		operand = i;
		registers.regs.rsp = 8;
		assert_int_equal(mw_store_execute(*state, &store, NULL, &target,
						  (uint8_t *)&operand, &registers),
				 MW_STORE_DONE);
		assert_int_equal(registers.regs.rsp, i);
		assert_int_equal(operand, 8);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	signal(SIGALRM, SIG_DFL);
}

static void test_own_floating_point_state_survives(void **state)
{
	uint8_t *xstate = calloc(1, MW_XSTATE_MAX);
	struct mw_store_state registers = {
		.regs = {.rdi = 64}, .xstate = xstate, .xstate_size = MW_XSTATE_MAX};
	struct mw_store_target target;
	struct mw_store store;
	uint8_t operand[8];

	assert_non_null(xstate);
	memcpy(xstate, BYTES(0x7f, 0x0c, 0x00, 0x38, 0xff));
	memcpy(xstate + 24, BYTES(0x80, 0xff));
	xstate[512] = 3;
	fesetround(FE_UPWARD);
	// movq %mm0, (%rdi)
	assert_true(mw_store_decode(*state, BYTES(0x0f, 0x7f, 0x07), &store));
	mw_store_locate(&store, &registers, &target);
	assert_int_equal(mw_store_execute(*state, &store, NULL, &target, operand, &registers),
			 MW_STORE_DONE);
	assert_int_equal(fegetround(), FE_UPWARD);
	fesetround(FE_TONEAREST);
	// With registers left behind on the x87's stack, this would not be a number.
	assert_true((long double)target.addr.v + 0.5L == 64.5L);
	free(xstate);
}

static void test_x87_pointers_name_the_tracee(void **state)
{
	const struct x86_x87_pointers ours = {0x1000, 0x2000, 0};
	const struct x86_x87_pointers theirs = {0x401000, 0x7fff0008, 0x51f};
	uint64_t image[4] = {(uint64_t)0x507 << 48, 0x1000, 0x2000, 0};
	uint64_t other[4] = {(uint64_t)0x507 << 48, 0x1234, 0x2000, 0};

	(void)state;
	mw_x86_x87_translate((uint8_t *)image, &ours, &theirs);
	assert_int_equal(image[0], (uint64_t)0x51f << 48);
	assert_int_equal(image[1], 0x401000);
	assert_int_equal(image[2], 0x7fff0008);
	mw_x86_x87_translate((uint8_t *)other, &ours, &theirs);
	assert_int_equal(other[0], (uint64_t)0x507 << 48);
	assert_int_equal(other[1], 0x1234);
	assert_int_equal(other[2], 0x2000);
}

static void test_vector_store_without_its_registers_is_stepped(void **state)
{
	struct mw_store_state registers = {.regs = {.rdi = 64}};
	struct mw_store_target target;
	struct mw_store store;
	uint8_t operand[16];

	// movups %xmm0, (%rdi)
	assert_true(mw_store_decode(*state, BYTES(0x0f, 0x11, 0x07), &store));
	mw_store_locate(&store, &registers, &target);
	assert_int_equal(mw_store_execute(*state, &store, NULL, &target, operand, &registers),
			 MW_STORE_MUST_STEP);
}

static void test_traps_and_alignment_checks_are_stepped(void **state)
{
	static const uint32_t flags[] = {X86_EFLAGS_TF, X86_EFLAGS_AC};
	struct mw_store_state registers = {.regs = {.rdi = 64}};
	struct mw_store_target target;
	struct mw_store store;
	uint8_t operand[4] = {0};

	// mov %eax, (%rdi)
	assert_true(mw_store_decode(*state, BYTES(0x89, 0x07), &store));
	mw_store_locate(&store, &registers, &target);
	for (size_t i = 0; i < mw_array_size(flags); i++) {
		registers.regs.eflags = flags[i];
		assert_int_equal(
			mw_store_execute(*state, &store, NULL, &target, operand, &registers),
			MW_STORE_MUST_STEP);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_any_bytes_in_any_state_do_no_harm),
		TEST(test_signals_find_a_sound_stack),
		TEST(test_own_floating_point_state_survives),
		TEST(test_x87_pointers_name_the_tracee),
		TEST(test_vector_store_without_its_registers_is_stepped),
		TEST(test_traps_and_alignment_checks_are_stepped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
