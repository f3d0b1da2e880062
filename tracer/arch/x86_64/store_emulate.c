// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <stddef.h>
#include <string.h>

/* In the order of their encoding. */
static const uint16_t segment_offsets[] = {
	offsetof(struct user_regs_struct, es), offsetof(struct user_regs_struct, cs),
	offsetof(struct user_regs_struct, ss), offsetof(struct user_regs_struct, ds),
	offsetof(struct user_regs_struct, fs), offsetof(struct user_regs_struct, gs),
};

static uint64_t read_segment(const struct user_regs_struct *regs, uint8_t segment)
{
	uint64_t selector;

	memcpy(&selector, (const char *)regs + segment_offsets[segment], sizeof(selector));
	return (uint16_t)selector;
}

/* The value stored or called. False when it stands in memory that can't be read. */
static bool read_source(const struct x86_execution *execution, uint64_t *ret)
{
	const struct x86_store *store = x86_store_of(execution->store);
	const struct user_regs_struct *regs = &execution->state->regs;
	uint64_t addr;

	switch (store->source) {
	case X86_SOURCE_GPR:
		*ret = mw_x86_gpr_read(regs, store->source_register);
		return true;
	case X86_SOURCE_SEGMENT:
		*ret = read_segment(regs, store->source_register);
		return true;
	case X86_SOURCE_IMMEDIATE:
		*ret = (uint64_t)store->immediate;
		return true;
	case X86_SOURCE_EFLAGS:
		*ret = regs->eflags & ~(uint64_t)(X86_EFLAGS_RF | X86_EFLAGS_VM);
		return true;
	case X86_SOURCE_MEMORY:
		addr = mw_x86_address_resolve(&store->address, execution->store->length, regs);
		*ret = 0;
		return mw_x86_memory_read(execution->memory, addr, ret, store->width);
	}
	return false;
}

static enum mw_store_result move_value(const struct x86_execution *execution)
{
	uint64_t value;

	if (!read_source(execution, &value))
		return MW_STORE_FAULT;
	memcpy(execution->operand, &value, x86_store_of(execution->store)->width);
	execution->state->regs.rip += execution->store->length;
	return MW_STORE_DONE;
}

static enum mw_store_result push(const struct x86_execution *execution)
{
	enum mw_store_result result = move_value(execution);

	if (result == MW_STORE_DONE)
		execution->state->regs.rsp -= x86_store_of(execution->store)->width;
	return result;
}

/* A call to anywhere else faults before it pushes, unless 5-level paging makes it canonical. */
static bool is_canonical(uint64_t addr)
{
	return addr >> 47 == 0 || addr >> 47 == 0x1ffff;
}

static enum mw_store_result call(const struct x86_execution *execution)
{
	const struct x86_store *store = x86_store_of(execution->store);
	struct user_regs_struct *regs = &execution->state->regs;
	uint64_t next = regs->rip + execution->store->length;
	uint64_t target;

	if (!read_source(execution, &target))
		return MW_STORE_FAULT;
	if (store->source == X86_SOURCE_IMMEDIATE)
		target += next;
	if (!is_canonical(target))
		return MW_STORE_MUST_STEP;
	memcpy(execution->operand, &next, sizeof(next));
	regs->rsp -= sizeof(next);
	regs->rip = target;
	return MW_STORE_DONE;
}

static enum mw_store_result pop(const struct x86_execution *execution)
{
	struct user_regs_struct *regs = &execution->state->regs;
	uint8_t width = x86_store_of(execution->store)->width;

	if (!mw_x86_memory_read(execution->memory, regs->rsp, execution->operand, width))
		return MW_STORE_FAULT;
	regs->rsp += width;
	regs->rip += execution->store->length;
	return MW_STORE_DONE;
}

enum mw_store_result mw_x86_emulate(const struct x86_execution *execution)
{
	switch (x86_store_of(execution->store)->kind) {
	case X86_STORE_VALUE:
		return move_value(execution);
	case X86_STORE_PUSH:
		return push(execution);
	case X86_STORE_CALL:
		return call(execution);
	case X86_STORE_POP:
		return pop(execution);
	default:
		return MW_STORE_MUST_STEP;
	}
}
