// SPDX-License-Identifier: MIT
/**
 * What the tracer needs to know of an architecture. To add one: a folder tracer/arch/ARCH/ (named
 * as `uname -m` says) with an implementation of every function here and of tracer/store.h, and the
 * output buffers of its system calls for tracer/syscall_buffers.h.
 */
#ifndef MW_TRACER_ARCH_H
#define MW_TRACER_ARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/annex.h"
#include "tracer/store.h"

struct mw_mem;

/** ELF e_machine of the processes that can be watched. */
extern const uint16_t mw_arch_elf_machine;

/** Single-steps itself, or has alignment checked: each instruction may owe it an exception. */
bool mw_arch_traces_itself(const struct user_regs_struct *regs);

mw_addr mw_arch_ip(const struct user_regs_struct *regs);
void mw_arch_set_ip(struct user_regs_struct *regs, mw_addr ip);
/** Where the ip stands in struct user, for PTRACE_POKEUSER. */
extern const size_t mw_arch_ip_offset;
mw_addr mw_arch_sp(const struct user_regs_struct *regs);
void mw_arch_set_sp(struct user_regs_struct *regs, mw_addr sp);
/** Start of the thread control block, or NULL when the thread has none yet. */
mw_addr mw_arch_thread_pointer(const struct user_regs_struct *regs);
/** Bytes from the thread pointer on that the C library and the kernel write to by themselves. */
#define MW_ARCH_TCB_SIZE 4096

/** The registers as an unwinder wants them. */
void mw_arch_dwarf_regs(const struct user_regs_struct *regs, struct mw_regs *ret);

/** Number of the system call that the thread is in, or -1. */
int64_t mw_arch_syscall_number(const struct user_regs_struct *regs);
void mw_arch_syscall_args(const struct user_regs_struct *regs, uint64_t ret[6]);
void mw_arch_set_syscall_arg(struct user_regs_struct *regs, unsigned index, uint64_t value);
int64_t mw_arch_syscall_result(const struct user_regs_struct *regs);
void mw_arch_set_syscall_result(struct user_regs_struct *regs, int64_t result);
/** At a syscall entry: makes the kernel do nothing instead; what it returns means nothing. */
void mw_arch_syscall_skip(struct user_regs_struct *regs);
/** After a call: stands the thread on the system call instruction again, with @number. */
void mw_arch_syscall_rewind(struct user_regs_struct *regs, int64_t number);
/** Sets up @number(@args) to run at the system call instruction @ip; no restart afterwards. */
void mw_arch_syscall_prepare(struct user_regs_struct *regs, mw_addr ip, int64_t number,
			     const uint64_t args[6]);
/**
 * True when a call that returned -EINTR did nothing yet, so that it may simply be made again: the
 * waits that signal(7) lists as never restarted by the kernel.
 */
bool mw_arch_syscall_is_repeatable(int64_t number);
/** The clone flags of a fork, vfork, clone or clone3 that the thread is in. */
uint64_t mw_arch_clone_flags(const struct user_regs_struct *regs, const struct mw_mem *mem);

/** Finds a system call instruction in @code. @return its offset, or -1. */
int64_t mw_arch_find_syscall(const uint8_t *code, size_t size);
/** Finds one that returns to the address on the stack. @return its offset, or -1. */
int64_t mw_arch_find_returning_syscall(const uint8_t *code, size_t size);
/** Finds a libc's signal restorer, which makes rt_sigreturn(2). @return its offset, or -1. */
int64_t mw_arch_find_sigreturn(const uint8_t *code, size_t size);

/** A breakpoint instruction, and how far the ip is behind it when it traps. */
extern const uint8_t mw_arch_breakpoint[];
extern const size_t mw_arch_breakpoint_size;

/** How many debug registers a thread has, and the widths they watch (1, 2, 4, 8 aligned). */
#define MW_ARCH_DEBUG_SLOTS 4

/**
 * Programs the debug registers of a stopped thread: all or nothing.
 *
 * @param ranges MW_ARCH_DEBUG_SLOTS ranges; size 0 leaves a slot unused.
 * @return 0 or -errno.
 */
int mw_arch_set_debug_registers(pid_t tid, const struct mw_range ranges[MW_ARCH_DEBUG_SLOTS]);
/** Which slots trapped (bit mask), and clears that. @return the mask, or -errno. */
int mw_arch_take_debug_hits(pid_t tid);

/** The dead-man's code, position-independent; the rest are offsets in it. */
struct mw_arch_deadman {
	const void *code;
	size_t size;
	uint64_t handlers[MW_DEADMAN_SIGNALS];
	uint64_t restorer;
	/** A system call instruction with a breakpoint behind it. */
	uint64_t call;
	uint64_t behind_call;
};
void mw_arch_deadman(struct mw_arch_deadman *ret);
/**
 * Writes the exit of a store, for the place @at: stores 0 at @flag (8 bytes), and jumps to the
 * address that stands at @target. It changes no register and no flag.
 */
void mw_arch_store_exit(uint8_t ret[MW_ANNEX_EXIT_SIZE], mw_addr at, mw_addr flag, mw_addr target);
/** In an interrupted call whose number the kernel will replace as it restarts it. */
bool mw_arch_loses_number(const struct user_regs_struct *regs);
/** Gives such a call its number back, if it is still the one that @first was in. */
void mw_arch_restore_number(struct user_regs_struct *regs, const struct user_regs_struct *first);
/**
 * The registers in a signal frame's order, as they will be when the thread runs on: a system call
 * that is to be restarted stands before its instruction again.
 */
void mw_arch_frame_registers(const struct user_regs_struct *regs, uint64_t ret[MW_ANNEX_REGISTERS]);

void mw_arch_set_frame_registers(struct user_regs_struct *regs,
				 const uint64_t values[MW_ANNEX_REGISTERS]);

#define MW_ARCH_SIGNAL_FRAME_MAX (MW_XSTATE_MAX + 1024)
/**
 * Makes the signal frame that gives a thread its registers and its signal mask back: its alternate
 * stack stays as it is.
 *
 * @param restorer where whoever returns to the frame goes on.
 * @param xstate as mw_sys_get_xstate() has it.
 * @param ret_range where it is to stand: below the thread's stack.
 * @param ret its bytes: room for MW_ARCH_SIGNAL_FRAME_MAX.
 * @return false when it can't be made for this thread or this CPU.
 */
bool mw_arch_signal_frame(const struct user_regs_struct *regs, uint64_t mask, mw_addr restorer,
			  const uint8_t *xstate, size_t xstate_size, struct mw_range *ret_range,
			  uint8_t *ret);
/** Sets up the return from the signal handler whose frame stands @at. */
void mw_arch_signal_frame_return(struct user_regs_struct *regs, mw_addr at, mw_addr restorer);

#endif
