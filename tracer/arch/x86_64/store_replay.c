// SPDX-License-Identifier: MIT
#include <string.h>

#include "tracer/arch/x86_64/store_replayer.h"

enum {
	CACHE_LINE = 64,
	RET = 0xc3,
	INT3 = 0xcc,
	/* The x87 part of the extended state. */
	X87_FCW = 0,
	X87_FSW = 2,
	FCW_ALL_MASKED = 0x3f,
	FSW_EXCEPTION_PENDING = 0x80,
	MXCSR_ALL_MASKED = 0x1f80,
};

/* Where the operand's copy lies: at the tracee's address modulo a cache line, as the CPU checks
 * alignment. An atomic store across two lines is legal, but machines that detect split locks would
 * punish memwatch for it, so that one is moved. */
static uint8_t *operand_place(const struct x86_execution *execution, uint64_t addr)
{
	uint64_t offset = addr % CACHE_LINE;

	if (execution->store->cause == MW_CAUSE_ATOMIC &&
	    offset + x86_store_of(execution->store)->width > CACHE_LINE)
		offset = 0;
	return execution->replayer->frame.operand + offset;
}

/* Address of the first byte of the operand, of which a mask may leave out a part. */
static uint64_t operand_address(const struct x86_execution *execution)
{
	const struct x86_store *store = x86_store_of(execution->store);

	if (store->kind == X86_STORE_REPLAY || store->kind == X86_STORE_REPLAY_BIT)
		return execution->target->addr.v;
	return mw_x86_address_resolve(&store->address, execution->store->length,
				      &execution->state->regs);
}

const uint8_t *mw_x86_slot(struct mw_replayer *replayer, const uint8_t *code, uint8_t size)
{
	uint32_t hash = 0;
	uint8_t *slot;

	for (uint8_t i = 0; i < size; i++)
		hash = (hash ^ code[i]) * 0x01000193u;
	slot = replayer->slots[(hash >> 16 ^ hash) % X86_SLOT_COUNT].code;
	// Writing to code is dear for the CPU even when nothing changes.
	if (memcmp(slot, code, size) || slot[size] != RET) {
		memset(slot, INT3, sizeof(struct x86_slot));
		memcpy(slot, code, size);
		slot[size] = RET;
	}
	return slot;
}

void mw_x86_frame_load(struct x86_frame *frame, const struct user_regs_struct *regs)
{
	for (unsigned i = 0; i <= X86_R15; i++)
		frame->gpr[i] = mw_x86_gpr_read(regs, i);
	frame->flags = (regs->eflags & X86_EFLAGS_ARITHMETIC) | X86_EFLAGS_IF;
}

void mw_x86_frame_store(const struct x86_frame *frame, uint32_t kept, struct user_regs_struct *regs)
{
	kept |= 1u << X86_RSP;
	for (unsigned i = 0; i <= X86_R15; i++)
		if (!(kept >> i & 1))
			mw_x86_gpr_write(regs, i, frame->gpr[i]);
	regs->eflags &= ~(uint64_t)X86_EFLAGS_ARITHMETIC;
	regs->eflags |= frame->flags & X86_EFLAGS_ARITHMETIC;
}

static uint16_t read_u16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool can_raise(const struct x86_frame *frame, const struct x86_store *store)
{
	uint32_t mxcsr;

	if (store->xstate & X86_XSTATE_X87 && frame->image[X86_IMAGE_HEADER] & X86_XSTATE_X87 &&
	    ((read_u16(frame->image + X87_FCW) & FCW_ALL_MASKED) != FCW_ALL_MASKED ||
	     read_u16(frame->image + X87_FSW) & FSW_EXCEPTION_PENDING))
		return true;
	memcpy(&mxcsr, frame->image + X86_IMAGE_MXCSR, sizeof(mxcsr));
	return store->raises_simd && (mxcsr & MXCSR_ALL_MASKED) != MXCSR_ALL_MASKED;
}

/* Prepares the extended state. False when this store has to be stepped. */
static bool load_xstate(const struct x86_execution *execution, const struct x86_store *store)
{
	struct x86_frame *frame = &execution->replayer->frame;

	frame->load = store->xstate;
	frame->save = store->xstate & X86_XSTATE_X87;
	if (store->raises_simd)
		frame->save |= X86_XSTATE_SSE;
	if (!frame->load)
		return true;
	return mw_x86_xstate_load(&execution->replayer->cpu.xstate, frame->load, execution->state,
				  frame->image) &&
	       !can_raise(frame, store);
}

static void store_xstate(const struct x86_execution *execution, const struct x86_store *store,
			 const uint8_t *place)
{
	struct x86_frame *frame = &execution->replayer->frame;
	const struct x86_x87_pointers ours = {
		.instruction = (uint64_t)(uintptr_t)frame->code,
		.operand = (uint64_t)(uintptr_t)place,
	};
	const struct x86_x87_pointers theirs = {
		.instruction = execution->state->regs.rip,
		.operand = execution->target->addr.v,
		.opcode = store->x87_opcode,
	};

	if (!frame->save)
		return;
	if (frame->save & X86_XSTATE_X87)
		mw_x86_x87_translate(frame->image, &ours, &theirs);
	mw_x86_xstate_store(&execution->replayer->cpu.xstate, frame->save, frame->image,
			    execution->state);
}

static void load_registers(const struct x86_execution *execution, const struct x86_store *store,
			   const uint8_t *place)
{
	const struct user_regs_struct *regs = &execution->state->regs;
	struct x86_frame *frame = &execution->replayer->frame;

	mw_x86_frame_load(frame, regs);
	if (store->rsp_alias != X86_NO_REG)
		frame->gpr[store->rsp_alias] = regs->rsp;
	frame->gpr[store->base] = (uint64_t)(uintptr_t)place;
	if (store->kind == X86_STORE_REPLAY_BIT)
		frame->gpr[store->base] -= (uint64_t)mw_x86_bit_distance(store, regs);
}

static void store_registers(const struct x86_execution *execution, const struct x86_store *store)
{
	struct user_regs_struct *regs = &execution->state->regs;
	const struct x86_frame *frame = &execution->replayer->frame;
	uint32_t kept = 1u << store->base;

	if (store->rsp_alias != X86_NO_REG) {
		kept |= 1u << store->rsp_alias;
		regs->rsp = frame->gpr[store->rsp_alias];
	}
	mw_x86_frame_store(frame, kept, regs);
	regs->rip += execution->store->length;
}

/* A store whose mask is empty has no operand at all. */
static void copy_operand(uint8_t *to, const uint8_t *from, uint32_t size)
{
	if (size)
		memcpy(to, from, size);
}

enum mw_store_result mw_x86_replay(const struct x86_execution *execution)
{
	const struct x86_store *store = x86_store_of(execution->store);
	const struct mw_store_target *target = execution->target;
	struct x86_frame *frame = &execution->replayer->frame;
	uint64_t addr = operand_address(execution);
	uint8_t *place = operand_place(execution, addr);
	uint8_t *written = place + (target->addr.v - addr);

	if (addr % store->alignment || !load_xstate(execution, store))
		return MW_STORE_MUST_STEP;
	frame->code = mw_x86_slot(execution->replayer, store->code, store->code_size);
	load_registers(execution, store, place);
	copy_operand(written, execution->operand, target->size);
	mw_x86_thunk(frame);
	copy_operand(execution->operand, written, target->size);
	store_xstate(execution, store, place);
	store_registers(execution, store);
	return MW_STORE_DONE;
}
