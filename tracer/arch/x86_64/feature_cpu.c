// SPDX-License-Identifier: MIT
/* Probes of the processor: debug registers and extended state. */
#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "tracer/feature_probe.h"

/* DR7: breakpoint 0 enabled for this task (bit 0), on writes (bits 16, 17) of 8 bytes (18, 19). */
#define DR7_WRITE_8_BYTES (1ul | 1ul << 16 | 2ul << 18)
#define DEBUG_REGISTER(number) (offsetof(struct user, u_debugreg) + (number) * sizeof(long))

static void store_often(void *arg)
{
	const struct timespec pause_time = {.tv_nsec = 1000000};
	volatile long *watched = arg;

	nanosleep(&pause_time, NULL);
	(*watched)++;
}

void mw_probe_hw_breakpoint_ptrace(struct mw_feature_result *ret)
{
	volatile long watched = 0;
	pid_t child = mw_feature_child_create(store_often, (void *)&watched);
	int status = 0;

	if (!mw_feature_stop(child))
		mw_feature_fail(ret, "cannot seize even a child");
	else if (ptrace(PTRACE_POKEUSER, child, DEBUG_REGISTER(0), &watched) ||
		 ptrace(PTRACE_POKEUSER, child, DEBUG_REGISTER(7), DR7_WRITE_8_BYTES))
		mw_feature_fail(ret, "the debug registers can't be set");
	else if (ptrace(PTRACE_CONT, child, NULL, NULL) || waitpid(child, &status, __WALL) < 0 ||
		 !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		mw_feature_set(ret, MW_FEATURE_NO, "a store did not trap");
	else
		mw_feature_set(ret, MW_FEATURE_YES, "4 at a time");
	mw_feature_child_destroy(child);
}

void mw_probe_xstate(struct mw_feature_result *ret)
{
	unsigned a, b, c, d;
	unsigned size;

	if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d)) {
		mw_feature_set(ret, MW_FEATURE_NO, "the processor has no XSAVE");
		return;
	}
	size = b;
	__builtin_cpu_init();
	mw_feature_set(ret, MW_FEATURE_YES, "%u bytes%s", size,
		       __builtin_cpu_supports("avx512f") ? ", AVX-512"
		       : __builtin_cpu_supports("avx2")  ? ", AVX2"
							 : "");
}
