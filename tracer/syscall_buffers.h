// SPDX-License-Identifier: MIT
/**
 * Which memory a system call writes: pure data and arithmetic, no ptrace. The kernel's own stores
 * into a write-protected page would fail with EFAULT, so the tracer redirects such buffers.
 *
 * How a caller redirects: list before the call; copy each buffer in; point the argument or the
 * slot at the copy; after the call, for the last buffer first: restore its pointer, copy back what
 * was written. The order matters because a slot may lie in a buffer that comes before it in the
 * list (a msghdr and its msg_name): then the slot to change is the one in the copy.
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

/** When a call writes a buffer. */
enum mw_syscall_when {
	/** When its result is at least `least`. */
	MW_WHEN_RESULT,
	/** Only when a signal cut it short: the time that a nanosleep had left. */
	MW_WHEN_INTERRUPTED,
	/** Also when it fails. */
	MW_WHEN_ALWAYS,
};

/** What tells how much of a buffer a call has written. */
enum mw_syscall_amount {
	MW_AMOUNT_WHOLE,
	/** The result, times `unit`. */
	MW_AMOUNT_RESULT,
	/** A length that the kernel has written into another buffer: a socklen_t, msg_len … */
	MW_AMOUNT_TOLD,
};

/** How a buffer's fill is derived; for mw_syscall_buffers_written only. */
struct mw_syscall_fill {
	uint8_t when;
	uint8_t amount;
	/** Bytes of the told length: 4 or 8. */
	uint8_t told_width;
	/** Which buffer holds the told length, and where in it. */
	uint8_t told_index;
	uint32_t told_offset;
	uint32_t least;
	uint32_t unit;
	/** Bytes of the amount that went to earlier buffers of the same vector. */
	int64_t before;
};

/** One range that the kernel may write during a call. */
struct mw_syscall_buffer {
	enum mw_syscall_pointer pointer;
	/** MW_POINTER_ARGUMENT: which argument, 0 to 5. */
	unsigned index;
	/** MW_POINTER_MEMORY: where the pointer itself stands. */
	mw_addr slot;
	/** The buffer and the most bytes that the kernel can write to it; sized by what the call
	 * asks for, so it may reach past what is mapped. */
	struct mw_range range;
	/** The kernel also reads it (poll, select, getsockopt's length): copy in before
	 * redirecting. */
	bool reads;
	/** Must not be redirected: the kernel keeps the address after the call (rseq, aio), it
	 * names an object that others share (futex words), or a new task inherits it (clone). A
	 * guard under it makes the call fail; all that a caller can do is to lift the guard or to
	 * say so. */
	bool keeps;
	struct mw_syscall_fill fill;
};

/** The output buffers of one system call about to start. */
struct mw_syscall_buffers {
	struct mw_syscall_buffer items[MW_SYSCALL_BUFFERS_MAX];
	unsigned count;
	/** The table doesn't know all that this call writes: its EFAULT, if any, may be ours. */
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

/**
 * True when the kernel will go on with the same buffers in restart_syscall (a poll or nanosleep
 * stopped by a signal without a handler; result -ERESTART_RESTARTBLOCK): it has kept the redirected
 * addresses, so the redirection has to stand until a restart_syscall of this thread returns
 * something else, and its result is to be passed with the first call's buffers.
 */
bool mw_syscall_continues(int64_t result);

#endif
