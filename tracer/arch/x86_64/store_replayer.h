// SPDX-License-Identifier: MIT
#ifndef MW_TRACER_ARCH_X86_64_STORE_REPLAYER_H
#define MW_TRACER_ARCH_X86_64_STORE_REPLAYER_H

#include "tracer/arch/x86_64/store_thunk.h"
#include "tracer/arch/x86_64/store_x86.h"

/** A rewritten instruction and a `ret`, ready to be called. */
struct x86_slot {
	uint8_t code[32];
};

#define X86_SLOT_COUNT 1024

/** Belongs to one thread at a time. */
struct mw_replayer {
	struct x86_frame frame;
	/** Source of a string copy. */
	uint8_t source[MW_STORE_MAX + 64];
	struct x86_cpu cpu;
	ZydisDecoder decoder;
	/** Executable; an instruction's place follows from its bytes. */
	struct x86_slot *slots;
};

/** @return where @size bytes of code stand, with a `ret` behind them, until the next call. */
const uint8_t *mw_x86_slot(struct mw_replayer *replayer, const uint8_t *code, uint8_t size);

/** All general registers, and the flags that instructions calculate with. */
void mw_x86_frame_load(struct x86_frame *frame, const struct user_regs_struct *regs);
/** But for those in @kept, a mask of numbers, and rsp. */
void mw_x86_frame_store(const struct x86_frame *frame, uint32_t kept,
			struct user_regs_struct *regs);

/** Runs the rewritten instruction on a copy of the operand. */
enum mw_store_result mw_x86_replay(const struct x86_execution *execution);

#endif
