// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"

static const uint16_t gpr_offsets[] = {
	offsetof(struct user_regs_struct, rax), offsetof(struct user_regs_struct, rcx),
	offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, rbx),
	offsetof(struct user_regs_struct, rsp), offsetof(struct user_regs_struct, rbp),
	offsetof(struct user_regs_struct, rsi), offsetof(struct user_regs_struct, rdi),
	offsetof(struct user_regs_struct, r8),  offsetof(struct user_regs_struct, r9),
	offsetof(struct user_regs_struct, r10), offsetof(struct user_regs_struct, r11),
	offsetof(struct user_regs_struct, r12), offsetof(struct user_regs_struct, r13),
	offsetof(struct user_regs_struct, r14), offsetof(struct user_regs_struct, r15),
};

static uint8_t address_register(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return X86_RIP;
	return mw_x86_gpr_number(reg);
}

static enum x86_segment address_segment(ZydisRegister segment)
{
	if (segment == ZYDIS_REGISTER_FS)
		return X86_SEGMENT_FS;
	return segment == ZYDIS_REGISTER_GS ? X86_SEGMENT_GS : X86_SEGMENT_FLAT;
}

/* ModRM and SIB that mean a displacement without base. Zydis 4.0 takes r13d for the base when REX.B
 * and the address-size prefix are there. */
static bool has_no_base(const ZydisDecodedInstruction *insn)
{
	return insn->raw.modrm.mod == 0 && insn->raw.modrm.rm == 4 && insn->raw.sib.base == 5;
}

bool mw_x86_address_decode(const struct x86_decoding *decoding, const ZydisDecodedOperand *operand,
			   struct x86_address *ret)
{
	const ZydisDecodedOperandMem *mem = &operand->mem;

	ret->base = address_register(mem->base);
	ret->index = address_register(mem->index);
	ret->scale = mem->scale;
	ret->displacement = mem->disp.has_displacement ? mem->disp.value : 0;
	ret->segment = (uint8_t)address_segment(mem->segment);
	if (ret->base == X86_R13 && has_no_base(&decoding->insn)) {
		ret->base = X86_NO_REG;
		ret->displacement = decoding->insn.raw.disp.value;
	}
	ret->narrow = decoding->insn.address_width == 32;
	return mem->type == ZYDIS_MEMOP_TYPE_MEM;
}

uint64_t mw_x86_gpr_read(const struct user_regs_struct *regs, uint8_t gpr)
{
	uint64_t value;

	memcpy(&value, (const char *)regs + gpr_offsets[gpr], sizeof(value));
	return value;
}

void mw_x86_gpr_write(struct user_regs_struct *regs, uint8_t gpr, uint64_t value)
{
	memcpy((char *)regs + gpr_offsets[gpr], &value, sizeof(value));
}

static uint64_t base_value(const struct x86_address *address, uint8_t length,
			   const struct user_regs_struct *regs)
{
	if (address->base == X86_NO_REG)
		return 0;
	if (address->base == X86_RIP)
		return regs->rip + length;
	return mw_x86_gpr_read(regs, address->base);
}

uint64_t mw_x86_address_resolve(const struct x86_address *address, uint8_t length,
				const struct user_regs_struct *regs)
{
	uint64_t offset = base_value(address, length, regs) + (uint64_t)address->displacement;

	if (address->index != X86_NO_REG)
		offset += mw_x86_gpr_read(regs, address->index) * address->scale;
	if (address->narrow)
		offset = (uint32_t)offset;
	if (address->segment == X86_SEGMENT_FS)
		offset += regs->fs_base;
	else if (address->segment == X86_SEGMENT_GS)
		offset += regs->gs_base;
	return offset;
}

bool mw_x86_memory_read(const struct mw_mem_reader *memory, uint64_t addr, void *ret, size_t size)
{
	struct mw_error *err = mw_mem_reader_read(memory, mw_addr_make(addr), ret, size);

	mw_error_destroy(err);
	return !err;
}
