// SPDX-License-Identifier: MIT
#include "tracer/arch.h"

#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "tracer/arch/x86_64/flags.h"

/* Kernel ABI (asm/ucontext.h); glibc's headers leave them out. */
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4
#define SIGNAL_SET_SIZE 8
/* do_sigaltstack() refuses it, and restore_altstack() goes on. */
#define NO_ALTSTACK_CHANGE 7

/* The code segment of 64-bit programs. */
#define USER_CS 0x33
#define RED_ZONE 128

/* The XSAVE image, in its standard format. */
#define XSTATE_ALIGNMENT 64
#define XSTATE_LEAF 0xd
#define XSTATE_SOFTWARE 464
#define XSTATE_HEADER 512
#define XSTATE_EXTENDED 576
/* Tile data: where a thread hasn't asked for it, its frames have no room for it either. */
#define XSTATE_DYNAMIC (UINT64_C(1) << 18)

/* What the kernel reads of a frame: libc's type is longer. */
struct head {
	uint64_t restorer;
	uint8_t context[offsetof(ucontext_t, uc_sigmask) + SIGNAL_SET_SIZE];
};

static uint64_t read_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Those that this thread's frames have, as the kernel makes them; the rest is in its first state.
 */
static uint64_t components_of(const uint8_t *xstate)
{
	uint64_t enabled = read_u64(xstate + XSTATE_SOFTWARE);
	uint64_t used = read_u64(xstate + XSTATE_HEADER);

	return (enabled & ~XSTATE_DYNAMIC) | (used & XSTATE_DYNAMIC);
}

static size_t size_of(uint64_t components)
{
	size_t end = XSTATE_EXTENDED;

	for (unsigned i = 2; i < 63; i++) {
		uint32_t size, offset, flags, unused;

		if (!(components >> i & 1))
			continue;
		__cpuid_count(XSTATE_LEAF, i, size, offset, flags, unused);
		end = mw_max(end, (size_t)offset + size);
	}
	return end;
}

/* Magic numbers in front and behind say that there is more than what FXSAVE knows. */
static void write_xstate(const uint8_t *xstate, size_t size, uint8_t *ret)
{
	const uint32_t end = FP_XSTATE_MAGIC2;
	const struct _fpx_sw_bytes software = {
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = (uint32_t)(size + sizeof(end)),
		.xstate_bv = components_of(xstate),
		.xstate_size = (uint32_t)size,
	};

	memcpy(ret, xstate, size);
	memcpy(ret + XSTATE_SOFTWARE, &software, sizeof(software));
	memcpy(ret + size, &end, sizeof(end));
}

static void write_head(const struct user_regs_struct *regs, uint64_t mask, mw_addr restorer,
		       mw_addr xstate, uint8_t *ret)
{
	ucontext_t context = {
		.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.uc_stack.ss_flags = NO_ALTSTACK_CHANGE,
	};
	struct head head = {.restorer = restorer.v};
	greg_t *values = context.uc_mcontext.gregs;
	uint64_t row[MW_ANNEX_REGISTERS];

	mw_arch_frame_registers(regs, row);
	memcpy(&values[REG_R8], row, sizeof(row));
	values[REG_CSGSFS] = (greg_t)(regs->cs | regs->gs << 16 | regs->fs << 32 | regs->ss << 48);
	memcpy(&context.uc_mcontext.fpregs, &xstate, sizeof(xstate));
	memcpy(&context.uc_sigmask, &mask, sizeof(mask));
	memcpy(head.context, &context, sizeof(head.context));
	memcpy(ret, &head, sizeof(head));
}

bool mw_arch_signal_frame(const struct user_regs_struct *regs, uint64_t mask, mw_addr restorer,
			  const uint8_t *xstate, size_t xstate_size, struct mw_range *ret_range,
			  uint8_t *ret)
{
	uint64_t top = regs->rsp - RED_ZONE, at, start;
	size_t size;

	/* Without XSAVE the kernel wouldn't have given the image at all. */
	if (regs->cs != USER_CS || xstate_size < XSTATE_EXTENDED)
		return false;
	size = size_of(components_of(xstate));
	if (size > xstate_size)
		return false;
	at = (top - size - sizeof(uint32_t)) & ~(uint64_t)(XSTATE_ALIGNMENT - 1);
	/* As behind a call: a handler's stack is aligned before its return address is put there. */
	start = ((at - sizeof(struct head)) & ~UINT64_C(15)) - sizeof(uint64_t);
	*ret_range = (struct mw_range){mw_addr_make(start), at + size + sizeof(uint32_t) - start};
	memset(ret, 0, ret_range->size);
	write_head(regs, mask, restorer, mw_addr_make(at), ret);
	write_xstate(xstate, size, ret + (at - start));
	return true;
}

void mw_arch_signal_frame_return(struct user_regs_struct *regs, mw_addr at, mw_addr restorer)
{
	mw_arch_set_ip(regs, restorer);
	mw_arch_set_sp(regs, mw_addr_add(at, sizeof(uint64_t)));
	regs->orig_rax = (uint64_t)-1;
	/* A program that traces itself would get its trap on the way. */
	regs->eflags &= ~(uint64_t)X86_EFLAGS_TF;
}
