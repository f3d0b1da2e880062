// SPDX-License-Identifier: MIT
/** Random machine states in which a given store hits one of the oracle's windows. */
#ifndef MW_TESTS_UNIT_STORE_RANDOM_H
#define MW_TESTS_UNIT_STORE_RANDOM_H

#include "store_oracle.h"
#include "tracer/arch/x86_64/store_x86.h"

/** One instruction in one state. */
struct store_case {
	uint8_t bytes[MW_INSN_MAX];
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct user_regs_struct regs;
	/** Where its explicit memory operand lies. */
	uint64_t addr;
	/** Where the code stands. */
	uint64_t code;
};

/** xorshift64: a state that is never 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline void random_fill(uint64_t *random, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = random_next(random);

		memcpy(bytes + i, &value, mw_min(size - i, (size_t)8));
	}
}

/* Small numbers and extremes turn up as often as noise. */
static inline uint64_t random_value(uint64_t *random)
{
	static const uint64_t extremes[] = {
		0,          1,          0x7f,       0x80,      0x7fff,
		0x8000,     0x7fffffff, 0x80000000, INT64_MAX, (uint64_t)INT64_MIN,
		UINT64_MAX,
	};
	uint64_t value = random_next(random);

	switch (value >> 60) {
	case 0:
	case 1:
		return extremes[value % mw_array_size(extremes)];
	case 2:
	case 3:
		return value & 0xff;
	default:
		return value;
	}
}

static inline const ZydisDecodedOperand *case_memory(const struct store_case *c)
{
	for (int i = 0; i < c->insn.operand_count_visible; i++)
		if (c->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			return &c->operands[i];
	for (int i = 0; i < c->insn.operand_count; i++)
		if (c->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			return &c->operands[i];
	return NULL;
}

/* The implied operand of push, pop and call. */
static inline bool is_stack_slot(const ZydisDecodedOperand *operand)
{
	return operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
	       operand->mem.base == ZYDIS_REGISTER_RSP;
}

static inline void random_registers(uint64_t *random, const struct oracle *oracle,
				    struct store_case *c)
{
	enum { FLAGS = X86_EFLAGS_ARITHMETIC | X86_EFLAGS_DF };

	c->regs = oracle->regs;
	for (uint8_t i = 0; i <= X86_R15; i++)
		mw_x86_gpr_write(&c->regs, i, random_value(random));
	c->regs.eflags = 0x202 | (random_next(random) & FLAGS);
}

/* An address in the middle of a window; across a page end now and then, mostly aligned. */
static inline uint64_t random_address(uint64_t *random, const struct oracle_window *window,
				      uint32_t size)
{
	uint64_t noise = random_next(random);
	uint64_t middle = oracle_address(window->native) + ORACLE_WINDOW_SIZE / 2;
	uint64_t offset = noise >> 8 & 0xfff;

	if ((noise & 7) == 0)
		offset = ORACLE_PAGE - (noise >> 8 & 0x3f);
	if ((noise & 0x30) && size)
		offset -= offset % size;
	return middle + offset;
}

/* Gives the registers of the address values whose sum is @offset. False if they have none. */
static inline bool solve_address(struct store_case *c, const ZydisDecodedOperandMem *mem,
				 uint64_t *offset)
{
	uint8_t base = mw_x86_gpr_number(mem->base);
	uint8_t index = mw_x86_gpr_number(mem->index);
	uint64_t sum = *offset - (mem->disp.has_displacement ? (uint64_t)mem->disp.value : 0);
	uint64_t factor = index == X86_NO_REG ? 0 : mem->scale;

	if (base == X86_NO_REG && index == X86_NO_REG)
		return sum == 0;
	if (base != X86_NO_REG && base != index) {
		sum -= factor ? mw_x86_gpr_read(&c->regs, index) * factor : 0;
		mw_x86_gpr_write(&c->regs, base, sum);
		return true;
	}
	factor += base == index;
	mw_x86_gpr_write(&c->regs, index, sum / factor);
	*offset -= sum % factor;
	return true;
}

/* High halves of 32-bit address registers must not matter. */
static inline void randomize_high_half(uint64_t *random, struct store_case *c, ZydisRegister reg)
{
	uint8_t gpr = mw_x86_gpr_number(reg);

	if (gpr != X86_NO_REG)
		mw_x86_gpr_write(&c->regs, gpr,
				 (uint32_t)mw_x86_gpr_read(&c->regs, gpr) |
					 (random_next(random) & UINT64_C(0xffffffff00000000)));
}

/* The segment starts where makes the operand lie at c->addr. */
static inline bool solve_segment(uint64_t *random, struct store_case *c,
				 const ZydisDecodedOperandMem *mem, unsigned long long *base)
{
	uint64_t offset = random_next(random) & 0x3fffffff;

	if (mem->base == ZYDIS_REGISTER_NONE && mem->index == ZYDIS_REGISTER_NONE)
		offset = (uint64_t)mem->disp.value;
	else if (!solve_address(c, mem, &offset))
		return false;
	*base = c->addr - offset;
	return *base < UINT64_C(1) << 47;
}

static inline bool solve_rip(const struct oracle *oracle, struct store_case *c,
			     const ZydisDecodedOperandMem *mem)
{
	uint64_t region = oracle_address(oracle->region);
	uint64_t window = oracle_address(oracle->high.native);

	c->code = c->addr - (uint64_t)mem->disp.value - c->insn.length;
	return c->code - region < ORACLE_REGION_SIZE - 32 &&
	       c->code + 32 - window > ORACLE_WINDOW_SIZE + 32;
}

/* An operand at a fixed address is made to mean another one. */
static inline bool patch_displacement(struct store_case *c, const ZydisDecodedOperandMem *mem)
{
	if (mem->base != ZYDIS_REGISTER_NONE || mem->index != ZYDIS_REGISTER_NONE ||
	    mem->segment == ZYDIS_REGISTER_FS || mem->segment == ZYDIS_REGISTER_GS)
		return false;
	memcpy(c->bytes + c->insn.raw.disp.offset, &c->addr, c->insn.raw.disp.size / 8);
	return true;
}

/* Makes the explicit memory operand lie at c->addr. */
static inline bool solve_operand(uint64_t *random, const struct oracle *oracle,
				 struct store_case *c, const ZydisDecodedOperandMem *mem)
{
	bool narrow = c->insn.address_width == 32;

	if (patch_displacement(c, mem))
		return true;
	if (mem->segment == ZYDIS_REGISTER_FS)
		return !narrow && solve_segment(random, c, mem, &c->regs.fs_base);
	if (mem->segment == ZYDIS_REGISTER_GS)
		return !narrow && solve_segment(random, c, mem, &c->regs.gs_base);
	if (mem->base == ZYDIS_REGISTER_RIP)
		return solve_rip(oracle, c, mem);
	if (mem->base == ZYDIS_REGISTER_EIP || !solve_address(c, mem, &c->addr))
		return false;
	if (narrow && mem->base != mem->index && mem->base != ZYDIS_REGISTER_NONE) {
		randomize_high_half(random, c, mem->base);
		randomize_high_half(random, c, mem->index);
		c->addr = mem->index == ZYDIS_REGISTER_NONE ? c->addr : (uint32_t)c->addr;
	}
	return true;
}

/* A bit offset that stays near the operand. */
static inline bool limit_bit_offset(struct store_case *c, const ZydisDecodedOperandMem *mem)
{
	uint8_t gpr = mw_x86_gpr_number(c->operands[1].reg.value);
	uint64_t value = mw_x86_gpr_read(&c->regs, gpr);
	uint64_t limited = (uint64_t)((int64_t)(value << 52) >> 52);

	if (gpr == mw_x86_gpr_number(mem->base) || gpr == mw_x86_gpr_number(mem->index))
		return false;
	if (c->operands[1].size < 64)
		limited = (value & ~UINT64_C(0) << c->operands[1].size) |
			  (limited & ~(~UINT64_C(0) << c->operands[1].size));
	mw_x86_gpr_write(&c->regs, gpr, limited);
	return true;
}

static inline bool is_bit_case(const struct store_case *c)
{
	return (c->insn.mnemonic == ZYDIS_MNEMONIC_BTS || c->insn.mnemonic == ZYDIS_MNEMONIC_BTR ||
		c->insn.mnemonic == ZYDIS_MNEMONIC_BTC) &&
	       c->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
}

/* Half of the compares find what they look for. */
static inline void maybe_match_memory(uint64_t *random, struct oracle *oracle, struct store_case *c,
				      const ZydisDecodedOperandMem *mem)
{
	uint64_t *halves = (uint64_t *)(uintptr_t)c->addr;
	bool is_double = c->insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B ||
			 c->insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B;
	size_t size = c->insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B ? 4 : 8;

	if ((!is_double && c->insn.mnemonic != ZYDIS_MNEMONIC_CMPXCHG) ||
	    !oracle_window_of(oracle, c->addr, 16) || random_next(random) & 1 ||
	    mw_x86_gpr_number(mem->base) == X86_RAX || mw_x86_gpr_number(mem->index) == X86_RAX ||
	    mw_x86_gpr_number(mem->base) == X86_RDX || mw_x86_gpr_number(mem->index) == X86_RDX)
		return;
	memcpy(&c->regs.rax, halves, size);
	if (is_double)
		memcpy(&c->regs.rdx, (const uint8_t *)halves + size, size);
}

static inline uint32_t random_count(uint64_t *random)
{
	uint64_t noise = random_next(random);

	return noise & 3 ? (uint32_t)(noise >> 8 & 0x1f) : (uint32_t)(noise >> 8 & 0x7ff);
}

/* Both ends of a string lie in one window; they overlap every other time. */
static inline void random_string(uint64_t *random, const struct oracle *oracle,
				 struct store_case *c)
{
	bool narrow = c->insn.address_width == 32;
	const struct oracle_window *window = narrow ? &oracle->low : &oracle->high;
	uint64_t high = narrow ? random_next(random) << 32 : 0;

	c->regs.rdi = random_address(random, window, 1) | high;
	c->regs.rsi = random_address(random, window, 1) | high;
	if (random_next(random) & 1)
		c->regs.rsi = c->regs.rdi + (random_next(random) & 0x3f) - 0x20;
	c->regs.rcx = random_count(random) | (narrow ? random_next(random) << 32 : 0);
}

/* The stack pointer is an address too; it lies near the operand, which may count from it. */
static inline void random_stack(uint64_t *random, const struct oracle *oracle, struct store_case *c)
{
	c->regs.rsp = random_address(random, &oracle->high, random_next(random) & 1 ? 8 : 0);
}

static inline void random_memory(uint64_t *random, struct oracle *oracle, uint64_t addr)
{
	enum { BEFORE = 64, SIZE = 192 };
	uint8_t *ours = oracle_ours(oracle, addr - BEFORE, SIZE);

	if (!ours)
		return;
	random_fill(random, ours, SIZE);
	memcpy((uint8_t *)(uintptr_t)(addr - BEFORE), ours, SIZE);
}

/* The window that the operand can reach. */
static inline const struct oracle_window *choose_window(const struct oracle *oracle,
							const struct store_case *c)
{
	bool is_short =
		c->insn.address_width == 32 ||
		(c->insn.raw.disp.size == 32 && !(c->insn.attributes & ZYDIS_ATTRIB_IS_RELATIVE));

	return is_short ? &oracle->low : &oracle->high;
}

/* Most indirect calls go to addresses that exist. */
static inline void random_call_target(uint64_t *random, struct oracle *oracle, struct store_case *c)
{
	uint64_t target = random_next(random) >> 18;
	const ZydisDecodedOperand *operand = &c->operands[0];
	uint8_t *ours = oracle_ours(oracle, c->addr, sizeof(target));

	if (c->insn.mnemonic != ZYDIS_MNEMONIC_CALL || !(random_next(random) & 3))
		return;
	if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    operand->reg.value != ZYDIS_REGISTER_RSP)
		mw_x86_gpr_write(&c->regs, mw_x86_gpr_number(operand->reg.value), target);
	if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || !ours)
		return;
	memcpy(ours, &target, sizeof(target));
	memcpy((uint8_t *)(uintptr_t)c->addr, &target, sizeof(target));
}

/** Fills all but bytes, insn and operands. @return false when the store can't be made to hit. */
static inline bool case_randomize(uint64_t *random, struct oracle *oracle, struct store_case *c)
{
	const ZydisDecodedOperand *operand = case_memory(c);

	random_registers(random, oracle, c);
	c->code = oracle_address(oracle->region) + 64;
	c->addr = random_address(random, choose_window(oracle, c), operand->size / 8);
	random_stack(random, oracle, c);
	if (c->insn.meta.category == ZYDIS_CATEGORY_STRINGOP)
		random_string(random, oracle, c);
	else if (!is_stack_slot(operand) && !solve_operand(random, oracle, c, &operand->mem))
		return false;
	if (is_bit_case(c) && !limit_bit_offset(c, &operand->mem))
		return false;
	if (is_bit_case(c) && !solve_operand(random, oracle, c, &operand->mem))
		return false;
	random_memory(random, oracle, c->addr);
	random_memory(random, oracle, c->regs.rsp);
	maybe_match_memory(random, oracle, c, &operand->mem);
	random_call_target(random, oracle, c);
	c->regs.rip = c->code;
	return true;
}

#endif
