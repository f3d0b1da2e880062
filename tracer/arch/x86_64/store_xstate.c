// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <string.h>

#include "tracer/arch/x86_64/store_thunk.h"

/* Where the legacy region keeps the x87 and SSE state; mxcsr stands between the x87 parts. */
enum {
	X87_CONTROL = 0,
	X87_OPCODE = 6,
	X87_INSTRUCTION = 8,
	X87_OPERAND = 16,
	X87_CONTROL_SIZE = 24,
	X87_REGISTERS = 32,
	X87_REGISTERS_SIZE = 128,
	SSE_REGISTERS = 160,
	SSE_REGISTERS_SIZE = 256,
	/* Bits of mxcsr that xrstor and ldmxcsr take on every CPU with SSE2. */
	MXCSR_VALID = 0xffff,
};

static uint64_t read_header(const uint8_t *image)
{
	uint64_t present;

	memcpy(&present, image + X86_IMAGE_HEADER, sizeof(present));
	return present;
}

static void write_header(uint8_t *image, uint64_t present)
{
	memcpy(image + X86_IMAGE_HEADER, &present, sizeof(present));
}

static void copy_components(const struct x86_xstate_layout *layout, uint32_t mask,
			    const uint8_t *from, uint8_t *to)
{
	if (mask & X86_XSTATE_X87) {
		memcpy(to + X87_CONTROL, from + X87_CONTROL, X87_CONTROL_SIZE);
		memcpy(to + X87_REGISTERS, from + X87_REGISTERS, X87_REGISTERS_SIZE);
	}
	if (mask & X86_XSTATE_SSE)
		memcpy(to + SSE_REGISTERS, from + SSE_REGISTERS, SSE_REGISTERS_SIZE);
	for (uint32_t i = 2; i < mw_array_size(layout->component); i++)
		if (mask >> i & 1)
			memcpy(to + layout->component[i].offset, from + layout->component[i].offset,
			       layout->component[i].size);
}

static size_t image_end(const struct x86_xstate_layout *layout, uint32_t mask)
{
	size_t end = X86_IMAGE_EXTENDED;

	for (uint32_t i = 2; i < mw_array_size(layout->component); i++)
		if (mask >> i & 1)
			end = mw_max(end, (size_t)layout->component[i].offset +
						  layout->component[i].size);
	return end;
}

bool mw_x86_xstate_load(const struct x86_xstate_layout *layout, uint32_t mask,
			const struct mw_store_state *state, uint8_t *image)
{
	uint32_t present, mxcsr;

	if (!state->xstate || state->xstate_size < X86_IMAGE_EXTENDED)
		return false;
	present = (uint32_t)read_header(state->xstate) & mask;
	if (state->xstate_size < image_end(layout, mask))
		return false;
	copy_components(layout, present, state->xstate, image);
	write_header(image, present);
	memcpy(&mxcsr, state->xstate + X86_IMAGE_MXCSR, sizeof(mxcsr));
	mxcsr &= MXCSR_VALID;
	memcpy(image + X86_IMAGE_MXCSR, &mxcsr, sizeof(mxcsr));
	return true;
}

static bool replace_u64(uint8_t *place, uint64_t ours, uint64_t theirs)
{
	if (memcmp(place, &ours, sizeof(ours)) != 0)
		return false;
	memcpy(place, &theirs, sizeof(theirs));
	return true;
}

void mw_x86_x87_translate(uint8_t *image, const struct x86_x87_pointers *ours,
			  const struct x86_x87_pointers *theirs)
{
	if (!replace_u64(image + X87_INSTRUCTION, ours->instruction, theirs->instruction))
		return;
	replace_u64(image + X87_OPERAND, ours->operand, theirs->operand);
	memcpy(image + X87_OPCODE, &theirs->opcode, sizeof(theirs->opcode));
}

void mw_x86_xstate_store(const struct x86_xstate_layout *layout, uint32_t mask,
			 const uint8_t *image, struct mw_store_state *state)
{
	uint64_t present = read_header(state->xstate) & ~(uint64_t)mask;

	copy_components(layout, mask, image, state->xstate);
	present |= read_header(image) & mask;
	if (mask & X86_XSTATE_SSE) {
		memcpy(state->xstate + X86_IMAGE_MXCSR, image + X86_IMAGE_MXCSR, 4);
		// The kernel takes mxcsr only together with a vector component.
		present |= X86_XSTATE_SSE;
	}
	write_header(state->xstate, present);
}
