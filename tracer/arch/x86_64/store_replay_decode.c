// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include "tracer/arch/x86_64/store_thunk.h"

enum replay_trait {
	/** Only general registers and flags. */
	GENERAL = 1 << 0,
	/** Reads vector or mask registers, or mxcsr. */
	VECTOR = 1 << 1,
	/** Reads and changes the x87 or MMX state. */
	X87 = 1 << 2,
	/** Faults unless the operand is aligned to its size. */
	ALIGNED = 1 << 3,
	/** Packs the elements that its mask selects. */
	COMPRESS = 1 << 4,
	/** Is masked by the sign bits of a vector register. */
	SIGN_MASK = 1 << 5,
	RAISES_SIMD = 1 << 6,
};

/*
 * Instructions that may be run in memwatch. fnstenv and fnsave are missing as they would store
 * addresses of memwatch, xsave and its kin as they write what only the tracee has.
 */
static const uint8_t replay_traits[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
	[ZYDIS_MNEMONIC_ADC] = GENERAL,
	[ZYDIS_MNEMONIC_ADD] = GENERAL,
	[ZYDIS_MNEMONIC_AND] = GENERAL,
	[ZYDIS_MNEMONIC_BTC] = GENERAL,
	[ZYDIS_MNEMONIC_BTR] = GENERAL,
	[ZYDIS_MNEMONIC_BTS] = GENERAL,
	[ZYDIS_MNEMONIC_CMPXCHG] = GENERAL,
	[ZYDIS_MNEMONIC_CMPXCHG16B] = GENERAL | ALIGNED,
	[ZYDIS_MNEMONIC_CMPXCHG8B] = GENERAL,
	[ZYDIS_MNEMONIC_DEC] = GENERAL,
	[ZYDIS_MNEMONIC_EXTRACTPS] = VECTOR,
	[ZYDIS_MNEMONIC_FBSTP] = X87,
	[ZYDIS_MNEMONIC_FIST] = X87,
	[ZYDIS_MNEMONIC_FISTP] = X87,
	[ZYDIS_MNEMONIC_FISTTP] = X87,
	[ZYDIS_MNEMONIC_FNSTCW] = X87,
	[ZYDIS_MNEMONIC_FNSTSW] = X87,
	[ZYDIS_MNEMONIC_FST] = X87,
	[ZYDIS_MNEMONIC_FSTP] = X87,
	[ZYDIS_MNEMONIC_INC] = GENERAL,
	[ZYDIS_MNEMONIC_KMOVB] = VECTOR,
	[ZYDIS_MNEMONIC_KMOVD] = VECTOR,
	[ZYDIS_MNEMONIC_KMOVQ] = VECTOR,
	[ZYDIS_MNEMONIC_KMOVW] = VECTOR,
	[ZYDIS_MNEMONIC_MASKMOVDQU] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_MASKMOVQ] = X87 | SIGN_MASK,
	[ZYDIS_MNEMONIC_MOV] = GENERAL,
	[ZYDIS_MNEMONIC_MOVAPD] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVAPS] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVBE] = GENERAL,
	[ZYDIS_MNEMONIC_MOVD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVDIRI] = GENERAL,
	[ZYDIS_MNEMONIC_MOVDQA] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVDQU] = VECTOR,
	[ZYDIS_MNEMONIC_MOVHPD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVHPS] = VECTOR,
	[ZYDIS_MNEMONIC_MOVLPD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVLPS] = VECTOR,
	[ZYDIS_MNEMONIC_MOVNTDQ] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVNTI] = GENERAL,
	[ZYDIS_MNEMONIC_MOVNTPD] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVNTPS] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_MOVNTQ] = X87,
	[ZYDIS_MNEMONIC_MOVNTSD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVNTSS] = VECTOR,
	[ZYDIS_MNEMONIC_MOVQ] = VECTOR,
	[ZYDIS_MNEMONIC_MOVSD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVSS] = VECTOR,
	[ZYDIS_MNEMONIC_MOVUPD] = VECTOR,
	[ZYDIS_MNEMONIC_MOVUPS] = VECTOR,
	[ZYDIS_MNEMONIC_NEG] = GENERAL,
	[ZYDIS_MNEMONIC_NOT] = GENERAL,
	[ZYDIS_MNEMONIC_OR] = GENERAL,
	[ZYDIS_MNEMONIC_PEXTRB] = VECTOR,
	[ZYDIS_MNEMONIC_PEXTRD] = VECTOR,
	[ZYDIS_MNEMONIC_PEXTRQ] = VECTOR,
	[ZYDIS_MNEMONIC_PEXTRW] = VECTOR,
	[ZYDIS_MNEMONIC_RCL] = GENERAL,
	[ZYDIS_MNEMONIC_RCR] = GENERAL,
	[ZYDIS_MNEMONIC_ROL] = GENERAL,
	[ZYDIS_MNEMONIC_ROR] = GENERAL,
	[ZYDIS_MNEMONIC_SAR] = GENERAL,
	[ZYDIS_MNEMONIC_SBB] = GENERAL,
	[ZYDIS_MNEMONIC_SETB] = GENERAL,
	[ZYDIS_MNEMONIC_SETBE] = GENERAL,
	[ZYDIS_MNEMONIC_SETL] = GENERAL,
	[ZYDIS_MNEMONIC_SETLE] = GENERAL,
	[ZYDIS_MNEMONIC_SETNB] = GENERAL,
	[ZYDIS_MNEMONIC_SETNBE] = GENERAL,
	[ZYDIS_MNEMONIC_SETNL] = GENERAL,
	[ZYDIS_MNEMONIC_SETNLE] = GENERAL,
	[ZYDIS_MNEMONIC_SETNO] = GENERAL,
	[ZYDIS_MNEMONIC_SETNP] = GENERAL,
	[ZYDIS_MNEMONIC_SETNS] = GENERAL,
	[ZYDIS_MNEMONIC_SETNZ] = GENERAL,
	[ZYDIS_MNEMONIC_SETO] = GENERAL,
	[ZYDIS_MNEMONIC_SETP] = GENERAL,
	[ZYDIS_MNEMONIC_SETS] = GENERAL,
	[ZYDIS_MNEMONIC_SETZ] = GENERAL,
	[ZYDIS_MNEMONIC_SHL] = GENERAL,
	[ZYDIS_MNEMONIC_SHLD] = GENERAL,
	[ZYDIS_MNEMONIC_SHR] = GENERAL,
	[ZYDIS_MNEMONIC_SHRD] = GENERAL,
	[ZYDIS_MNEMONIC_STMXCSR] = VECTOR,
	[ZYDIS_MNEMONIC_SUB] = GENERAL,
	[ZYDIS_MNEMONIC_VCOMPRESSPD] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VCOMPRESSPS] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VCVTPS2PH] = VECTOR | RAISES_SIMD,
	[ZYDIS_MNEMONIC_VEXTRACTF128] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTF32X4] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTF32X8] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTF64X2] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTF64X4] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTI128] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTI32X4] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTI32X8] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTI64X2] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTI64X4] = VECTOR,
	[ZYDIS_MNEMONIC_VEXTRACTPS] = VECTOR,
	[ZYDIS_MNEMONIC_VMASKMOVDQU] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_VMASKMOVPD] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_VMASKMOVPS] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_VMOVAPD] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVAPS] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVD] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVDQA] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVDQA32] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVDQA64] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVDQU] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVDQU16] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVDQU32] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVDQU64] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVDQU8] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVHPD] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVHPS] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVLPD] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVLPS] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVNTDQ] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVNTPD] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVNTPS] = VECTOR | ALIGNED,
	[ZYDIS_MNEMONIC_VMOVQ] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVSD] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVSS] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVUPD] = VECTOR,
	[ZYDIS_MNEMONIC_VMOVUPS] = VECTOR,
	[ZYDIS_MNEMONIC_VPCOMPRESSB] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VPCOMPRESSD] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VPCOMPRESSQ] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VPCOMPRESSW] = VECTOR | COMPRESS,
	[ZYDIS_MNEMONIC_VPEXTRB] = VECTOR,
	[ZYDIS_MNEMONIC_VPEXTRD] = VECTOR,
	[ZYDIS_MNEMONIC_VPEXTRQ] = VECTOR,
	[ZYDIS_MNEMONIC_VPEXTRW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMASKMOVD] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_VPMASKMOVQ] = VECTOR | SIGN_MASK,
	[ZYDIS_MNEMONIC_VPMOVDB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVDW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVQB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVQD] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVQW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSDB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSDW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSQB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSQD] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSQW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVSWB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSDB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSDW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSQB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSQD] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSQW] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVUSWB] = VECTOR,
	[ZYDIS_MNEMONIC_VPMOVWB] = VECTOR,
	[ZYDIS_MNEMONIC_VSTMXCSR] = VECTOR,
	[ZYDIS_MNEMONIC_XADD] = GENERAL,
	[ZYDIS_MNEMONIC_XCHG] = GENERAL,
	[ZYDIS_MNEMONIC_XOR] = GENERAL,
};

static bool is_register_class(const ZydisDecodedOperand *operand, ZydisRegisterClass wanted)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetClass(operand->reg.value) == wanted;
}

static bool has_mmx_operand(const struct x86_decoding *decoding)
{
	for (int i = 0; i < decoding->insn.operand_count_visible; i++)
		if (is_register_class(&decoding->operands[i], ZYDIS_REGCLASS_MMX))
			return true;
	return false;
}

static uint32_t needed_xstate(const struct x86_decoding *decoding, uint8_t traits)
{
	uint32_t needed = 0;

	if (traits & VECTOR)
		needed |= X86_XSTATE_VECTOR;
	if (traits & X87 || has_mmx_operand(decoding))
		needed |= X86_XSTATE_X87;
	return needed & decoding->cpu->xstate.components;
}

/* Offset of register 0's low 16 bytes (or 8, for MMX) in the extended state. */
static uint16_t vector_offset(const ZydisDecodedOperand *operand)
{
	enum { MMX_OFFSET = 32, XMM_OFFSET = 160 };

	return is_register_class(operand, ZYDIS_REGCLASS_MMX) ? MMX_OFFSET : XMM_OFFSET;
}

static void decode_elements(const struct x86_decoding *decoding, struct x86_store *ret)
{
	ret->element_size = (uint8_t)(decoding->target->element_size / 8);
	ret->element_count = ret->element_size ? ret->width / ret->element_size : 0;
}

/* The mask is the register operand next to the memory operand in all of these. */
static void decode_sign_mask(const struct x86_decoding *decoding, struct x86_store *ret)
{
	const ZydisDecodedOperand *mask = &decoding->operands[1];

	decode_elements(decoding, ret);
	if (decoding->target->visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
		ret->element_size = 1;
		ret->element_count = ret->width;
	}
	ret->kind = X86_STORE_REPLAY_SIGN_MASK;
	ret->mask_register = (uint8_t)ZydisRegisterGetId(mask->reg.value);
	ret->mask_offset = vector_offset(mask);
	ret->mask_high_offset = (uint16_t)decoding->cpu->xstate.component[2].offset;
}

static void decode_opmask(const struct x86_decoding *decoding, uint8_t traits,
			  struct x86_store *ret)
{
	decode_elements(decoding, ret);
	ret->kind = traits & COMPRESS ? X86_STORE_REPLAY_COMPRESS : X86_STORE_REPLAY_OPMASK;
	ret->mask_register = (uint8_t)ZydisRegisterGetId(decoding->insn.avx.mask.reg);
	ret->mask_offset = (uint16_t)decoding->cpu->xstate.component[5].offset;
}

static bool is_bit_instruction(const struct x86_decoding *decoding)
{
	ZydisMnemonic mnemonic = decoding->insn.mnemonic;

	return mnemonic == ZYDIS_MNEMONIC_BTS || mnemonic == ZYDIS_MNEMONIC_BTR ||
	       mnemonic == ZYDIS_MNEMONIC_BTC;
}

static bool has_opmask(const struct x86_decoding *decoding)
{
	ZydisRegister mask = decoding->insn.avx.mask.reg;

	return mask != ZYDIS_REGISTER_NONE && mask != ZYDIS_REGISTER_K0;
}

static void decode_coverage(const struct x86_decoding *decoding, uint8_t traits,
			    struct x86_store *ret)
{
	ret->kind = X86_STORE_REPLAY;
	if (traits & SIGN_MASK) {
		decode_sign_mask(decoding, ret);
	} else if (has_opmask(decoding)) {
		decode_opmask(decoding, traits, ret);
	} else if (is_bit_instruction(decoding) &&
		   decoding->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
		ret->kind = X86_STORE_REPLAY_BIT;
		ret->mask_register = mw_x86_gpr_number(decoding->operands[1].reg.value);
	}
}

/* Segment registers are memwatch's own here, and a vector of indexes makes many operands. */
static bool has_foreign_operand(const struct x86_decoding *decoding)
{
	for (int i = 0; i < decoding->insn.operand_count_visible; i++)
		if (is_register_class(&decoding->operands[i], ZYDIS_REGCLASS_SEGMENT))
			return true;
	return decoding->target->mem.type != ZYDIS_MEMOP_TYPE_MEM;
}

bool mw_x86_replay_decode(const struct x86_decoding *decoding, struct x86_store *ret)
{
	uint8_t traits = replay_traits[decoding->insn.mnemonic];

	if (!traits || !decoding->cpu->has_isa_set[decoding->insn.meta.isa_set] ||
	    decoding->insn.meta.category == ZYDIS_CATEGORY_STRINGOP ||
	    has_foreign_operand(decoding) || !mw_x86_rewrite(decoding, ret))
		return false;
	ret->xstate = (uint8_t)needed_xstate(decoding, traits);
	if (traits & (VECTOR | X87) && !ret->xstate)
		return false;
	ret->alignment = traits & ALIGNED ? ret->width : 1;
	ret->raises_simd = traits & RAISES_SIMD;
	ret->x87_opcode = (uint16_t)((decoding->insn.opcode & 7) << 8 |
				     decoding->bytes[decoding->insn.raw.modrm.offset]);
	decode_coverage(decoding, traits, ret);
	// Whether the bit offset counts before or behind the truncation is not documented.
	return ret->kind != X86_STORE_REPLAY_BIT || !ret->address.narrow;
}
