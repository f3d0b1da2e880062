// SPDX-License-Identifier: MIT
/**
 * Instructions that touch nothing but general registers, flags and the ip: what stands between two
 * stores of a loop, mostly. They run here on a stopped thread's registers, as its CPU would have
 * run them.
 *
 * Pure but for the replayer's own scratch memory. The implementation of an architecture lives in
 * tracer/arch/ARCH/.
 */
#ifndef MW_TRACER_PLAIN_H
#define MW_TRACER_PLAIN_H

#include "tracer/store.h"

/** A decoded one. Position-independent of the registers: cacheable. */
struct mw_plain {
	/** Bytes of the instruction; 0: none. */
	uint8_t length;
	/** The rest is private to the architecture. */
	uint8_t kind;
	uint8_t condition;
	uint8_t bytes[MW_INSN_MAX];
	/** Of a jump, from behind it. */
	int32_t distance;
};

/**
 * Decodes the instruction at the start of @code.
 *
 * @return false when it is none, or may do more than change general registers, flags and the ip.
 */
bool mw_plain_decode(struct mw_replayer *replayer, const uint8_t *code, size_t size,
		     struct mw_plain *ret);

/** Executes it. @regs in: before; out: behind. A thread that traces itself (TF) is owed a trap. */
void mw_plain_execute(struct mw_replayer *replayer, const struct mw_plain *plain,
		      struct user_regs_struct *regs);

#endif
