// SPDX-License-Identifier: MIT
#ifdef __x86_64__
#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/error.h"
#include "profiler/exec_rules.h"

/** `mov eax, SYS_execve; syscall`. The exec stop is inside execve, whose result overwrites rax when
 * the process goes on, so the number has to be loaded by an instruction. */
static const unsigned char exec_code[] = {0xb8, SYS_execve, 0, 0, 0, 0x0f, 0x05};

/** Where the kernel put what the new program starts with: its stack is argc, argv, envp, auxv. */
struct start_block {
	uint64_t file_name;
	uint64_t argv;
	uint64_t envp;
};

static bool peek(pid_t pid, uint64_t addr, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKDATA, pid, (void *)addr, NULL);
	return !errno;
}

static bool find_start_block(pid_t pid, uint64_t stack, struct start_block *ret)
{
	uint64_t word;
	uint64_t cursor;

	if (!peek(pid, stack, &word))
		return false;
	ret->argv = stack + 8;
	ret->envp = ret->argv + 8 * (word + 1);
	for (cursor = ret->envp;; cursor += 8) {
		if (!peek(pid, cursor, &word))
			return false;
		if (!word)
			break;
	}
	for (cursor += 8; peek(pid, cursor, &word) && word; cursor += 16)
		if (word == AT_EXECFN)
			return peek(pid, cursor + 8, &ret->file_name);
	return false;
}

static bool poke_code(pid_t pid, uint64_t addr)
{
	uint64_t word;

	if (!peek(pid, addr, &word))
		return false;
	for (size_t i = 0; i < sizeof(exec_code); i++) {
		word &= ~(UINT64_C(0xff) << (8 * i));
		word |= (uint64_t)exec_code[i] << (8 * i);
	}
	return !ptrace(PTRACE_POKETEXT, pid, (void *)addr, (void *)word);
}

struct mw_error *mw_exec_again(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec set = {&regs, sizeof(regs)};
	struct start_block start;

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &set))
		return mw_error_os(errno, "cannot read the registers of pid %d", pid);
	/* A 32-bit program has another start block and another way to call the kernel. */
	if (set.iov_len != sizeof(regs) || regs.cs == 0x23)
		return mw_error_create(MW_ERROR_OTHER, "pid %d is a 32-bit program", pid);
	if (!find_start_block(pid, regs.rsp, &start) || !poke_code(pid, regs.rip))
		return mw_error_os(errno, "cannot write to pid %d", pid);
	regs.rax = SYS_execve;
	regs.orig_rax = (unsigned long long)-1;
	regs.rdi = start.file_name;
	regs.rsi = start.argv;
	regs.rdx = start.envp;
	if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &set))
		return mw_error_os(errno, "cannot set the registers of pid %d", pid);
	return NULL;
}
#endif
