// SPDX-License-Identifier: MIT
/**
 * Which memory a system call writes: pure data and arithmetic, no ptrace. The kernel's own stores
 * into a write-protected page would fail with EFAULT, so the tracer redirects such buffers.
 */
#ifndef MW_TRACER_SYSCALL_BUFFERS_H
#define MW_TRACER_SYSCALL_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/target.h"

/** Name of system call @number, or NULL when it is not known. */
const char *mw_syscall_name(int64_t number);

/** Most output buffers of one call (iovecs of readv included); more are cut, and reported so. */
#define MW_SYSCALL_BUFFERS_MAX 64

/** Where the pointer to a buffer stands. */
enum mw_syscall_pointer {
	/** In argument `index`. */
	MW_POINTER_ARGUMENT,
	/** In target memory at `slot`: an iovec's iov_base, a msghdr's msg_name … */
	MW_POINTER_MEMORY,
};

/** One range that the kernel may write during a call. */
struct mw_syscall_buffer {
	enum mw_syscall_pointer pointer;
	/** MW_POINTER_ARGUMENT: which argument, 0 to 5. */
	unsigned index;
	/** MW_POINTER_MEMORY: where the pointer itself stands. */
	mw_addr slot;
	/** The buffer and the most bytes that the kernel can write to it. */
	struct mw_range range;
	/** The kernel also reads it (poll, select, getsockopt's length): copy in before
	 * redirecting. */
	bool reads;
};

/** The output buffers of one system call about to start. */
struct mw_syscall_buffers {
	struct mw_syscall_buffer items[MW_SYSCALL_BUFFERS_MAX];
	unsigned count;
	/** The table doesn't know this call: its EFAULT, if any, may be ours. */
	bool unknown;
	/** More buffers than fit. */
	bool cut;
};

/**
 * Lists the buffers that a system call will write, before it runs.
 *
 * @param memory for lengths behind pointers, iovecs, msghdrs; unreadable ones give no buffer.
 */
void mw_syscall_buffers_list(int64_t number, const uint64_t args[6],
			     const struct mw_mem_reader *memory, struct mw_syscall_buffers *ret);

/**
 * How many bytes of @buffer the kernel has written, once the call has returned @result.
 * Never more than buffer->range.size; 0 when the call failed without writing. For a buffer whose
 * fill is not derivable, the whole size (the caller copies it back: unwritten bytes are unchanged
 * because the buffer was copied in).
 *
 * @param index which of @buffers.
 * @param redirected memory as the kernel left it: where each buffer now stands instead of its
 *        range, indexed as @buffers; equal to range.start where not redirected.
 */
uint64_t mw_syscall_buffers_written(int64_t number, const uint64_t args[6], int64_t result,
				    const struct mw_syscall_buffers *buffers, unsigned index,
				    const mw_addr *redirected, const struct mw_mem_reader *memory);

#endif
