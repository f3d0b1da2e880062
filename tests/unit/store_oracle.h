// SPDX-License-Identifier: MIT
/**
 * What the CPU itself does with a store: a traced child runs the instruction on memory that it
 * shares with the test, and its registers are read back.
 */
#ifndef MW_TESTS_UNIT_STORE_ORACLE_H
#define MW_TESTS_UNIT_STORE_ORACLE_H

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "tracer/store.h"

#define ORACLE_PAGE 4096u
#define ORACLE_WINDOW_SIZE (16 * ORACLE_PAGE)
/** Code may stand anywhere within 2 GiB of the high window, so that rip-relative operands hit it.
 */
#define ORACLE_REGION_SIZE (UINT64_C(4) << 30)

/** Memory that child and test see at the same address, and what the store engine made of it. */
struct oracle_window {
	uint8_t *native;
	uint8_t ours[ORACLE_WINDOW_SIZE];
};

struct oracle {
	pid_t pid;
	uint8_t *region;
	/** In the middle of the region, and below 4 GiB for 32-bit addresses. */
	struct oracle_window high;
	struct oracle_window low;
	/** The child's own registers, to start each run from. */
	struct user_regs_struct regs;
	size_t xstate_size;
};

static inline uint64_t oracle_address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static inline bool oracle_map(struct oracle *ret)
{
	const int prot = PROT_READ | PROT_WRITE | PROT_EXEC;
	const int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;

	ret->region = mmap(NULL, ORACLE_REGION_SIZE, prot, flags, -1, 0);
	ret->low.native = mmap(NULL, ORACLE_WINDOW_SIZE, prot, flags | MAP_32BIT, -1, 0);
	if (ret->region == MAP_FAILED || ret->low.native == MAP_FAILED)
		return false;
	ret->high.native = ret->region + ORACLE_REGION_SIZE / 2;
	return true;
}

/* One CPU for both: a stop costs a tenth then. */
static inline void oracle_pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static inline bool oracle_start(struct oracle *ret)
{
	int status;

	memset(ret, 0, sizeof(*ret));
	oracle_pin();
	if (!oracle_map(ret))
		return false;
	ret->pid = fork();
	if (ret->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(ret->pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return false;
	ptrace(PTRACE_SETOPTIONS, ret->pid, 0, PTRACE_O_EXITKILL);
	ptrace(PTRACE_GETREGS, ret->pid, 0, &ret->regs);
	ret->regs.orig_rax = (unsigned long long)-1;
	return true;
}

static inline void oracle_stop(struct oracle *oracle)
{
	int status;

	kill(oracle->pid, SIGKILL);
	waitpid(oracle->pid, &status, 0);
	munmap(oracle->region, ORACLE_REGION_SIZE);
	munmap(oracle->low.native, ORACLE_WINDOW_SIZE);
}

/* Gives the child an extended state, and reads back what the kernel made of it. */
static inline bool oracle_set_xstate(const struct oracle *oracle, struct mw_store_state *state)
{
	struct iovec iov = {state->xstate, state->xstate_size};

	if (ptrace(PTRACE_SETREGSET, oracle->pid, NT_X86_XSTATE, &iov))
		return false;
	return !ptrace(PTRACE_GETREGSET, oracle->pid, NT_X86_XSTATE, &iov);
}

static inline size_t oracle_get_xstate(const struct oracle *oracle, uint8_t *xstate, size_t size)
{
	struct iovec iov = {xstate, size};

	return ptrace(PTRACE_GETREGSET, oracle->pid, NT_X86_XSTATE, &iov) ? 0 : iov.iov_len;
}

/**
 * Runs the child from @regs: one step, or up to the breakpoint behind the instruction.
 *
 * @return the signal that it stopped with: SIGTRAP when all went well.
 */
static inline int oracle_run(const struct oracle *oracle, bool step, struct user_regs_struct *regs)
{
	int status;

	if (ptrace(PTRACE_SETREGS, oracle->pid, 0, regs))
		return -1;
	if (ptrace(step ? PTRACE_SINGLESTEP : PTRACE_CONT, oracle->pid, 0, 0))
		return -1;
	if (waitpid(oracle->pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_GETREGS, oracle->pid, 0, regs);
	return WSTOPSIG(status);
}

/** The window that holds @size bytes at @addr, or NULL. */
static inline struct oracle_window *oracle_window_of(struct oracle *oracle, uint64_t addr,
						     size_t size)
{
	struct oracle_window *windows[] = {&oracle->high, &oracle->low};

	for (size_t i = 0; i < mw_array_size(windows); i++) {
		uint64_t offset = addr - oracle_address(windows[i]->native);

		if (offset < ORACLE_WINDOW_SIZE && offset + size <= ORACLE_WINDOW_SIZE)
			return windows[i];
	}
	return NULL;
}

/** The engine's copy of what stands at @addr. */
static inline uint8_t *oracle_ours(struct oracle *oracle, uint64_t addr, size_t size)
{
	struct oracle_window *window = oracle_window_of(oracle, addr, size);

	return window ? window->ours + (addr - oracle_address(window->native)) : NULL;
}

/** An mw_mem_reader on the engine's copy. */
static inline struct mw_error *oracle_read(void *arg, mw_addr addr, void *ret, size_t size)
{
	const uint8_t *bytes = oracle_ours(arg, addr.v, size);

	if (!bytes)
		return mw_err_not_found;
	// pop may read what it overwrites.
	memmove(ret, bytes, size);
	return NULL;
}

/** Whether child and engine left the same memory behind; makes them equal for the next run. */
static inline bool oracle_memory_agrees(struct oracle *oracle)
{
	bool equal = !memcmp(oracle->high.native, oracle->high.ours, ORACLE_WINDOW_SIZE) &&
		     !memcmp(oracle->low.native, oracle->low.ours, ORACLE_WINDOW_SIZE);

	if (!equal) {
		memcpy(oracle->high.ours, oracle->high.native, ORACLE_WINDOW_SIZE);
		memcpy(oracle->low.ours, oracle->low.native, ORACLE_WINDOW_SIZE);
	}
	return equal;
}

#endif
