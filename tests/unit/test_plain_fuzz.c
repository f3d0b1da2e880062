// SPDX-License-Identifier: MIT
/*
 * Differential test: plain instructions of every encoding, from random bytes and in random states,
 * executed by the engine and by the CPU itself. MW_FUZZ_LONG=1 tries a hundred times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_random.h"
#include "tracer/plain.h"

#define ATTEMPTS 100000u

struct fuzz {
	struct oracle oracle;
	struct mw_replayer *replayer;
	ZydisDecoder decoder;
	uint64_t random;
	uint32_t executed;
	uint32_t differences;
	bool seen[ZYDIS_MNEMONIC_MAX_VALUE + 1];
};

static uint8_t pick(struct fuzz *fuzz, const uint8_t *from, size_t count)
{
	return from[random_next(&fuzz->random) % count];
}

/* Bytes that start like the instructions of one map; what follows is noise. */
static void random_code(struct fuzz *fuzz, uint8_t code[MW_INSN_MAX])
{
	static const uint8_t prefixes[] = {0x66, 0xf2, 0xf3, 0x2e, 0x64, 0x67};
	static const uint8_t bmi[] = {0xf2, 0xf3, 0xf5, 0xf6, 0xf7, 0xf0};
	uint64_t noise = random_next(&fuzz->random);
	size_t size = 0;

	random_fill(&fuzz->random, code, MW_INSN_MAX);
	if (noise % 8 == 0) {
		code[0] = 0xc4;
		code[1] = (uint8_t)((code[1] & 0xe0) | (noise >> 8 & 1 ? 2 : 3));
		code[3] = pick(fuzz, bmi, sizeof(bmi));
		return;
	}
	if (noise >> 8 & 1)
		code[size++] = pick(fuzz, prefixes, sizeof(prefixes));
	if (noise >> 9 & 1)
		code[size++] = (uint8_t)(0x40 | (noise >> 16 & 0xf));
	if (noise >> 10 & 1) {
		code[size++] = 0x0f;
		if ((noise >> 11 & 7) == 0) {
			code[size++] = 0x38;
			code[size] = (uint8_t)(0xf0 | (code[size] & 7));
		}
	}
	size++;
	/* Registers, not memory, for those that have a ModRM. */
	if (noise >> 14 & 3)
		code[size] |= 0xc0;
}

static void random_regs(struct fuzz *fuzz, struct user_regs_struct *ret)
{
	*ret = fuzz->oracle.regs;
	for (unsigned i = 0; i <= X86_R15; i++)
		if (i != X86_RSP)
			mw_x86_gpr_write(ret, i, random_value(&fuzz->random));
	ret->eflags &= ~(uint64_t)X86_EFLAGS_ARITHMETIC;
	ret->eflags |= random_next(&fuzz->random) & X86_EFLAGS_ARITHMETIC;
	ret->rip = oracle_address(fuzz->oracle.high.native) + 64;
}

static ZydisMnemonic mnemonic_of(const struct fuzz *fuzz, const struct mw_plain *plain)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&fuzz->decoder, plain->bytes, plain->length, &insn,
						 operands)))
		return ZYDIS_MNEMONIC_INVALID;
	return insn.mnemonic;
}

/* The resume flag is the CPU's own business. */
static bool agree(const struct user_regs_struct *ours, const struct user_regs_struct *native)
{
	struct user_regs_struct left = *ours, right = *native;

	left.eflags &= ~(uint64_t)X86_EFLAGS_RF;
	right.eflags &= ~(uint64_t)X86_EFLAGS_RF;
	return !memcmp(&left, &right, sizeof(left));
}

static void print_difference(const struct mw_plain *plain, const struct user_regs_struct *before,
			     const struct user_regs_struct *ours,
			     const struct user_regs_struct *native)
{
	for (uint8_t i = 0; i < plain->length; i++)
		print_message("%02x ", plain->bytes[i]);
	print_message("\n");
	for (size_t i = 0; i < sizeof(*ours) / 8; i++) {
		uint64_t words[3];

		memcpy(&words[0], (const char *)before + 8 * i, 8);
		memcpy(&words[1], (const char *)ours + 8 * i, 8);
		memcpy(&words[2], (const char *)native + 8 * i, 8);
		if (words[1] != words[2])
			print_message("  word %zu: before %llx, ours %llx, native %llx\n", i,
				      (unsigned long long)words[0], (unsigned long long)words[1],
				      (unsigned long long)words[2]);
	}
}

static void try_one(struct fuzz *fuzz)
{
	struct user_regs_struct before, ours, native;
	uint8_t code[MW_INSN_MAX];
	struct mw_plain plain;
	int signal;

	random_code(fuzz, code);
	if (!mw_plain_decode(fuzz->replayer, code, sizeof(code), &plain))
		return;
	random_regs(fuzz, &before);
	ours = before;
	native = before;
	memcpy(fuzz->oracle.high.native + 64, plain.bytes, plain.length);
	mw_plain_execute(fuzz->replayer, &plain, &ours);
	signal = oracle_run(&fuzz->oracle, true, &native);
	fuzz->executed++;
	fuzz->seen[mnemonic_of(fuzz, &plain)] = true;
	if (signal == SIGTRAP && agree(&ours, &native))
		return;
	if (!fuzz->differences++)
		print_difference(&plain, &before, &ours, &native);
}

static void plain_instructions_do_what_the_cpu_does(void **state)
{
	struct fuzz *fuzz = *state;
	uint32_t attempts = getenv("MW_FUZZ_LONG") ? 100 * ATTEMPTS : ATTEMPTS;
	uint32_t mnemonics = 0;

	for (uint32_t i = 0; i < attempts; i++)
		try_one(fuzz);
	for (size_t i = 0; i <= ZYDIS_MNEMONIC_MAX_VALUE; i++)
		mnemonics += fuzz->seen[i];
	print_message("%u executed, %u mnemonics, %u differences\n", fuzz->executed, mnemonics,
		      fuzz->differences);
	assert_int_equal(fuzz->differences, 0);
	assert_true(fuzz->executed > attempts / 10);
	assert_true(mnemonics > 100);
}

static void what_does_more_than_change_registers_is_left_alone(void **state)
{
	static const char *const others[] = {
		"\x48\x89\x07",                 /* mov %rax,(%rdi) */
		"\x48\x8b\x07",                 /* mov (%rdi),%rax */
		"\x48\x89\xe0",                 /* mov %rsp,%rax */
		"\x48\x83\xc4\x08",             /* add $8,%rsp */
		"\x48\x8d\x05\x01\x02\x03\x04", /* lea 0x4030201(%rip),%rax */
		"\x48\x8d\x44\x24\x08",         /* lea 8(%rsp),%rax */
		"\x50",                         /* push %rax */
		"\xc3",                         /* ret */
		"\xe8\x01\x02\x03\x04",         /* call */
		"\xff\xe0",                     /* jmp *%rax */
		"\x66\xeb\x10",                 /* data16 jmp */
		"\x0f\x05",                     /* syscall */
		"\x0f\x0b",                     /* ud2 */
		"\xcc",                         /* int3 */
		"\x0f\x31",                     /* rdtsc */
		"\x0f\xa2",                     /* cpuid */
		"\xf3\x90",                     /* pause */
		"\x48\xf7\xf1",                 /* div %rcx */
		"\x8c\xd8",                     /* mov %ds,%eax */
		"\x9c",                         /* pushf */
		"\xfd",                         /* std */
		"\x0f\xae\xf0",                 /* mfence */
		"\x0f\x01\xd0",                 /* xgetbv */
		"\x66\x0f\xfe\xc1",             /* paddd %xmm1,%xmm0 */
		"\xf0\x48\x01\x07",             /* lock add %rax,(%rdi) */
		"\xe2\x10",                     /* loop */
		"\xd7",                         /* xlat */
		"\x06",                         /* no instruction */
	};
	struct fuzz *fuzz = *state;
	struct mw_plain plain;

	for (size_t i = 0; i < mw_array_size(others); i++) {
		uint8_t code[MW_INSN_MAX] = {0};

		memcpy(code, others[i], strlen(others[i]));
		if (mw_plain_decode(fuzz->replayer, code, sizeof(code), &plain))
			fail_msg("number %zu was taken for plain", i);
	}
	assert_false(mw_plain_decode(fuzz->replayer, (const uint8_t *)"\x48", 1, &plain));
	assert_false(mw_plain_decode(fuzz->replayer, (const uint8_t *)"", 0, &plain));
}

static int start(void **state)
{
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
	struct mw_error *err;

	if (!fuzz)
		return -1;
	fuzz->random = UINT64_C(0x9e3779b97f4a7c15);
	ZydisDecoderInit(&fuzz->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	err = mw_replayer_create(&fuzz->replayer);
	*state = fuzz;
	return err || !oracle_start(&fuzz->oracle) ? -1 : 0;
}

static int stop(void **state)
{
	struct fuzz *fuzz = *state;

	oracle_stop(&fuzz->oracle);
	mw_replayer_destroy(fuzz->replayer);
	free(fuzz);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_instructions_do_what_the_cpu_does),
		cmocka_unit_test(what_does_more_than_change_registers_is_left_alone),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
