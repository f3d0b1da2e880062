// SPDX-License-Identifier: MIT
/**
 * A signal frame that no signal has made: a stopped thread that is sent into it, and let go, gets
 * its own registers and its own signal mask back from the kernel, through rt_sigreturn(2). So
 * injected calls can be made that memwatch needn't outlive, without any code of its own.
 */
#ifndef MW_TRACER_SIGNAL_FRAME_H
#define MW_TRACER_SIGNAL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/procmaps.h"
#include "base/target.h"

struct mw_mem;
struct mw_thread;
struct user_regs_struct;

/** What the frames of all threads of a process take. */
struct mw_signal_frame_site {
	const struct mw_mem *mem;
	struct mw_procmaps maps;
	/** A system call that returns to the address on the stack. */
	mw_addr call;
	/** Makes rt_sigreturn() of what stands on the stack. */
	mw_addr restorer;
};

struct mw_signal_frame {
	/** Size 0: there is none. */
	struct mw_range range;
	mw_addr call;
	mw_addr restorer;
	const struct mw_mem *mem;
	/** What stood there. */
	uint8_t *before;
};

/** @return false when the process has no code for it. */
bool mw_signal_frame_site_init(struct mw_signal_frame_site *site, const struct mw_mem *mem);
void mw_signal_frame_site_deinit(struct mw_signal_frame_site *site);

/**
 * Writes a frame below the stack of a stopped thread, which doesn't notice. Only where that is
 * surely the stack that libc or the kernel has given it, and is large enough.
 *
 * @param regs the thread's own, as it is to run on with; an interrupted call is made again.
 * @param mask its own signal mask.
 */
bool mw_signal_frame_init(struct mw_signal_frame *frame, const struct mw_signal_frame_site *site,
			  const struct mw_thread *thread, const struct user_regs_struct *regs,
			  uint64_t mask);
/** Whether a thread with these registers stands on such a stack. */
bool mw_signal_frame_fits(const struct mw_signal_frame_site *site,
			  const struct user_regs_struct *regs);
/** Puts back what stood there. The thread must have its own registers again. */
void mw_signal_frame_deinit(struct mw_signal_frame *frame);

#endif
