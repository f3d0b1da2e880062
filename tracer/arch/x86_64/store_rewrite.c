// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <string.h>

/* Registers that ModRM can name as a base alone, without REX: not rsp (SIB) and not rbp (disp). */
static const uint8_t bases[] = {X86_RDI, X86_RSI, X86_RBX, X86_RDX, X86_RCX, X86_RAX};

uint8_t mw_x86_gpr_number(ZydisRegister reg)
{
	reg = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	if (reg < ZYDIS_REGISTER_RAX || reg > ZYDIS_REGISTER_R15)
		return X86_NO_REG;
	return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
}

/* Registers that are operands, named or implied. Those of the address don't count. */
static uint32_t operand_registers(const struct x86_decoding *decoding)
{
	uint32_t used = 0;

	for (int i = 0; i < decoding->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoding->operands[i];
		uint8_t gpr = X86_NO_REG;

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
			gpr = mw_x86_gpr_number(operand->reg.value);
		if (gpr != X86_NO_REG)
			used |= 1u << gpr;
	}
	return used;
}

static uint8_t take_free_register(uint32_t *used)
{
	for (size_t i = 0; i < mw_array_size(bases); i++) {
		if (!(*used >> bases[i] & 1)) {
			*used |= 1u << bases[i];
			return bases[i];
		}
	}
	return X86_NO_REG;
}

static bool is_rex_offset(const struct x86_decoding *decoding, int offset)
{
	return decoding->insn.attributes & ZYDIS_ATTRIB_HAS_REX &&
	       offset == decoding->insn.raw.rex.offset;
}

/*
 * Segment and address-size prefixes only matter to the address, which is rewritten. A REX in front
 * of another prefix is dead; when that prefix goes, it must go too or it would come alive.
 */
static bool is_dropped(const struct x86_decoding *decoding, int offset)
{
	uint8_t byte = decoding->bytes[offset];

	if (offset >= decoding->insn.raw.prefix_count)
		return false;
	if ((byte & 0xf0) == 0x40)
		return !is_rex_offset(decoding, offset);
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
	       byte == 0x65 || byte == 0x67;
}

/* Clears the bits that extend the base and index registers, inverted in VEX and EVEX. */
static uint8_t without_extension(const struct x86_decoding *decoding, int offset)
{
	const ZydisDecodedInstruction *insn = &decoding->insn;
	uint8_t byte = decoding->bytes[offset];

	if (is_rex_offset(decoding, offset))
		return byte & 0xfc;
	if (insn->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX && insn->raw.vex.size == 3 &&
	    offset == insn->raw.vex.offset + 1)
		return byte | 0x60;
	if (insn->encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX &&
	    offset == insn->raw.evex.offset + 1)
		return byte | 0x60;
	return byte;
}

static void copy_opcode(const struct x86_decoding *decoding, int size, struct x86_store *ret)
{
	for (int i = 0; i < size; i++)
		if (!is_dropped(decoding, i))
			ret->code[ret->code_size++] = without_extension(decoding, i);
}

static void copy_immediates(const struct x86_decoding *decoding, struct x86_store *ret)
{
	for (int i = 0; i < 2; i++) {
		uint8_t offset = decoding->insn.raw.imm[i].offset;
		uint8_t size = decoding->insn.raw.imm[i].size / 8;

		memcpy(ret->code + ret->code_size, decoding->bytes + offset, size);
		ret->code_size += size;
	}
}

/* The rsp operand is named by ModRM.reg, and another register can take its place there. */
static bool replace_rsp(uint32_t *used, uint8_t *modrm_reg, struct x86_store *ret)
{
	ret->rsp_alias = X86_NO_REG;
	if (!(*used >> X86_RSP & 1))
		return true;
	if (*modrm_reg != X86_RSP)
		return false;
	ret->rsp_alias = take_free_register(used);
	*modrm_reg = ret->rsp_alias;
	return ret->rsp_alias != X86_NO_REG;
}

/* maskmovdqu and its kin write at (rdi), which is their base as it stands. */
static void rewrite_implied(const struct x86_decoding *decoding, struct x86_store *ret)
{
	ret->base = X86_RDI;
	ret->rsp_alias = X86_NO_REG;
	for (int i = 0; i < decoding->insn.length; i++)
		if (!is_dropped(decoding, i))
			ret->code[ret->code_size++] = decoding->bytes[i];
}

bool mw_x86_rewrite(const struct x86_decoding *decoding, struct x86_store *ret)
{
	const ZydisDecodedInstruction *insn = &decoding->insn;
	uint32_t used = operand_registers(decoding);
	uint8_t modrm_reg = insn->raw.modrm.reg;

	ret->code_size = 0;
	if (!(insn->attributes & ZYDIS_ATTRIB_HAS_MODRM))
		return false;
	if (decoding->target->visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
		rewrite_implied(decoding, ret);
		return true;
	}
	if (insn->raw.modrm.mod == 3 || !replace_rsp(&used, &modrm_reg, ret))
		return false;
	ret->base = take_free_register(&used);
	if (ret->base == X86_NO_REG)
		return false;
	copy_opcode(decoding, insn->raw.modrm.offset, ret);
	ret->code[ret->code_size++] = (uint8_t)(modrm_reg << 3 | ret->base);
	copy_immediates(decoding, ret);
	return true;
}
