// SPDX-License-Identifier: MIT
/*
 * Differential test: each distinct store of real programs, in random states, carried out by the
 * engine and by the CPU itself. MW_FUZZ_LONG=1 takes all of them; else a sample that runs in
 * seconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_corpus.h"
#include "store_generate.h"

static const char *const programs[] = {
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib/x86_64-linux-gnu/libm.so.6",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libsqlite3.so.0",
	"/usr/bin/redis-server",
	"/usr/bin/python3.11",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/usr/bin/gdb",
};

enum store_class {
	CLASS_GENERAL,
	CLASS_VECTOR,
	CLASS_X87,
	CLASS_OPMASK,
	CLASS_COMPRESS,
	CLASS_SIGN_MASK,
	CLASS_BIT,
	CLASS_VALUE,
	CLASS_PUSH,
	CLASS_CALL,
	CLASS_POP,
	CLASS_STRING,
	CLASS_STEP,
	CLASS_COUNT,
};

static const char *const class_names[] = {
	"general",         "vector",         "x87",  "masked", "compressed",    "sign-masked",
	"bit by register", "moffs, segment", "push", "call",   "pop to memory", "movs, stos",
	"single step",
};
_Static_assert(mw_array_size(class_names) == CLASS_COUNT, "every class has a name");

struct class_count {
	uint64_t encodings;
	uint64_t compared;
	uint64_t runs;
	uint64_t faults;
	uint64_t differences;
};

struct fuzz {
	struct oracle oracle;
	struct corpus corpus;
	struct mw_replayer *replayer;
	struct x86_xstate_layout layout;
	uint64_t random;
	/** Every so many encodings is tried, in so many states. */
	uint32_t stride;
	uint32_t states;
	uint32_t visited;
	struct class_count counts[CLASS_COUNT];
	struct mw_store store;
	/** Images of the extended state: fresh, the engine's, the CPU's. */
	size_t xstate_size;
	_Alignas(64) uint8_t fresh[MW_XSTATE_MAX];
	_Alignas(64) uint8_t ours[MW_XSTATE_MAX];
	_Alignas(64) uint8_t native[MW_XSTATE_MAX];
};

static enum store_class class_of(const struct mw_store *store)
{
	static const uint8_t by_kind[] = {
		[X86_STORE_STEP] = CLASS_STEP,
		[X86_STORE_REPLAY] = CLASS_GENERAL,
		[X86_STORE_REPLAY_OPMASK] = CLASS_OPMASK,
		[X86_STORE_REPLAY_COMPRESS] = CLASS_COMPRESS,
		[X86_STORE_REPLAY_SIGN_MASK] = CLASS_SIGN_MASK,
		[X86_STORE_REPLAY_BIT] = CLASS_BIT,
		[X86_STORE_VALUE] = CLASS_VALUE,
		[X86_STORE_PUSH] = CLASS_PUSH,
		[X86_STORE_CALL] = CLASS_CALL,
		[X86_STORE_POP] = CLASS_POP,
		[X86_STORE_STRING] = CLASS_STRING,
	};
	const struct x86_store *x86 = x86_store_of(store);

	if (x86->kind == X86_STORE_REPLAY && x86->xstate)
		return x86->xstate & X86_XSTATE_X87 ? CLASS_X87 : CLASS_VECTOR;
	return by_kind[x86->kind];
}

static void put_u16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void random_x87(uint64_t *random, uint8_t *image)
{
	uint64_t noise = random_next(random);

	// Every exception masked, any rounding and precision.
	put_u16(image, 0x007f | (noise & 0x0f00));
	// Any flags and top of stack, but no exception pending.
	put_u16(image + 2, noise >> 16 & 0x7f7f);
	image[4] = (uint8_t)(noise >> 32);
	for (size_t i = 0; i < 8; i++) {
		long double value =
			(long double)((int64_t)random_next(random) >> (noise >> 40 & 63));

		memcpy(image + 32 + 16 * i, &value, 10);
		if ((noise >> (48 + i) & 1))
			random_fill(random, image + 32 + 16 * i, 10);
		noise = noise * 5 + 1;
	}
}

/* Components that programs of different kinds have in use. */
static uint64_t random_components(uint64_t *random)
{
	static const uint64_t in_use[] = {
		0,
		X86_XSTATE_X87,
		X86_XSTATE_SSE,
		X86_XSTATE_SSE | X86_XSTATE_AVX,
		X86_XSTATE_X87 | X86_XSTATE_SSE | X86_XSTATE_AVX,
		X86_XSTATE_SSE | X86_XSTATE_AVX | X86_XSTATE_OPMASK,
		X86_XSTATE_VECTOR,
	};
	uint64_t choice = random_next(random) % 32;

	return choice < mw_array_size(in_use) ? in_use[choice] : X86_XSTATE_X87 | X86_XSTATE_VECTOR;
}

/* A random extended state that the kernel accepts; some components are left in their first state.
 */
static void random_xstate(struct fuzz *fuzz, uint8_t *image)
{
	const struct x86_xstate_layout *layout = &fuzz->layout;
	uint64_t present = layout->components & random_components(&fuzz->random);
	uint32_t mxcsr = 0x1f80 | (random_next(&fuzz->random) & 0xe07f);

	memcpy(image, fuzz->fresh, fuzz->xstate_size);
	random_x87(&fuzz->random, image);
	random_fill(&fuzz->random, image + 160, 256);
	for (size_t i = 2; i < mw_array_size(layout->component); i++)
		random_fill(&fuzz->random, image + layout->component[i].offset,
			    layout->component[i].size);
	if (random_next(&fuzz->random) & 1)
		random_fill(&fuzz->random, image + layout->component[5].offset + 8, 8);
	else if (layout->components & X86_XSTATE_OPMASK)
		memset(image + layout->component[5].offset, 0, 16);
	// The kernel only takes an unusual mxcsr as part of the SSE component.
	if (!(present & X86_XSTATE_SSE))
		mxcsr = 0x1f80;
	memcpy(image + 24, &mxcsr, sizeof(mxcsr));
	memcpy(image + 512, &present, sizeof(present));
}

/* What an absent component of the image stands for. */
static void spell_out(const struct fuzz *fuzz, uint8_t *image)
{
	const struct x86_xstate_layout *layout = &fuzz->layout;
	uint64_t present;

	memcpy(&present, image + 512, sizeof(present));
	if (!(present & X86_XSTATE_X87)) {
		memset(image, 0, 24);
		put_u16(image, 0x037f);
		memset(image + 32, 0, 128);
	}
	if (!(present & X86_XSTATE_SSE))
		memset(image + 160, 0, 256);
	for (size_t i = 2; i < mw_array_size(layout->component); i++)
		if (!(present >> i & 1))
			memset(image + layout->component[i].offset, 0, layout->component[i].size);
	memset(image + 28, 0, 4);
	memset(image + 512, 0, 64);
}

static bool xstate_agrees(struct fuzz *fuzz)
{
	if (!fuzz->store.needs_xstate)
		return true;
	if (!oracle_get_xstate(&fuzz->oracle, fuzz->native, MW_XSTATE_MAX))
		return false;
	spell_out(fuzz, fuzz->native);
	spell_out(fuzz, fuzz->ours);
	return !memcmp(fuzz->native, fuzz->ours, fuzz->xstate_size);
}

/* Runs a store to its end as the page back end does. */
static enum mw_store_result run_ours(struct fuzz *fuzz, struct mw_store_state *state)
{
	const struct mw_mem_reader reader = {oracle_read, &fuzz->oracle};
	struct mw_store_target target;
	enum mw_store_result result;
	uint8_t *operand;

	do {
		mw_store_locate(&fuzz->store, state, &target);
		operand = NULL;
		if (target.size)
			operand = oracle_ours(&fuzz->oracle, target.addr.v, target.size);
		if (target.size && !operand)
			return MW_STORE_FAULT;
		result = mw_store_execute(fuzz->replayer, &fuzz->store, &reader, &target, operand,
					  state);
	} while (result == MW_STORE_PARTIAL);
	return result;
}

/* Runs the same on the CPU. A breakpoint ends it, as a step would show up in pushed flags. */
static int run_native(struct fuzz *fuzz, const struct store_case *c, struct user_regs_struct *regs)
{
	uint8_t *code = (uint8_t *)(uintptr_t)c->code;
	bool is_call = class_of(&fuzz->store) == CLASS_CALL;
	int signal;

	memcpy(code, c->bytes, c->insn.length);
	code[c->insn.length] = 0xcc;
	signal = oracle_run(&fuzz->oracle, is_call, regs);
	if (signal == SIGTRAP && !is_call)
		regs->rip--;
	return signal;
}

static bool registers_agree(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	enum { COMPARED = X86_EFLAGS_ARITHMETIC | X86_EFLAGS_DF };

	for (unsigned i = 0; i <= X86_R15; i++)
		if (mw_x86_gpr_read(a, i) != mw_x86_gpr_read(b, i))
			return false;
	return a->rip == b->rip && (a->eflags & COMPARED) == (b->eflags & COMPARED) &&
	       a->fs_base == b->fs_base && a->gs_base == b->gs_base;
}

static void print_difference(const struct store_case *c, const char *what,
			     enum mw_store_result result, int signal)
{
	fprintf(stderr, "%s differs (result %d, signal %d): %s", what, result, signal,
		ZydisMnemonicGetString(c->insn.mnemonic));
	for (uint8_t i = 0; i < c->insn.length; i++)
		fprintf(stderr, " %02x", c->bytes[i]);
	fprintf(stderr, "\n");
}

/* What differs after both have run, or NULL. */
static const char *find_difference(struct fuzz *fuzz, enum mw_store_result result, int signal,
				   const struct mw_store_state *ours,
				   const struct user_regs_struct *native)
{
	bool memory_agrees = oracle_memory_agrees(&fuzz->oracle);

	// Which masks save a misaligned operand from faulting is left to the CPU.
	if (result == MW_STORE_MUST_STEP && class_of(&fuzz->store) == CLASS_OPMASK)
		return NULL;
	if ((result == MW_STORE_DONE) != (signal == SIGTRAP))
		return "outcome";
	if (result != MW_STORE_DONE)
		return NULL;
	if (!memory_agrees)
		return "memory";
	if (!registers_agree(&ours->regs, native))
		return "register";
	return xstate_agrees(fuzz) ? NULL : "extended state";
}

/* Whether the store hits memory that is compared. */
static bool is_in_window(struct fuzz *fuzz, const struct mw_store_state *state)
{
	struct mw_store_target target;

	mw_store_locate(&fuzz->store, state, &target);
	return !target.size || oracle_window_of(&fuzz->oracle, target.addr.v, target.size);
}

/* One run in a random state. False when the instruction can't be made to hit a window. */
static bool try_case(struct fuzz *fuzz, struct store_case *c, struct class_count *count)
{
	struct mw_store_state state = {.xstate = fuzz->ours, .xstate_size = fuzz->xstate_size};
	struct user_regs_struct native;
	enum mw_store_result result;
	const char *difference;
	int signal;

	if (!case_randomize(&fuzz->random, &fuzz->oracle, c))
		return false;
	assert_true(mw_store_decode(fuzz->replayer, c->bytes, c->insn.length, &fuzz->store));
	if (fuzz->store.needs_xstate) {
		random_xstate(fuzz, fuzz->ours);
		assert_true(oracle_set_xstate(&fuzz->oracle, &state));
	}
	state.regs = c->regs;
	native = c->regs;
	if (!is_in_window(fuzz, &state))
		return false;
	result = run_ours(fuzz, &state);
	signal = run_native(fuzz, c, &native);
	count->runs++;
	count->faults += signal != SIGTRAP;
	difference = find_difference(fuzz, result, signal, &state, &native);
	count->differences += difference != NULL;
	if (difference && count->differences <= 5)
		print_difference(c, difference, result, signal);
	return true;
}

static void visit(void *arg, const uint8_t *bytes, const ZydisDecodedInstruction *insn,
		  const ZydisDecodedOperand *operands)
{
	struct fuzz *fuzz = arg;
	struct class_count *count;
	struct store_case c;
	bool compared = false;

	if (fuzz->visited++ % fuzz->stride)
		return;
	assert_true(mw_store_decode(fuzz->replayer, bytes, insn->length, &fuzz->store));
	assert_int_equal(fuzz->store.length, insn->length);
	count = &fuzz->counts[class_of(&fuzz->store)];
	count->encodings++;
	if (fuzz->store.method == MW_STORE_STEP)
		return;
	memcpy(c.bytes, bytes, insn->length);
	c.insn = *insn;
	memcpy(c.operands, operands, sizeof(c.operands));
	for (uint32_t i = 0; i < fuzz->states; i++)
		compared |= try_case(fuzz, &c, count);
	count->compared += compared;
}

static int setup(void **state)
{
	struct fuzz *fuzz = aligned_alloc(64, (sizeof(*fuzz) + 63) / 64 * 64);
	bool is_long = getenv("MW_FUZZ_LONG");
	struct x86_cpu cpu;

	assert_non_null(fuzz);
	memset(fuzz, 0, sizeof(*fuzz));
	mw_x86_cpu_init(&cpu);
	fuzz->layout = cpu.xstate;
	fuzz->random = 0x9e3779b97f4a7c15;
	fuzz->stride = is_long ? 1 : 4;
	fuzz->states = is_long ? 8 : 2;
	assert_null(mw_replayer_create(&fuzz->replayer));
	assert_true(corpus_init(&fuzz->corpus));
	fuzz->corpus.visit = visit;
	fuzz->corpus.arg = fuzz;
	assert_true(oracle_start(&fuzz->oracle));
	fuzz->xstate_size = oracle_get_xstate(&fuzz->oracle, fuzz->fresh, MW_XSTATE_MAX);
	assert_int_not_equal(fuzz->xstate_size, 0);
	*state = fuzz;
	return 0;
}

static int teardown(void **state)
{
	struct fuzz *fuzz = *state;

	oracle_stop(&fuzz->oracle);
	corpus_deinit(&fuzz->corpus);
	mw_replayer_destroy(fuzz->replayer);
	free(fuzz);
	return 0;
}

static uint64_t report(const struct fuzz *fuzz)
{
	uint64_t differences = 0;

	printf("%-16s %9s %9s %9s %9s %9s\n", "class", "encodings", "compared", "runs", "faults",
	       "differ");
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		const struct class_count *count = &fuzz->counts[i];

		printf("%-16s %9lu %9lu %9lu %9lu %9lu\n", class_names[i], count->encodings,
		       count->compared, count->runs, count->faults, count->differences);
		differences += count->differences;
	}
	return differences;
}

static void test_stores_of_real_programs_do_here_what_the_cpu_does(void **state)
{
	struct fuzz *fuzz = *state;
	size_t scanned = 0;

	for (size_t i = 0; i < mw_array_size(programs); i++)
		scanned += corpus_scan_file(&fuzz->corpus, programs[i]);
	assert_int_not_equal(scanned, 0);
	assert_int_equal(report(fuzz), 0);
}

static void test_stores_of_any_bytes_do_here_what_the_cpu_does(void **state)
{
	struct fuzz *fuzz = *state;
	uint32_t rounds = 4000000 / fuzz->stride;
	struct generated generated;

	fuzz->states = mw_max(fuzz->states / 4, 1u);
	fuzz->stride = 1;
	while (rounds--) {
		generate(&fuzz->random, &generated);
		corpus_scan_one(&fuzz->corpus, generated.bytes, generated.size);
	}
	assert_int_equal(report(fuzz), 0);
}

/* One step of an instruction that the engine says is no store. @return whether it was tried. */
static bool step_other(struct fuzz *fuzz, struct store_case *c)
{
	const ZydisDecodedOperand *operand = case_memory(c);
	struct user_regs_struct regs;

	if (!operand || operand->mem.type != ZYDIS_MEMOP_TYPE_MEM ||
	    !case_randomize(&fuzz->random, &fuzz->oracle, c))
		return false;
	regs = c->regs;
	memcpy((uint8_t *)(uintptr_t)c->code, c->bytes, c->insn.length);
	oracle_run(&fuzz->oracle, true, &regs);
	if (!oracle_memory_agrees(&fuzz->oracle)) {
		print_difference(c, "memory", MW_STORE_DONE, SIGTRAP);
		fail();
	}
	return true;
}

static void test_other_instructions_leave_memory_alone(void **state)
{
	struct fuzz *fuzz = *state;
	uint32_t tried = 0, wanted = 80000 / fuzz->stride;
	struct generated generated;
	struct store_case c;

	while (tried < wanted) {
		generate(&fuzz->random, &generated);
		memcpy(c.bytes, generated.bytes, sizeof(c.bytes));
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&fuzz->corpus.decoder, c.bytes,
							 sizeof(c.bytes), &c.insn, c.operands)) ||
		    mw_store_decode(fuzz->replayer, c.bytes, c.insn.length, &fuzz->store))
			continue;
		tried += step_other(fuzz, &c);
	}
	printf("%u instructions that are no stores left memory alone\n", tried);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_stores_of_real_programs_do_here_what_the_cpu_does, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stores_of_any_bytes_do_here_what_the_cpu_does,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_instructions_leave_memory_alone, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
