// SPDX-License-Identifier: MIT
/* Probe of hardware breakpoints that signal the thread that hit them. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tracer/feature_probe.h"

static int open_breakpoint(const volatile long *watched, bool exclude_kernel)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)watched,
		.bp_len = sizeof(*watched),
		.inherit = 1,
		.inherit_thread = 1,
		.remove_on_exec = 1,
		.sigtrap = 1,
		.exclude_kernel = exclude_kernel,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/** True when a store to @watched raises SIGTRAP, which is blocked meanwhile. */
static bool store_traps(volatile long *watched)
{
	const struct timespec soon = {.tv_sec = 1};
	sigset_t trap;

	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	sigprocmask(SIG_BLOCK, &trap, NULL);
	*watched = 1;
	return sigtimedwait(&trap, NULL, &soon) == SIGTRAP;
}

void mw_probe_hw_breakpoint_perf(struct mw_feature_result *ret)
{
	volatile long watched = 0;
	bool user_only = open_breakpoint(&watched, false) < 0;

	if (user_only && open_breakpoint(&watched, true) < 0)
		mw_feature_fail(ret, "perf_event_open");
	else if (!store_traps(&watched))
		mw_feature_set(ret, MW_FEATURE_NO, "a store did not trap");
	else if (user_only)
		mw_feature_set(ret, MW_FEATURE_LIMITED,
			       "the kernel's own stores are not seen: needs CAP_PERFMON, or "
			       "kernel.perf_event_paranoid=1");
	else
		mw_feature_set(ret, MW_FEATURE_YES, "the kernel's own stores included");
}
