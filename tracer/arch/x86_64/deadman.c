// SPDX-License-Identifier: MIT
/*
 * The dead-man: signal handlers that run in the tracee once memwatch has been killed. While it
 * lives, it takes its own faults and traps before they are delivered, and this code never runs.
 *
 * The section is copied into the tracee's annex. So nothing here may refer to anything outside of
 * it: no library, no constant in .rodata, no vector registers (see the Makefile), no relocation.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#include "tracer/annex.h"
#include "tracer/arch.h"
#include "tracer/arch/x86_64/flags.h"

#define BLOB __attribute__((section("mw_deadman"), used, noinline))
#define HIDDEN __attribute__((visibility("hidden")))

/* Kernel ABI (asm/signal.h); glibc's headers leave them out. */
#define SA_RESTORER_FLAG 0x04000000u
#define SIGNAL_SET_SIZE 8
#define SS_AUTODISARM_FLAG (1u << 31)
#define TRAP_BRKPT_CODE 1
#define TRAP_TRACE_CODE 2
#define TRAP_HWBKPT_CODE 4
#define TRAP_PERF_CODE 6

#define SYSCALL_BYTES 0x050f

/*
 * Where injected and redirected calls run: whatever happens to memwatch, the thread ends up at the
 * breakpoint, and so in on_trap(). The restorer is byte for byte libc's, so that unwinders know it.
 */
__asm__(".pushsection mw_deadman,\"ax\",@progbits\n"
	".balign 16\n"
	".globl mw_deadman_call\n.hidden mw_deadman_call\n"
	"mw_deadman_call:\n"
	"	syscall\n"
	"	int3\n"
	"	nop\n"
	".globl mw_deadman_restorer\n.hidden mw_deadman_restorer\n"
	"mw_deadman_restorer:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	".popsection\n");

extern const uint8_t mw_deadman_call[] HIDDEN;
extern const uint8_t mw_deadman_restorer[] HIDDEN;
extern const uint8_t __start_mw_deadman[] HIDDEN;
extern const uint8_t __stop_mw_deadman[] HIDDEN;

/* A handler starts without trap, direction and resume flag (handle_signal() in the kernel). */
#define ENTRY_FLAGS_CLEAR 0x10500

/* A thread may be starved, or stopped; but a program isn't to hang because of us. */
#define PATIENCE_NS 2000000000
/* Nobody knows whether the last storer has still to come. */
#define STORER_PATIENCE_NS 20000000
#define PAUSE_NS 50000

/* Bytes from mw_deadman_call: behind the call, and behind the breakpoint. */
#define BEHIND_CALL 2
#define BEHIND_TRAP 3

static inline __attribute__((always_inline)) long call4(long number, uint64_t a, uint64_t b,
							uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static inline __attribute__((always_inline)) void copy(void *to, const void *from, uint64_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static inline __attribute__((always_inline)) uint64_t code_start(void)
{
	uint64_t start;

	__asm__("lea __start_mw_deadman(%%rip), %0" : "=r"(start));
	return start;
}

static inline __attribute__((always_inline)) uint64_t call_site(void)
{
	uint64_t site;

	__asm__("lea mw_deadman_call(%%rip), %0" : "=r"(site));
	return site;
}

static inline __attribute__((always_inline)) struct mw_annex *annex_of_this(void)
{
	return (struct mw_annex *)(code_start() + MW_ANNEX_CODE_SIZE);
}

static inline __attribute__((always_inline)) int64_t own_tid(void)
{
	return call4(SYS_gettid, 0, 0, 0, 0);
}

/* The general registers of a signal frame stand in one row, from r8 to the flags. */
static inline __attribute__((always_inline)) void set_registers(ucontext_t *context,
								const uint64_t *regs)
{
	copy(&context->uc_mcontext.gregs[REG_R8], regs, MW_ANNEX_REGISTERS * sizeof(*regs));
}

static inline __attribute__((always_inline)) uint64_t *mask_of(ucontext_t *context)
{
	return (uint64_t *)&context->uc_sigmask;
}

BLOB static bool is_guarded(const struct mw_annex *annex, uint64_t addr)
{
	const struct mw_annex_span *spans = annex->spans[annex->span_table & 1];

	for (uint32_t i = 0; i < annex->span_count; i++)
		if (addr - spans[i].start < spans[i].size)
			return true;
	return false;
}

static inline __attribute__((always_inline)) uint64_t now_ns(void)
{
	struct timespec now;

	call4(SYS_clock_gettime, CLOCK_MONOTONIC, (uint64_t)&now, 0, 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline __attribute__((always_inline)) bool lives(int64_t tid)
{
	return call4(SYS_tgkill, (uint64_t)call4(SYS_getpid, 0, 0, 0, 0), (uint64_t)tid, 0, 0) == 0;
}

/*
 * @return whether somebody else has still to come by here: surely, who does a read-modify-write;
 * perhaps, who has last stored. What he has stored is there for all to see, and if he did it again
 * later, that could be after somebody's answer to it.
 */
BLOB static bool is_awaited(const struct mw_annex *annex, int64_t self, uint64_t waited_ns)
{
	int64_t storer = __atomic_load_n(&annex->progress.storer, __ATOMIC_SEQ_CST);

	if (storer && storer != self && waited_ns < STORER_PATIENCE_NS && lives(storer))
		return true;
	for (unsigned i = 0; i < MW_ANNEX_STORES; i++) {
		int64_t tid = __atomic_load_n(&annex->progress.stores[i].tid, __ATOMIC_SEQ_CST);

		if (tid && tid != self && lives(tid))
			return true;
	}
	return false;
}

/*
 * A thread whose store was half done has to come by here before the pages open: its store would
 * simply succeed, and so happen twice. It may also have ended meanwhile: then it never comes. The
 * others leave the CPU to it, which it may share with them.
 */
BLOB static void await_stores(const struct mw_annex *annex)
{
	const struct timespec pause = {0, PAUSE_NS};
	uint64_t start_ns = now_ns(), waited_ns = 0;
	int64_t self = own_tid();

	while (waited_ns < PATIENCE_NS && is_awaited(annex, self, waited_ns)) {
		call4(SYS_nanosleep, (uint64_t)&pause, 0, 0, 0);
		waited_ns = now_ns() - start_ns;
	}
}

/* All of them: the kernel's own stores into the others would fail for good. */
BLOB static void heal(struct mw_annex *annex)
{
	const struct mw_annex_span *spans = annex->spans[annex->span_table & 1];

	if (annex->healed)
		return;
	await_stores(annex);
	for (uint32_t i = 0; i < annex->span_count; i++)
		call4(SYS_mprotect, spans[i].start, spans[i].size, spans[i].prot, 0);
	__atomic_store_n(&annex->healed, 1, __ATOMIC_SEQ_CST);
}

/*
 * A fault after the healing may have been raised before it. Then the instruction succeeds now;
 * when it faults again, it is the program's own.
 */
BLOB static bool is_first_try(struct mw_annex *annex, const ucontext_t *context, uint64_t addr)
{
	uint64_t ip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
	uint64_t sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
	struct mw_annex_retry *retry = &annex->retries[(sp >> 12) % MW_ANNEX_RETRIES];
	bool first = retry->ip != ip || retry->addr != addr;

	retry->ip = first ? ip : 0;
	retry->addr = first ? addr : 0;
	return first;
}

static inline __attribute__((always_inline)) bool equal(const uint8_t *a, const uint8_t *b,
							uint64_t size)
{
	bool same = true;

	for (uint64_t i = 0; i < size; i++)
		same &= ((const volatile uint8_t *)a)[i] == b[i];
	return same;
}

/*
 * memwatch may have died with a read-modify-write half done: the memory written, the registers not
 * yet. While the old bytes still stand there, the thread may simply do it itself.
 */
BLOB static void finish_store(struct mw_annex *annex, ucontext_t *context)
{
	struct mw_annex_store *store = annex->progress.stores;
	int64_t tid = own_tid();

	if (annex->progress.storer == tid)
		__atomic_store_n(&annex->progress.storer, 0, __ATOMIC_SEQ_CST);
	while (store < &annex->progress.stores[MW_ANNEX_STORES] && store->tid != tid)
		store++;
	if (store == &annex->progress.stores[MW_ANNEX_STORES])
		return;
	if (store->ip == (uint64_t)context->uc_mcontext.gregs[REG_RIP] &&
	    !equal((const uint8_t *)store->addr, store->old_bytes, store->size))
		set_registers(context, store->regs);
	store->tid = 0;
}

/* @return whether the thread was in the middle of an injected call, whose registers are not its. */
BLOB static bool leave_session(struct mw_annex *annex, ucontext_t *context)
{
	struct mw_annex_session *session = &annex->session;
	uint64_t ip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
	bool in_call = ip - call_site() <= BEHIND_TRAP;

	if (!session->tid || session->tid != own_tid())
		return false;
	if (in_call)
		set_registers(context, session->regs);
	*mask_of(context) = session->mask;
	session->tid = 0;
	return true;
}

/* How much of a moved buffer the kernel has written; what was copied in may be copied back. */
static inline __attribute__((always_inline)) uint64_t written(const struct mw_annex_buffer *buffer,
							      int64_t result)
{
	const struct mw_syscall_fill *fill = &buffer->fill;
	int64_t size = (int64_t)buffer->size;

	if (fill->when == MW_WHEN_RESULT && (result < 0 || result < (int64_t)fill->least))
		return 0;
	if (fill->amount == MW_AMOUNT_RESULT) {
		size = result * (int64_t)fill->unit - fill->before;
		if (size > (int64_t)buffer->size)
			size = (int64_t)buffer->size;
	}
	return size > 0 ? (uint64_t)size : 0;
}

static inline __attribute__((always_inline)) void set_arguments(ucontext_t *context,
								const uint64_t args[6])
{
	greg_t *regs = context->uc_mcontext.gregs;

	regs[REG_RDI] = (greg_t)args[0];
	regs[REG_RSI] = (greg_t)args[1];
	regs[REG_RDX] = (greg_t)args[2];
	regs[REG_R10] = (greg_t)args[3];
	regs[REG_R8] = (greg_t)args[4];
	regs[REG_R9] = (greg_t)args[5];
}

/*
 * A redirected call has returned, and nobody but us copies its buffers back; or one that was passed
 * over is still to be made.
 */
BLOB static void finish_call(struct mw_annex_call *call, ucontext_t *context)
{
	int64_t result = context->uc_mcontext.gregs[REG_RAX];

	/* Last first: a pointer may stand in a buffer before it. */
	for (uint64_t i = call->count; i-- > 0;) {
		const struct mw_annex_buffer *buffer = &call->buffers[i];

		if (buffer->slot)
			*(uint64_t *)buffer->slot = buffer->original;
		copy((void *)buffer->original, (const void *)buffer->moved,
		     written(buffer, result));
	}
	set_arguments(context, call->args);
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)call->ip;
	context->uc_mcontext.gregs[REG_RCX] = (greg_t)call->ip;
	if (call->skipped >= 0) {
		context->uc_mcontext.gregs[REG_RIP] -= BEHIND_CALL;
		context->uc_mcontext.gregs[REG_RAX] = call->skipped;
	}
	call->tid = 0;
}

BLOB static bool leave_call(struct mw_annex *annex, ucontext_t *context)
{
	int64_t tid;

	if ((uint64_t)context->uc_mcontext.gregs[REG_RIP] != call_site() + BEHIND_TRAP)
		return false;
	tid = own_tid();
	for (uint64_t i = 0; i < MW_ANNEX_CALLS; i++)
		if (annex->calls[i].tid == tid) {
			heal(annex);
			finish_call(&annex->calls[i], context);
			return true;
		}
	return false;
}

/* The signal ends the process, or is ignored; a fault repeats itself, anything else is sent again.
 */
BLOB static void act_by_default(struct mw_annex *annex, int signal, const siginfo_t *info,
				bool ignored)
{
	/* The kernel doesn't let a program ignore what it has raised itself. */
	if (ignored && info->si_code <= 0)
		return;
	call4(SYS_rt_sigaction, (uint64_t)signal, (uint64_t)&annex->fallback, 0, SIGNAL_SET_SIZE);
	if (signal != SIGSEGV || info->si_code <= 0)
		call4(SYS_rt_tgsigqueueinfo, (uint64_t)call4(SYS_getpid, 0, 0, 0, 0),
		      (uint64_t)own_tid(), (uint64_t)signal, (uint64_t)info);
}

/*
 * Sets the mask and enters the handler in one: a signal in between would leave a frame that returns
 * to us. Without a state of the FPU in it the frame gives a fresh one, as every handler gets.
 */
static inline __attribute__((always_inline, noreturn)) void enter(ucontext_t *entry)
{
	__asm__ volatile("mov %0, %%rsp\n"
			 "mov %1, %%eax\n"
			 "syscall\n"
			 :
			 : "r"(entry), "i"(SYS_rt_sigreturn)
			 : "memory");
	__builtin_unreachable();
}

/* Becomes the program's own handler, on the same frame, which the kernel has made at context - 8.
 */
BLOB static void chain(struct mw_annex *annex, int signal, siginfo_t *info, ucontext_t *context,
		       struct mw_sigaction *own)
{
	uint64_t handler = own->handler;
	uint64_t *frame = (uint64_t *)context - 1;
	ucontext_t entry;

	if (handler <= (uint64_t)SIG_IGN) {
		act_by_default(annex, signal, info, handler == (uint64_t)SIG_IGN);
		return;
	}
	if (own->flags & SA_RESETHAND)
		own->handler = (uint64_t)SIG_DFL;
	if (own->flags & SA_RESTORER_FLAG)
		*frame = own->restorer;
	/* As much as the kernel makes: libc's type is longer. */
	copy(&entry, context, offsetof(ucontext_t, uc_sigmask) + SIGNAL_SET_SIZE);
	*mask_of(&entry) |= own->mask;
	if (!(own->flags & SA_NODEFER))
		*mask_of(&entry) |= UINT64_C(1) << (signal - 1);
	if ((unsigned)entry.uc_stack.ss_flags & SS_AUTODISARM_FLAG)
		entry.uc_stack.ss_flags = SS_DISABLE;
	entry.uc_mcontext.fpregs = NULL;
	entry.uc_mcontext.gregs[REG_RSP] = (greg_t)frame;
	entry.uc_mcontext.gregs[REG_RIP] = (greg_t)handler;
	entry.uc_mcontext.gregs[REG_RAX] = 0;
	entry.uc_mcontext.gregs[REG_RDI] = signal;
	entry.uc_mcontext.gregs[REG_RSI] = (greg_t)info;
	entry.uc_mcontext.gregs[REG_RDX] = (greg_t)context;
	entry.uc_mcontext.gregs[REG_EFL] &= ~(greg_t)ENTRY_FLAGS_CLEAR;
	enter(&entry);
}

/* memwatch lives, has looked at the fault, and says that it isn't one of its own. */
BLOB static bool is_passing(struct mw_annex *annex)
{
	if (!annex->passing || annex->passing != own_tid())
		return false;
	annex->passing = 0;
	return true;
}

BLOB static void on_segv(int signal, siginfo_t *info, void *argument)
{
	struct mw_annex *annex = annex_of_this();
	uint64_t addr = (uint64_t)info->si_addr;
	ucontext_t *context = argument;
	bool was_healed = annex->healed;

	leave_session(annex, context);
	if (!is_passing(annex) && info->si_code == SEGV_ACCERR && is_guarded(annex, addr)) {
		finish_store(annex, context);
		heal(annex);
		if (!was_healed || is_first_try(annex, context, addr))
			return;
	}
	chain(annex, signal, info, context, &annex->own[MW_DEADMAN_SEGV]);
}

/*
 * A thread that memwatch has let make a step makes one more when memwatch dies behind it: the
 * kernel forgets the tracer, and not the flag. It hides that flag from the frame; one that the
 * program has set stands there. Behind a system call the step says that it is a breakpoint; the
 * thread may stand before that call again, as one that was interrupted is made once more.
 */
BLOB static bool is_left_step(const siginfo_t *info, const ucontext_t *context)
{
	uint64_t behind = (uint64_t)info->si_addr;

	if (context->uc_mcontext.gregs[REG_EFL] & X86_EFLAGS_TF)
		return false;
	return info->si_code == TRAP_TRACE_CODE ||
	       (info->si_code == TRAP_BRKPT_CODE &&
		*(const uint16_t *)(behind - 2) == SYSCALL_BYTES);
}

BLOB static void on_trap(int signal, siginfo_t *info, void *argument)
{
	struct mw_annex *annex = annex_of_this();
	ucontext_t *context = argument;

	if (leave_session(annex, context) || leave_call(annex, context) ||
	    is_left_step(info, context))
		return;
	/* A watchpoint that went off as memwatch died. */
	if (info->si_code == TRAP_PERF_CODE ||
	    (info->si_code == TRAP_HWBKPT_CODE && annex->debug_registers))
		return;
	chain(annex, signal, info, context, &annex->own[MW_DEADMAN_TRAP]);
}

static uint64_t offset_of(const void *place)
{
	return (uint64_t)((const uint8_t *)place - __start_mw_deadman);
}

void mw_arch_deadman(struct mw_arch_deadman *ret)
{
	*ret = (struct mw_arch_deadman){
		.code = __start_mw_deadman,
		.size = (size_t)(__stop_mw_deadman - __start_mw_deadman),
		.handlers[MW_DEADMAN_SEGV] = offset_of((const void *)(uintptr_t)on_segv),
		.handlers[MW_DEADMAN_TRAP] = offset_of((const void *)(uintptr_t)on_trap),
		.restorer = offset_of(mw_deadman_restorer),
		.call = offset_of(mw_deadman_call),
		.behind_call = offset_of(mw_deadman_call) + BEHIND_CALL,
	};
}
