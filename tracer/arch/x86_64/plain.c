// SPDX-License-Identifier: MIT
#include "tracer/plain.h"

#include <string.h>

#include "tracer/arch/x86_64/store_replayer.h"

enum plain_kind {
	/** Run as it is. */
	PLAIN_RUN = 1,
	/** Does nothing. */
	PLAIN_SKIP,
	PLAIN_JUMP,
	/** Jumps if the condition that its opcode names holds. */
	PLAIN_JUMP_IF,
};

/* None of these faults, serializes, or reads what is not the same for memwatch as for the tracee.
 */
static const uint8_t kinds[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
	[ZYDIS_MNEMONIC_ADC] = PLAIN_RUN,      [ZYDIS_MNEMONIC_ADCX] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_ADD] = PLAIN_RUN,      [ZYDIS_MNEMONIC_ADOX] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_AND] = PLAIN_RUN,      [ZYDIS_MNEMONIC_ANDN] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BEXTR] = PLAIN_RUN,    [ZYDIS_MNEMONIC_BLSI] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BLSMSK] = PLAIN_RUN,   [ZYDIS_MNEMONIC_BLSR] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BSF] = PLAIN_RUN,      [ZYDIS_MNEMONIC_BSR] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BSWAP] = PLAIN_RUN,    [ZYDIS_MNEMONIC_BT] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BTC] = PLAIN_RUN,      [ZYDIS_MNEMONIC_BTR] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_BTS] = PLAIN_RUN,      [ZYDIS_MNEMONIC_BZHI] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CBW] = PLAIN_RUN,      [ZYDIS_MNEMONIC_CDQ] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CDQE] = PLAIN_RUN,     [ZYDIS_MNEMONIC_CLC] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMC] = PLAIN_RUN,      [ZYDIS_MNEMONIC_CMOVB] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVBE] = PLAIN_RUN,   [ZYDIS_MNEMONIC_CMOVL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVLE] = PLAIN_RUN,   [ZYDIS_MNEMONIC_CMOVNB] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVNBE] = PLAIN_RUN,  [ZYDIS_MNEMONIC_CMOVNL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVNLE] = PLAIN_RUN,  [ZYDIS_MNEMONIC_CMOVNO] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVNP] = PLAIN_RUN,   [ZYDIS_MNEMONIC_CMOVNS] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVNZ] = PLAIN_RUN,   [ZYDIS_MNEMONIC_CMOVO] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVP] = PLAIN_RUN,    [ZYDIS_MNEMONIC_CMOVS] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMOVZ] = PLAIN_RUN,    [ZYDIS_MNEMONIC_CMP] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CMPXCHG] = PLAIN_RUN,  [ZYDIS_MNEMONIC_CQO] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CRC32] = PLAIN_RUN,    [ZYDIS_MNEMONIC_CWD] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_CWDE] = PLAIN_RUN,     [ZYDIS_MNEMONIC_DEC] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_ENDBR64] = PLAIN_SKIP, [ZYDIS_MNEMONIC_IMUL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_INC] = PLAIN_RUN,      [ZYDIS_MNEMONIC_JB] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JBE] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JL] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JLE] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JMP] = PLAIN_JUMP,
	[ZYDIS_MNEMONIC_JNB] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JNBE] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JNL] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JNLE] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JNO] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JNP] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JNS] = PLAIN_JUMP_IF,  [ZYDIS_MNEMONIC_JNZ] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JO] = PLAIN_JUMP_IF,   [ZYDIS_MNEMONIC_JP] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_JS] = PLAIN_JUMP_IF,   [ZYDIS_MNEMONIC_JZ] = PLAIN_JUMP_IF,
	[ZYDIS_MNEMONIC_LAHF] = PLAIN_RUN,     [ZYDIS_MNEMONIC_LEA] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_LZCNT] = PLAIN_RUN,    [ZYDIS_MNEMONIC_MOV] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_MOVSX] = PLAIN_RUN,    [ZYDIS_MNEMONIC_MOVSXD] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_MOVZX] = PLAIN_RUN,    [ZYDIS_MNEMONIC_MUL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_MULX] = PLAIN_RUN,     [ZYDIS_MNEMONIC_NEG] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_NOP] = PLAIN_SKIP,     [ZYDIS_MNEMONIC_NOT] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_OR] = PLAIN_RUN,       [ZYDIS_MNEMONIC_PDEP] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_PEXT] = PLAIN_RUN,     [ZYDIS_MNEMONIC_POPCNT] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_RCL] = PLAIN_RUN,      [ZYDIS_MNEMONIC_RCR] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_ROL] = PLAIN_RUN,      [ZYDIS_MNEMONIC_ROR] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_RORX] = PLAIN_RUN,     [ZYDIS_MNEMONIC_SAHF] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SAR] = PLAIN_RUN,      [ZYDIS_MNEMONIC_SARX] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SBB] = PLAIN_RUN,      [ZYDIS_MNEMONIC_SETB] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETBE] = PLAIN_RUN,    [ZYDIS_MNEMONIC_SETL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETLE] = PLAIN_RUN,    [ZYDIS_MNEMONIC_SETNB] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETNBE] = PLAIN_RUN,   [ZYDIS_MNEMONIC_SETNL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETNLE] = PLAIN_RUN,   [ZYDIS_MNEMONIC_SETNO] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETNP] = PLAIN_RUN,    [ZYDIS_MNEMONIC_SETNS] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETNZ] = PLAIN_RUN,    [ZYDIS_MNEMONIC_SETO] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETP] = PLAIN_RUN,     [ZYDIS_MNEMONIC_SETS] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SETZ] = PLAIN_RUN,     [ZYDIS_MNEMONIC_SHL] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SHLD] = PLAIN_RUN,     [ZYDIS_MNEMONIC_SHLX] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SHR] = PLAIN_RUN,      [ZYDIS_MNEMONIC_SHRD] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SHRX] = PLAIN_RUN,     [ZYDIS_MNEMONIC_STC] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_SUB] = PLAIN_RUN,      [ZYDIS_MNEMONIC_TEST] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_TZCNT] = PLAIN_RUN,    [ZYDIS_MNEMONIC_XADD] = PLAIN_RUN,
	[ZYDIS_MNEMONIC_XCHG] = PLAIN_RUN,     [ZYDIS_MNEMONIC_XOR] = PLAIN_RUN,
};

static bool is_flags(ZydisRegister reg)
{
	return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_FLAGS;
}

/* rsp is memwatch's own while an instruction runs, and so is what rip says. */
static bool is_plain_register(ZydisRegister reg)
{
	uint8_t gpr = mw_x86_gpr_number(reg);

	return reg == ZYDIS_REGISTER_NONE || (gpr != X86_NO_REG && gpr != X86_RSP);
}

static bool is_plain_operand(const ZydisDecodedOperand *operand)
{
	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		return true;
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return is_plain_register(operand->reg.value) || is_flags(operand->reg.value);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN &&
		       is_plain_register(operand->mem.base) &&
		       is_plain_register(operand->mem.index);
	default:
		return false;
	}
}

static bool can_run(const struct x86_decoding *decoding)
{
	for (int i = 0; i < decoding->insn.operand_count; i++)
		if (!is_plain_operand(&decoding->operands[i]))
			return false;
	return true;
}

/* CPUs differ in what an operand-size prefix does to a near jump. */
static bool decode_jump(const struct x86_decoding *decoding, struct mw_plain *ret)
{
	const ZydisDecodedOperand *target = &decoding->operands[0];

	if (target->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !target->imm.is_relative ||
	    decoding->insn.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)
		return false;
	ret->distance = (int32_t)target->imm.value.s;
	ret->condition = decoding->insn.opcode & 0xf;
	return true;
}

bool mw_plain_decode(struct mw_replayer *replayer, const uint8_t *code, size_t size,
		     struct mw_plain *ret)
{
	struct x86_decoding decoding = {.cpu = &replayer->cpu, .bytes = code};

	*ret = (struct mw_plain){0};
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&replayer->decoder, code,
						 mw_min(size, (size_t)MW_INSN_MAX), &decoding.insn,
						 decoding.operands)))
		return false;
	ret->kind = kinds[decoding.insn.mnemonic];
	if (!ret->kind || !replayer->cpu.has_isa_set[decoding.insn.meta.isa_set])
		return false;
	if (ret->kind == PLAIN_RUN && !can_run(&decoding))
		return false;
	if (ret->kind >= PLAIN_JUMP && !decode_jump(&decoding, ret))
		return false;
	memcpy(ret->bytes, code, decoding.insn.length);
	ret->length = decoding.insn.length;
	return true;
}

/* Conditions come in pairs, of which the odd one is the contrary (SDM, appendix B.1). */
static bool holds(uint8_t condition, uint64_t flags)
{
	static const uint64_t any_of[8] = {
		X86_EFLAGS_OF,
		X86_EFLAGS_CF,
		X86_EFLAGS_ZF,
		X86_EFLAGS_CF | X86_EFLAGS_ZF,
		X86_EFLAGS_SF,
		X86_EFLAGS_PF,
		0,
		X86_EFLAGS_ZF,
	};
	enum { LESS = 6 };
	bool result = flags & any_of[condition / 2];

	if (condition / 2 >= LESS)
		result |= !(flags & X86_EFLAGS_SF) != !(flags & X86_EFLAGS_OF);
	return result != (condition & 1);
}

static void run(struct mw_replayer *replayer, const struct mw_plain *plain,
		struct user_regs_struct *regs)
{
	struct x86_frame *frame = &replayer->frame;

	frame->load = 0;
	frame->save = 0;
	frame->code = mw_x86_slot(replayer, plain->bytes, plain->length);
	mw_x86_frame_load(frame, regs);
	mw_x86_thunk(frame);
	mw_x86_frame_store(frame, 0, regs);
}

void mw_plain_execute(struct mw_replayer *replayer, const struct mw_plain *plain,
		      struct user_regs_struct *regs)
{
	regs->rip += plain->length;
	if (plain->kind == PLAIN_RUN)
		run(replayer, plain, regs);
	else if (plain->kind == PLAIN_JUMP ||
		 (plain->kind == PLAIN_JUMP_IF && holds(plain->condition, regs->eflags)))
		regs->rip += (uint64_t)(int64_t)plain->distance;
}
