// SPDX-License-Identifier: MIT
#include "tracer/arch.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "tracer/arch/x86_64/flags.h"
#include "tracer/mem.h"

const uint16_t mw_arch_elf_machine = EM_X86_64;
const uint8_t mw_arch_breakpoint[] = {0xcc};
const size_t mw_arch_breakpoint_size = sizeof(mw_arch_breakpoint);

const size_t mw_arch_ip_offset = offsetof(struct user, regs.rip);

/* Length of the `syscall` instruction. */
#define SYSCALL_SIZE 2

bool mw_arch_traces_itself(const struct user_regs_struct *regs)
{
	return regs->eflags & (X86_EFLAGS_TF | X86_EFLAGS_AC);
}

mw_addr mw_arch_ip(const struct user_regs_struct *regs)
{
	return mw_addr_make(regs->rip);
}

void mw_arch_set_ip(struct user_regs_struct *regs, mw_addr ip)
{
	regs->rip = ip.v;
}

mw_addr mw_arch_sp(const struct user_regs_struct *regs)
{
	return mw_addr_make(regs->rsp);
}

void mw_arch_set_sp(struct user_regs_struct *regs, mw_addr sp)
{
	regs->rsp = sp.v;
}

mw_addr mw_arch_thread_pointer(const struct user_regs_struct *regs)
{
	return mw_addr_make(regs->fs_base);
}

void mw_arch_dwarf_regs(const struct user_regs_struct *regs, struct mw_regs *ret)
{
	const uint64_t by_number[] = {
		regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi,
		regs->rbp, regs->rsp, regs->r8,  regs->r9,  regs->r10, regs->r11,
		regs->r12, regs->r13, regs->r14, regs->r15, regs->rip,
	};

	ret->ip = mw_arch_ip(regs);
	ret->sp = mw_arch_sp(regs);
	ret->count = mw_array_size(by_number);
	memcpy(ret->dwarf, by_number, sizeof(by_number));
}

int64_t mw_arch_syscall_number(const struct user_regs_struct *regs)
{
	return (int64_t)regs->orig_rax;
}

void mw_arch_syscall_args(const struct user_regs_struct *regs, uint64_t ret[6])
{
	const uint64_t args[] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};

	memcpy(ret, args, sizeof(args));
}

void mw_arch_set_syscall_arg(struct user_regs_struct *regs, unsigned index, uint64_t value)
{
	unsigned long long *const args[] = {&regs->rdi, &regs->rsi, &regs->rdx,
					    &regs->r10, &regs->r8,  &regs->r9};

	*args[index] = value;
}

int64_t mw_arch_syscall_result(const struct user_regs_struct *regs)
{
	return (int64_t)regs->rax;
}

void mw_arch_set_syscall_result(struct user_regs_struct *regs, int64_t result)
{
	regs->rax = (uint64_t)result;
}

void mw_arch_syscall_skip(struct user_regs_struct *regs)
{
	/* Unlike a number that isn't there, it passes every filter that lets us in at all. */
	regs->orig_rax = SYS_getpid;
}

void mw_arch_syscall_rewind(struct user_regs_struct *regs, int64_t number)
{
	regs->rax = (uint64_t)number;
	regs->rip -= SYSCALL_SIZE;
	/* Not in a system call any more, so that the kernel doesn't restart it as well. */
	regs->orig_rax = (uint64_t)-1;
}

void mw_arch_syscall_prepare(struct user_regs_struct *regs, mw_addr ip, int64_t number,
			     const uint64_t args[6])
{
	regs->rip = ip.v;
	regs->rax = (uint64_t)number;
	regs->orig_rax = (uint64_t)-1;
	for (unsigned i = 0; i < 6; i++)
		mw_arch_set_syscall_arg(regs, i, args[i]);
}

uint64_t mw_arch_clone_flags(const struct user_regs_struct *regs, const struct mw_mem *mem)
{
	uint64_t flags = 0;

	switch (mw_arch_syscall_number(regs)) {
	case SYS_clone:
		return regs->rdi;
	case SYS_vfork:
		return CLONE_VM | CLONE_VFORK;
	case SYS_clone3:
		/* The flags are the first member of struct clone_args. */
		mw_mem_read_some(mem, mw_addr_make(regs->rdi), &flags, sizeof(flags));
		return flags;
	default:
		return 0;
	}
}

void mw_arch_store_exit(uint8_t ret[MW_ANNEX_EXIT_SIZE], mw_addr at, mw_addr flag, mw_addr target)
{
	/* movq $0, flag(%rip); jmp *target(%rip) */
	static const uint8_t code[] = {0x48, 0xc7, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x25};
	enum { FLAG = 3, FLAG_END = 11, TARGET = 13, TARGET_END = 17 };
	int32_t to_flag = (int32_t)(flag.v - at.v - FLAG_END);
	int32_t to_target = (int32_t)(target.v - at.v - TARGET_END);

	memset(ret, 0, MW_ANNEX_EXIT_SIZE);
	memcpy(ret, code, sizeof(code));
	memcpy(ret + FLAG, &to_flag, sizeof(to_flag));
	memcpy(ret + TARGET, &to_target, sizeof(to_target));
}

/* Kernel-internal results of an interrupted call (linux/errno.h). */
#define RESTARTSYS 512
#define RESTARTNOINTR 513
#define RESTARTNOHAND 514
#define RESTART_RESTARTBLOCK 516

bool mw_arch_loses_number(const struct user_regs_struct *regs)
{
	return mw_arch_syscall_result(regs) == -RESTART_RESTARTBLOCK &&
	       mw_arch_syscall_number(regs) >= 0 &&
	       mw_arch_syscall_number(regs) != SYS_restart_syscall;
}

void mw_arch_restore_number(struct user_regs_struct *regs, const struct user_regs_struct *first)
{
	struct user_regs_struct restored = *regs;

	if (mw_arch_syscall_number(regs) != SYS_restart_syscall)
		return;
	restored.orig_rax = first->orig_rax;
	/* It stands where it stood, with all that it was given. */
	if (!memcmp(&restored, first, sizeof(restored)))
		*regs = restored;
}

static void rewind_interrupted(struct user_regs_struct *regs)
{
	int64_t number = mw_arch_syscall_number(regs);

	if (number < 0)
		return;
	switch (-mw_arch_syscall_result(regs)) {
	case RESTARTSYS:
	case RESTARTNOINTR:
	case RESTARTNOHAND:
	/* From its start: the return from a frame makes restart_syscall() fail. */
	case RESTART_RESTARTBLOCK:
		mw_arch_syscall_rewind(regs, number);
		break;
	case EINTR:
		if (mw_arch_syscall_is_repeatable(number))
			mw_arch_syscall_rewind(regs, number);
		break;
	default:
		break;
	}
}

void mw_arch_frame_registers(const struct user_regs_struct *regs, uint64_t ret[MW_ANNEX_REGISTERS])
{
	struct user_regs_struct now = *regs;

	rewind_interrupted(&now);
	memcpy(ret,
	       (const uint64_t[MW_ANNEX_REGISTERS]){now.r8, now.r9, now.r10, now.r11, now.r12,
						    now.r13, now.r14, now.r15, now.rdi, now.rsi,
						    now.rbp, now.rbx, now.rdx, now.rax, now.rcx,
						    now.rsp, now.rip, now.eflags},
	       MW_ANNEX_REGISTERS * sizeof(*ret));
}

void mw_arch_set_frame_registers(struct user_regs_struct *regs,
				 const uint64_t values[MW_ANNEX_REGISTERS])
{
	unsigned long long *const members[MW_ANNEX_REGISTERS] = {
		&regs->r8,  &regs->r9,  &regs->r10, &regs->r11, &regs->r12, &regs->r13,
		&regs->r14, &regs->r15, &regs->rdi, &regs->rsi, &regs->rbp, &regs->rbx,
		&regs->rdx, &regs->rax, &regs->rcx, &regs->rsp, &regs->rip, &regs->eflags,
	};

	for (size_t i = 0; i < MW_ANNEX_REGISTERS; i++)
		*members[i] = values[i];
}
