// SPDX-License-Identifier: MIT
/* Stores with their encodings and effects written down by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tracer/store.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})
#define MEMORY_START 0x10000u
#define MEMORY_SIZE 0x4000u

/** A tracee of registers and 16 KiB of memory at MEMORY_START, all readable. */
struct fixture {
	struct mw_replayer *replayer;
	struct mw_store store;
	struct mw_store_state state;
	struct mw_store_target target;
	struct mw_mem_reader reader;
	uint8_t memory[MEMORY_SIZE];
	_Alignas(64) uint8_t xstate[MW_XSTATE_MAX];
};

static struct mw_error *read_memory(void *arg, mw_addr addr, void *ret, size_t size)
{
	const struct fixture *fixture = arg;

	if (addr.v < MEMORY_START || addr.v + size > MEMORY_START + MEMORY_SIZE)
		return mw_error_fault(addr, "no memory at %#lx", addr.v);
	memcpy(ret, fixture->memory + (addr.v - MEMORY_START), size);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) / 64 * 64);

	assert_non_null(fixture);
	memset(fixture, 0, sizeof(*fixture));
	assert_null(mw_replayer_create(&fixture->replayer));
	fixture->reader = (struct mw_mem_reader){read_memory, fixture};
	fixture->state.xstate = fixture->xstate;
	fixture->state.xstate_size = MW_XSTATE_MAX;
	fixture->state.regs.eflags = 0x202;
	fixture->state.regs.rip = 0x400000;
	fixture->state.regs.rsp = MEMORY_START + 0x3000;
	fixture->state.regs.rdi = MEMORY_START + 0x1000;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	mw_replayer_destroy(fixture->replayer);
	free(fixture);
	return 0;
}

static void decode(struct fixture *fixture, const uint8_t *code, size_t size)
{
	assert_true(mw_store_decode(fixture->replayer, code, size, &fixture->store));
	assert_int_equal(fixture->store.length, size);
}

/* Decodes, locates and executes, as the page back end does. */
static enum mw_store_result run(struct fixture *fixture, const uint8_t *code, size_t size)
{
	decode(fixture, code, size);
	mw_store_locate(&fixture->store, &fixture->state, &fixture->target);
	assert_in_range(fixture->target.addr.v, MEMORY_START, MEMORY_START + MEMORY_SIZE - 1);
	return mw_store_execute(
		fixture->replayer, &fixture->store, &fixture->reader, &fixture->target,
		fixture->memory + (fixture->target.addr.v - MEMORY_START), &fixture->state);
}

static uint64_t word_at(const struct fixture *fixture, uint64_t addr)
{
	uint64_t word;

	memcpy(&word, fixture->memory + (addr - MEMORY_START), sizeof(word));
	return word;
}

static void put_word(struct fixture *fixture, uint64_t addr, uint64_t word)
{
	memcpy(fixture->memory + (addr - MEMORY_START), &word, sizeof(word));
}

static void test_mov_writes_the_register(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rax = 0x1122334455667788;
	// mov %eax, 8(%rdi)
	assert_int_equal(run(fixture, BYTES(0x89, 0x47, 0x08)), MW_STORE_DONE);
	assert_int_equal(fixture->store.method, MW_STORE_REPLAY);
	assert_int_equal(fixture->target.addr.v, MEMORY_START + 0x1008);
	assert_int_equal(fixture->target.size, 4);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1008), 0x55667788);
	assert_int_equal(fixture->state.regs.rip, 0x400003);
}

static void test_add_sets_the_flags(void **state)
{
	struct fixture *fixture = *state;

	put_word(fixture, MEMORY_START + 0x1000, UINT64_MAX);
	fixture->state.regs.eflags |= 0x400;
	// addq $1, (%rdi): carry, zero, parity, adjust; the direction flag stays.
	assert_int_equal(run(fixture, BYTES(0x48, 0x83, 0x07, 0x01)), MW_STORE_DONE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), 0);
	assert_int_equal(fixture->state.regs.eflags, 0x602 | 0x55);
}

static void test_stack_pointer_is_a_value_like_any_other(void **state)
{
	struct fixture *fixture = *state;

	// mov %rsp, (%rdi)
	assert_int_equal(run(fixture, BYTES(0x48, 0x89, 0x27)), MW_STORE_DONE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), MEMORY_START + 0x3000);
	// xchg %rsp, (%rdi)
	put_word(fixture, MEMORY_START + 0x1000, MEMORY_START + 0x2000);
	assert_int_equal(run(fixture, BYTES(0x48, 0x87, 0x27)), MW_STORE_DONE);
	assert_int_equal(fixture->store.cause, MW_CAUSE_ATOMIC);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), MEMORY_START + 0x3000);
	assert_int_equal(fixture->state.regs.rsp, MEMORY_START + 0x2000);
	assert_int_equal(fixture->state.regs.rdi, MEMORY_START + 0x1000);
}

static void test_push_and_call_move_the_stack_pointer(void **state)
{
	struct fixture *fixture = *state;

	// push $-2
	assert_int_equal(run(fixture, BYTES(0x6a, 0xfe)), MW_STORE_DONE);
	assert_int_equal(fixture->store.method, MW_STORE_EMULATE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x2ff8), (uint64_t)-2);
	// call .+0x105
	assert_int_equal(run(fixture, BYTES(0xe8, 0x00, 0x01, 0x00, 0x00)), MW_STORE_DONE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x2ff0), 0x400007);
	assert_int_equal(fixture->state.regs.rip, 0x400107);
	assert_int_equal(fixture->state.regs.rsp, MEMORY_START + 0x2ff0);
	// pop 8(%rsp), counted from the stack pointer behind the pop
	assert_int_equal(run(fixture, BYTES(0x8f, 0x44, 0x24, 0x08)), MW_STORE_DONE);
	assert_int_equal(fixture->target.addr.v, MEMORY_START + 0x3000);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x3000), 0x400007);
}

static void test_only_calls_write_return_addresses(void **state)
{
	struct fixture *fixture = *state;

	decode(fixture, BYTES(0xe8, 0x00, 0x01, 0x00, 0x00)); // call .+0x105
	assert_true(fixture->store.calls);
	decode(fixture, BYTES(0xff, 0x10)); // call *(%rax)
	assert_true(fixture->store.calls);
	decode(fixture, BYTES(0x50)); // push %rax
	assert_false(fixture->store.calls);
	decode(fixture, BYTES(0x89, 0x07)); // mov %eax, (%rdi)
	assert_false(fixture->store.calls);
}

static void test_call_through_unreadable_memory_faults(void **state)
{
	struct fixture *fixture = *state;
	struct user_regs_struct before;

	fixture->state.regs.rax = 0xdead0000;
	before = fixture->state.regs;
	// call *(%rax)
	assert_int_equal(run(fixture, BYTES(0xff, 0x10)), MW_STORE_FAULT);
	assert_memory_equal(&before, &fixture->state.regs, sizeof(before));
}

static void test_rep_stos_stops_at_the_page_end(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rdi = MEMORY_START + 0x1ff0;
	fixture->state.regs.rcx = 4;
	fixture->state.regs.rax = 0x0101010101010101;
	// rep stos %rax
	assert_int_equal(run(fixture, BYTES(0xf3, 0x48, 0xab)), MW_STORE_PARTIAL);
	assert_int_equal(fixture->store.cause, MW_CAUSE_STRING);
	assert_int_equal(fixture->target.size, 16);
	assert_int_equal(fixture->state.regs.rip, 0x400000);
	assert_int_equal(fixture->state.regs.rcx, 2);
	assert_int_equal(run(fixture, BYTES(0xf3, 0x48, 0xab)), MW_STORE_DONE);
	assert_int_equal(fixture->state.regs.rdi, MEMORY_START + 0x2010);
	assert_int_equal(fixture->state.regs.rip, 0x400003);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x2008), 0x0101010101010101);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x2010), 0);
}

static void test_rep_without_count_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(run(fixture, BYTES(0xf3, 0xa4)), MW_STORE_DONE);
	assert_int_equal(fixture->target.size, 0);
	assert_int_equal(fixture->state.regs.rip, 0x400002);
}

static void test_copy_onto_itself_sees_its_own_bytes(void **state)
{
	struct fixture *fixture = *state;

	put_word(fixture, MEMORY_START + 0x1000, 0xab);
	fixture->state.regs.rsi = MEMORY_START + 0x1000;
	fixture->state.regs.rdi = MEMORY_START + 0x1001;
	fixture->state.regs.rcx = 9;
	// rep movsb
	assert_int_equal(run(fixture, BYTES(0xf3, 0xa4)), MW_STORE_DONE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1002), 0xabababababababab);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x100a), 0);
}

static void test_copy_goes_on_to_an_unreadable_page(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rsi = MEMORY_START + MEMORY_SIZE - 3;
	fixture->state.regs.rcx = 8;
	memset(fixture->memory + MEMORY_SIZE - 3, 0x55, 3);
	assert_int_equal(run(fixture, BYTES(0xf3, 0xa4)), MW_STORE_PARTIAL);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), 0x555555);
	assert_int_equal(fixture->state.regs.rcx, 5);
	assert_int_equal(run(fixture, BYTES(0xf3, 0xa4)), MW_STORE_FAULT);
	assert_int_equal(fixture->state.regs.rcx, 5);
}

static void test_copy_downwards_goes_on_to_an_unreadable_page(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.eflags |= 0x400;
	fixture->state.regs.rsi = MEMORY_START + 2;
	fixture->state.regs.rdi = MEMORY_START + 0x1f00;
	fixture->state.regs.rcx = 8;
	memset(fixture->memory, 0x55, 4);
	// std; rep movsw: of two words, one straddles the start of memory
	assert_int_equal(run(fixture, BYTES(0xf3, 0x66, 0xa5)), MW_STORE_PARTIAL);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1efc), 0x5555555500000000 >> 16);
	assert_int_equal(fixture->state.regs.rcx, 6);
	assert_int_equal(fixture->state.regs.rsi, MEMORY_START - 2);
	assert_int_equal(run(fixture, BYTES(0xf3, 0x66, 0xa5)), MW_STORE_FAULT);
}

static void test_bit_offset_reaches_beyond_the_operand(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rax = (uint64_t)-1;
	// lock bts %rax, (%rdi)
	assert_int_equal(run(fixture, BYTES(0xf0, 0x48, 0x0f, 0xab, 0x07)), MW_STORE_DONE);
	assert_int_equal(fixture->target.addr.v, MEMORY_START + 0xff8);
	assert_int_equal(word_at(fixture, MEMORY_START + 0xff8), UINT64_C(1) << 63);
	assert_int_equal(fixture->state.regs.eflags & 1, 0);
	assert_int_equal(run(fixture, BYTES(0xf0, 0x48, 0x0f, 0xab, 0x07)), MW_STORE_DONE);
	assert_int_equal(fixture->state.regs.eflags & 1, 1);
}

static void test_segment_base_and_narrow_address_count(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.fs_base = 0x100000000;
	fixture->state.regs.rdi = UINT64_C(0xffffffff00011000);
	// addr32 mov %al, %fs:(%edi)
	decode(fixture, BYTES(0x67, 0x64, 0x88, 0x07));
	mw_store_locate(&fixture->store, &fixture->state, &fixture->target);
	assert_int_equal(fixture->target.addr.v, 0x100011000);
	// mov %eax, 0x10(%rip)
	decode(fixture, BYTES(0x89, 0x05, 0x10, 0x00, 0x00, 0x00));
	mw_store_locate(&fixture->store, &fixture->state, &fixture->target);
	assert_int_equal(fixture->target.addr.v, 0x400016);
}

static void test_dead_rex_does_not_come_alive(void **state)
{
	struct fixture *fixture = *state;

	put_word(fixture, MEMORY_START + 0x1000, 0xffffffff);
	fixture->state.regs.rax = 1;
	// A REX.W in front of a DS prefix is ignored: add %eax, (%rdi) with carry out of 32 bits
	assert_int_equal(run(fixture, BYTES(0x48, 0x3e, 0x01, 0x07)), MW_STORE_DONE);
	assert_int_equal(fixture->target.size, 4);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), 0);
	assert_int_equal(fixture->state.regs.eflags & 1, 1);
}

static void test_high_byte_registers_are_stored(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rbx = 0x1234;
	fixture->state.regs.r9 = MEMORY_START + 0x1000;
	// mov %bh, (%rdi)
	assert_int_equal(run(fixture, BYTES(0x88, 0x3f)), MW_STORE_DONE);
	assert_int_equal(word_at(fixture, MEMORY_START + 0x1000), 0x12);
}

static void test_misaligned_movaps_is_left_to_the_tracee(void **state)
{
	struct fixture *fixture = *state;

	fixture->state.regs.rdi++;
	assert_int_equal(run(fixture, BYTES(0x0f, 0x29, 0x07)), MW_STORE_MUST_STEP);
	assert_int_equal(fixture->state.regs.rip, 0x400000);
}

static void test_x87_exceptions_are_stepped(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		uint16_t control;
		uint16_t status;
		enum mw_store_result result;
	} cases[] = {
		{0x037f, 0x0000, MW_STORE_DONE},
		{0x0340, 0x0000, MW_STORE_MUST_STEP}, // all unmasked
		{0x037b, 0x0000, MW_STORE_MUST_STEP}, // division by zero unmasked
		{0x037f, 0x0080, MW_STORE_MUST_STEP}, // one is pending
	};

	for (size_t i = 0; i < mw_array_size(cases); i++) {
		memcpy(fixture->xstate, &cases[i].control, 2);
		memcpy(fixture->xstate + 2, &cases[i].status, 2);
		fixture->xstate[512] = 1;
		// fstpl (%rdi)
		assert_int_equal(run(fixture, BYTES(0xdd, 0x1f)), cases[i].result);
		assert_true(fixture->store.needs_xstate);
		assert_true(fixture->store.changes_xstate);
	}
}

static void test_unmasked_vector_exceptions_are_stepped(void **state)
{
	struct fixture *fixture = *state;

	fixture->xstate[512] = 2;
	// vcvtps2ph $0, %xmm0, (%rdi)
	assert_int_equal(run(fixture, BYTES(0xc4, 0xe3, 0x79, 0x1d, 0x07, 0x00)),
			 MW_STORE_MUST_STEP);
	// A move raises nothing: movups %xmm0, (%rdi)
	assert_int_equal(run(fixture, BYTES(0x0f, 0x11, 0x07)), MW_STORE_DONE);
}

static void test_readers_are_no_stores(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		uint8_t code[4];
		size_t size;
	} readers[] = {
		{{0x39, 0x07}, 2},       // cmp %eax, (%rdi)
		{{0x85, 0x07}, 2},       // test %eax, (%rdi)
		{{0x0f, 0xa3, 0x07}, 3}, // bt %eax, (%rdi)
		{{0x8b, 0x07}, 2},       // mov (%rdi), %eax
		{{0x8d, 0x07}, 2},       // lea (%rdi), %eax
		{{0x58}, 1},             // pop %rax
		{{0x0f, 0x1f, 0x07}, 3}, // nopl (%rdi)
		{{0x89}, 1},             // cut short
		{{0x06}, 1},             // push %es, not in 64-bit mode
	};

	for (size_t i = 0; i < mw_array_size(readers); i++)
		assert_false(mw_store_decode(fixture->replayer, readers[i].code, readers[i].size,
					     &fixture->store));
}

static void test_odd_stores_are_stepped(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		uint8_t code[8];
		size_t size;
	} odd[] = {
		{{0xd9, 0x37}, 2},                               // fnstenv (%rdi)
		{{0xdd, 0x37}, 2},                               // fnsave (%rdi)
		{{0x0f, 0xae, 0x07}, 3},                         // fxsave (%rdi)
		{{0x0f, 0xae, 0x27}, 3},                         // xsave (%rdi)
		{{0x0f, 0x01, 0x07}, 3},                         // sgdt (%rdi)
		{{0x0f, 0x01, 0xfc}, 3},                         // clzero
		{{0xf2, 0x0f, 0x38, 0xf8, 0x07}, 5},             // enqcmd (%rdi), %rax
		{{0x66, 0x0f, 0x38, 0xf8, 0x07}, 5},             // movdir64b (%rdi), %rax
		{{0x6c}, 1},                                     // insb
		{{0xc8, 0x10, 0x00, 0x00}, 4},                   // enter $16, $0
		{{0x66, 0xe8, 0x00, 0x00, 0x00, 0x00}, 6},       // call, operand size 16
		{{0x62, 0xf2, 0x7d, 0x49, 0xa0, 0x04, 0x07}, 7}, // vpscatterdd
	};

	for (size_t i = 0; i < mw_array_size(odd); i++) {
		assert_true(mw_store_decode(fixture->replayer, odd[i].code, odd[i].size,
					    &fixture->store));
		assert_int_equal(fixture->store.method, MW_STORE_STEP);
		mw_store_locate(&fixture->store, &fixture->state, &fixture->target);
		assert_int_equal(mw_store_execute(fixture->replayer, &fixture->store,
						  &fixture->reader, &fixture->target,
						  fixture->memory, &fixture->state),
				 MW_STORE_MUST_STEP);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mov_writes_the_register),
		TEST(test_add_sets_the_flags),
		TEST(test_stack_pointer_is_a_value_like_any_other),
		TEST(test_push_and_call_move_the_stack_pointer),
		TEST(test_only_calls_write_return_addresses),
		TEST(test_call_through_unreadable_memory_faults),
		TEST(test_rep_stos_stops_at_the_page_end),
		TEST(test_rep_without_count_writes_nothing),
		TEST(test_copy_onto_itself_sees_its_own_bytes),
		TEST(test_copy_goes_on_to_an_unreadable_page),
		TEST(test_copy_downwards_goes_on_to_an_unreadable_page),
		TEST(test_bit_offset_reaches_beyond_the_operand),
		TEST(test_segment_base_and_narrow_address_count),
		TEST(test_dead_rex_does_not_come_alive),
		TEST(test_high_byte_registers_are_stored),
		TEST(test_misaligned_movaps_is_left_to_the_tracee),
		TEST(test_x87_exceptions_are_stepped),
		TEST(test_unmasked_vector_exceptions_are_stepped),
		TEST(test_readers_are_no_stores),
		TEST(test_odd_stores_are_stepped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
