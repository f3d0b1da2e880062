// SPDX-License-Identifier: MIT
#include "tracer/signal_frame.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tracer/arch.h"
#include "tracer/mem.h"
#include "tracer/store.h"
#include "tracer/sys.h"
#include "tracer/text.h"
#include "tracer/thread.h"

bool mw_signal_frame_site_init(struct mw_signal_frame_site *site, const struct mw_mem *mem)
{
	*site = (struct mw_signal_frame_site){.mem = mem};
	if (mw_error_catch_any(mw_procmaps_read(mem->pid, &site->maps)))
		return false;
	if (mw_text_find(mem, &site->maps, mw_arch_find_returning_syscall, &site->call) &&
	    mw_text_find(mem, &site->maps, mw_arch_find_sigreturn, &site->restorer))
		return true;
	mw_signal_frame_site_deinit(site);
	return false;
}

void mw_signal_frame_site_deinit(struct mw_signal_frame_site *site)
{
	mw_procmaps_deinit(&site->maps);
}

/*
 * The stacks of coroutines may end right below, at somebody else's memory. libc's lie below the
 * thread's control block, which begins with its own address (the ABI of TLS says so).
 */
static bool is_own_stack(const struct mw_signal_frame_site *site,
			 const struct user_regs_struct *regs, struct mw_range frame)
{
	const struct mw_mapping *stack = mw_procmaps_find(&site->maps, mw_arch_sp(regs));
	mw_addr control_block = mw_arch_thread_pointer(regs);
	mw_addr self;

	if (!stack || stack->shared || stack->prot != (PROT_READ | PROT_WRITE) ||
	    !mw_range_contains(stack->range, frame.start))
		return false;
	if (!strcmp(stack->path, "[stack]"))
		return true;
	return mw_range_contains(stack->range, control_block) &&
	       control_block.v > mw_arch_sp(regs).v &&
	       mw_mem_read_some(site->mem, control_block, &self, sizeof(self)) == sizeof(self) &&
	       self.v == control_block.v;
}

bool mw_signal_frame_fits(const struct mw_signal_frame_site *site,
			  const struct user_regs_struct *regs)
{
	return is_own_stack(site, regs, (struct mw_range){mw_arch_sp(regs), 0});
}

static bool write_frame(struct mw_signal_frame *frame, const void *bytes)
{
	frame->before = malloc(frame->range.size);
	if (frame->before &&
	    !mw_error_catch_any(mw_mem_read(frame->mem, frame->range.start, frame->before,
					    frame->range.size)) &&
	    !mw_error_catch_any(
		    mw_mem_write(frame->mem, frame->range.start, bytes, frame->range.size)))
		return true;
	free(frame->before);
	frame->range.size = 0;
	return false;
}

static bool make_image(const struct mw_signal_frame *frame, const struct mw_thread *thread,
		       const struct user_regs_struct *regs, uint64_t mask,
		       struct mw_range *ret_range, uint8_t *ret)
{
	mw_auto_free uint8_t *xstate = malloc(MW_XSTATE_MAX);
	int size = xstate ? mw_sys_get_xstate(thread->tid, xstate, MW_XSTATE_MAX) : -1;

	return size > 0 && mw_arch_signal_frame(regs, mask, frame->restorer, xstate, (size_t)size,
						ret_range, ret);
}

bool mw_signal_frame_init(struct mw_signal_frame *frame, const struct mw_signal_frame_site *site,
			  const struct mw_thread *thread, const struct user_regs_struct *regs,
			  uint64_t mask)
{
	mw_auto_free uint8_t *image = malloc(MW_ARCH_SIGNAL_FRAME_MAX);

	*frame = (struct mw_signal_frame){
		.call = site->call,
		.restorer = site->restorer,
		.mem = site->mem,
	};
	if (!image || mw_thread_has_shadow_stack(thread) ||
	    !make_image(frame, thread, regs, mask, &frame->range, image) ||
	    !is_own_stack(site, regs, frame->range)) {
		frame->range.size = 0;
		return false;
	}
	return write_frame(frame, image);
}

void mw_signal_frame_deinit(struct mw_signal_frame *frame)
{
	if (!frame->range.size)
		return;
	/* A failure means that the process is gone. */
	mw_error_destroy(
		mw_mem_write(frame->mem, frame->range.start, frame->before, frame->range.size));
	free(frame->before);
	frame->before = NULL;
	frame->range.size = 0;
}
