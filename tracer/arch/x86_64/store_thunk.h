// SPDX-License-Identifier: MIT
/** The frame of a replay, as store_thunk.S sees it. */
#ifndef MW_TRACER_ARCH_X86_64_STORE_THUNK_H
#define MW_TRACER_ARCH_X86_64_STORE_THUNK_H

#define X86_FRAME_FLAGS 128
#define X86_FRAME_CODE 136
#define X86_FRAME_LOAD 144
#define X86_FRAME_SAVE 148
#define X86_FRAME_FCW 152
#define X86_FRAME_IMAGE 192
#define X86_FRAME_INIT (X86_FRAME_IMAGE + X86_IMAGE_SIZE)

#define X86_IMAGE_MXCSR 24
#define X86_IMAGE_HEADER 512
#define X86_IMAGE_EXTENDED 576
/* More than the components that replays load take on any CPU. */
#define X86_IMAGE_SIZE 4096

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct x86_frame {
	/** The tracee's general registers, by number; rsp is not loaded. */
	uint64_t gpr[16];
	uint64_t flags;
	const uint8_t *code;
	/** Components of the extended state to load before and to save behind the instruction. */
	uint32_t load;
	uint32_t save;
	/** memwatch's own x87 control word meanwhile. */
	uint16_t fcw;
	/** The tracee's extended state. */
	_Alignas(64) uint8_t image[X86_IMAGE_SIZE];
	/** An extended state with nothing in it, loaded behind the instruction. */
	_Alignas(64) uint8_t init[X86_IMAGE_EXTENDED];
	/** The copy of the operand, with room for any alignment. */
	_Alignas(64) uint8_t operand[192];
};

_Static_assert(offsetof(struct x86_frame, flags) == X86_FRAME_FLAGS, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, code) == X86_FRAME_CODE, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, load) == X86_FRAME_LOAD, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, save) == X86_FRAME_SAVE, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, fcw) == X86_FRAME_FCW, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, image) == X86_FRAME_IMAGE, "as in store_thunk.S");
_Static_assert(offsetof(struct x86_frame, init) == X86_FRAME_INIT, "as in store_thunk.S");

/**
 * Loads the tracee's registers, calls frame->code and stores the registers again.
 *
 * The stack pointer stays memwatch's own all the time, and DF stays clear: a signal that arrives
 * meanwhile finds a sound stack. The x87 and vector registers are empty afterwards; mxcsr and the
 * x87 control word are restored.
 */
void mw_x86_thunk(struct x86_frame *frame);

#endif
#endif
