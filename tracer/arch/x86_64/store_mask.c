// SPDX-License-Identifier: MIT
#include "tracer/arch/x86_64/store_x86.h"

#include <string.h>

#include "tracer/arch/x86_64/store_thunk.h"

/* Bytes of a vector register that the legacy region holds; the rest is the AVX component's. */
#define LOW_HALF 16

static bool xstate_present(const struct mw_store_state *state, uint32_t component)
{
	uint64_t present;

	memcpy(&present, state->xstate + X86_IMAGE_HEADER, sizeof(present));
	return present & component;
}

static uint64_t read_opmask(const struct x86_store *store, const struct mw_store_state *state)
{
	size_t offset = store->mask_offset + 8u * store->mask_register;
	uint64_t mask;

	if (!xstate_present(state, X86_XSTATE_OPMASK) || offset + sizeof(mask) > state->xstate_size)
		return 0;
	memcpy(&mask, state->xstate + offset, sizeof(mask));
	return mask;
}

/* MMX registers are those of the x87, which the image lists from the top of the stack on. */
static uint8_t read_mmx_byte(const struct x86_store *store, const struct mw_store_state *state,
			     size_t position)
{
	enum { FSW_HIGH = 3, TOP_SHIFT = 3, REGISTER_SIZE = 16 };
	unsigned int top = state->xstate[FSW_HIGH] >> TOP_SHIFT & 7;

	if (!xstate_present(state, X86_XSTATE_X87))
		return 0;
	return state->xstate[store->mask_offset +
			     ((store->mask_register - top) & 7) * REGISTER_SIZE + position];
}

/* The byte at @position of the vector register that masks; an absent component is all 0. */
static uint8_t read_vector_byte(const struct x86_store *store, const struct mw_store_state *state,
				size_t position)
{
	bool is_high = position >= LOW_HALF;
	size_t offset = is_high ? store->mask_high_offset - LOW_HALF : store->mask_offset;

	offset += (size_t)store->mask_register * LOW_HALF + position;
	if (!xstate_present(state, is_high ? X86_XSTATE_AVX : X86_XSTATE_SSE) ||
	    offset >= state->xstate_size)
		return 0;
	return state->xstate[offset];
}

static uint8_t read_mask_byte(const struct x86_store *store, const struct mw_store_state *state,
			      size_t position)
{
	return store->xstate & X86_XSTATE_SSE ? read_vector_byte(store, state, position)
					      : read_mmx_byte(store, state, position);
}

static uint64_t read_sign_mask(const struct x86_store *store, const struct mw_store_state *state)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < store->element_count; i++) {
		size_t last_byte = (i + 1) * store->element_size - 1;
		uint64_t sign = read_mask_byte(store, state, last_byte) >> 7;

		mask |= sign << i;
	}
	return mask;
}

static uint64_t low_bits(unsigned int count)
{
	return count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

/* The elements written, one bit each. */
static uint64_t written_elements(const struct x86_store *store, const struct mw_store_state *state)
{
	uint64_t all = low_bits(store->element_count);

	if (!state->xstate || state->xstate_size < X86_IMAGE_EXTENDED)
		return all;
	switch (store->kind) {
	case X86_STORE_REPLAY_SIGN_MASK:
		return read_sign_mask(store, state);
	case X86_STORE_REPLAY_COMPRESS:
		return low_bits(
			(unsigned int)__builtin_popcountll(read_opmask(store, state) & all));
	default:
		return read_opmask(store, state) & all;
	}
}

void mw_x86_mask_locate(const struct x86_store *store, const struct mw_store_state *state,
			struct mw_store_target *target)
{
	uint64_t written = written_elements(store, state);
	uint32_t first, end;

	if (!written) {
		target->size = 0;
		return;
	}
	first = (uint32_t)__builtin_ctzll(written);
	end = 64 - (uint32_t)__builtin_clzll(written);
	target->addr.v += (uint64_t)first * store->element_size;
	target->size = (end - first) * store->element_size;
}

int64_t mw_x86_bit_distance(const struct x86_store *store, const struct user_regs_struct *regs)
{
	uint64_t offset = mw_x86_gpr_read(regs, store->mask_register);
	int shift = 64 - store->width * 8;
	int64_t bit = (int64_t)(offset << shift) >> shift;

	return (bit >> (3 + __builtin_ctz(store->width))) * store->width;
}
