// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

enum prefix {
	PREFIX_OPERAND_SIZE = 0x66,
	PREFIX_REPNE = 0xf2,
	PREFIX_REP = 0xf3,
};

static bool has_prefix(const struct x86_decoding *decoding, enum prefix prefix)
{
	for (int i = 0; i < decoding->insn.raw.prefix_count; i++)
		if (decoding->insn.raw.prefixes[i].value == prefix)
			return true;
	return false;
}

static bool decode_register_source(ZydisRegister reg, struct x86_store *ret)
{
	ret->source = X86_SOURCE_GPR;
	ret->source_register = mw_x86_gpr_number(reg);
	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_SEGMENT) {
		ret->source = X86_SOURCE_SEGMENT;
		ret->source_register = (uint8_t)ZydisRegisterGetId(reg);
	}
	return ret->source_register != X86_NO_REG;
}

static bool decode_source(const struct x86_decoding *decoding, struct x86_store *ret)
{
	const ZydisDecodedOperand *operand = &decoding->operands[0];

	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return decode_register_source(operand->reg.value, ret);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		ret->source = X86_SOURCE_IMMEDIATE;
		ret->immediate = operand->imm.value.s;
		return true;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		ret->source = X86_SOURCE_MEMORY;
		return mw_x86_address_decode(decoding, operand, &ret->address);
	default:
		return false;
	}
}

static bool decode_push(const struct x86_decoding *decoding, struct x86_store *ret)
{
	ret->kind = X86_STORE_PUSH;
	return decode_source(decoding, ret);
}

static bool decode_push_flags(const struct x86_decoding *decoding, struct x86_store *ret)
{
	(void)decoding;
	ret->kind = X86_STORE_PUSH;
	ret->source = X86_SOURCE_EFLAGS;
	return true;
}

/* With an operand-size prefix, vendors disagree about what a call does. */
static bool decode_call(const struct x86_decoding *decoding, struct x86_store *ret)
{
	ret->kind = X86_STORE_CALL;
	return decoding->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR &&
	       !has_prefix(decoding, PREFIX_OPERAND_SIZE) && decode_source(decoding, ret);
}

static bool decode_pop(const struct x86_decoding *decoding, struct x86_store *ret)
{
	(void)decoding;
	ret->kind = X86_STORE_POP;
	return true;
}

/* mov that can't be replayed: from a segment register, or to an absolute address (moffs). */
static bool decode_move(const struct x86_decoding *decoding, struct x86_store *ret)
{
	ret->kind = X86_STORE_VALUE;
	return decoding->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       decode_register_source(decoding->operands[1].reg.value, ret);
}

/* Either repeat prefix repeats these, whatever the manual says about repne. */
static bool decode_string(const struct x86_decoding *decoding, struct x86_store *ret)
{
	const ZydisDecodedOperand *source = &decoding->operands[1];

	if (decoding->insn.meta.category != ZYDIS_CATEGORY_STRINGOP)
		return false;
	ret->kind = X86_STORE_STRING;
	ret->repeats = has_prefix(decoding, PREFIX_REP) || has_prefix(decoding, PREFIX_REPNE);
	ret->copies = source->type == ZYDIS_OPERAND_TYPE_MEMORY;
	return !ret->copies || mw_x86_address_decode(decoding, source, &ret->address);
}

static const struct {
	uint16_t mnemonic;
	bool (*decode)(const struct x86_decoding *decoding, struct x86_store *ret);
} emulations[] = {
	{ZYDIS_MNEMONIC_PUSH, decode_push},         {ZYDIS_MNEMONIC_PUSHF, decode_push_flags},
	{ZYDIS_MNEMONIC_PUSHFQ, decode_push_flags}, {ZYDIS_MNEMONIC_CALL, decode_call},
	{ZYDIS_MNEMONIC_POP, decode_pop},           {ZYDIS_MNEMONIC_MOV, decode_move},
	{ZYDIS_MNEMONIC_MOVSB, decode_string},      {ZYDIS_MNEMONIC_MOVSW, decode_string},
	{ZYDIS_MNEMONIC_MOVSD, decode_string},      {ZYDIS_MNEMONIC_MOVSQ, decode_string},
	{ZYDIS_MNEMONIC_STOSB, decode_string},      {ZYDIS_MNEMONIC_STOSW, decode_string},
	{ZYDIS_MNEMONIC_STOSD, decode_string},      {ZYDIS_MNEMONIC_STOSQ, decode_string},
};

bool mw_x86_emulate_decode(const struct x86_decoding *decoding, struct x86_store *ret)
{
	for (size_t i = 0; i < mw_array_size(emulations); i++)
		if (emulations[i].mnemonic == decoding->insn.mnemonic)
			return emulations[i].decode(decoding, ret);
	return false;
}
