// SPDX-License-Identifier: MIT
/* Probes of what may be done to another process; each runs apart and has a child to do it to. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tracer/feature_probe.h"

static void sleep_on(void *arg)
{
	(void)arg;
	pause();
}

void mw_probe_ptrace_seize(struct mw_feature_result *ret)
{
	pid_t child = mw_feature_child_create(sleep_on, NULL);

	if (!mw_feature_stop(child))
		mw_feature_fail(ret, "cannot seize even a child");
	else
		mw_feature_pass(ret);
	mw_feature_child_destroy(child);
}

/** Writes through /proc/@pid/mem into a page that is read-only here and there. */
static bool write_read_only_page(pid_t pid, const void *page)
{
	static const char text[] = "memwatch";
	char back[sizeof(text)] = "";
	char path[64];
	mw_auto_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 ||
	    pwrite(fd, text, sizeof(text), (off_t)(uintptr_t)page) != (ssize_t)sizeof(text))
		return false;
	return pread(fd, back, sizeof(back), (off_t)(uintptr_t)page) == (ssize_t)sizeof(back) &&
	       !memcmp(text, back, sizeof(text));
}

void mw_probe_proc_mem_write(struct mw_feature_result *ret)
{
	void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child = mw_feature_child_create(sleep_on, NULL);

	if (write_read_only_page(child, page))
		mw_feature_pass(ret);
	else if (mw_feature_stop(child) && write_read_only_page(child, page))
		mw_feature_set(ret, MW_FEATURE_LIMITED, "only while attached");
	else
		mw_feature_fail(ret, "read-only pages can't be written (boot option "
				     "proc_mem.force_override?)");
	mw_feature_child_destroy(child);
}

void mw_probe_process_vm_readv(struct mw_feature_result *ret)
{
	const int there = 4711;
	int here = 0;
	struct iovec local = {&here, sizeof(here)};
	struct iovec remote = {(void *)(uintptr_t)&there, sizeof(there)};
	pid_t child = mw_feature_child_create(sleep_on, NULL);

	if (process_vm_readv(child, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(here))
		mw_feature_fail(ret, "cannot read even a child");
	else if (here != there)
		mw_feature_set(ret, MW_FEATURE_NO, "read something else");
	else
		mw_feature_pass(ret);
	mw_feature_child_destroy(child);
}

void mw_probe_syscall_info(struct mw_feature_result *ret)
{
	struct __ptrace_syscall_info info;
	pid_t child = mw_feature_child_create(sleep_on, NULL);

	if (!mw_feature_stop(child))
		mw_feature_fail(ret, "cannot seize even a child");
	else if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0)
		mw_feature_fail(ret, "needs Linux 5.3");
	else
		mw_feature_pass(ret);
	mw_feature_child_destroy(child);
}

void mw_probe_pidfd_getfd(struct mw_feature_result *ret)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t child = mw_feature_child_create(sleep_on, NULL);
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);

	if (pidfd < 0)
		mw_feature_fail(ret, "pidfd_open");
	else if (syscall(SYS_pidfd_getfd, pidfd, file, 0) < 0)
		mw_feature_fail(ret, "pidfd_getfd");
	else
		mw_feature_pass(ret);
	mw_feature_child_destroy(child);
}

static int first_cpu(const cpu_set_t *cpus)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, cpus))
		cpu++;
	return cpu;
}

void mw_probe_burst_pinning(struct mw_feature_result *ret)
{
	cpu_set_t allowed, one;
	pid_t child = mw_feature_child_create(sleep_on, NULL);

	if (sched_getaffinity(child, sizeof(allowed), &allowed)) {
		mw_feature_fail(ret, "sched_getaffinity");
		mw_feature_child_destroy(child);
		return;
	}
	CPU_ZERO(&one);
	CPU_SET(first_cpu(&allowed), &one);
	if (sched_setaffinity(child, sizeof(one), &one) || sched_setaffinity(0, sizeof(one), &one))
		mw_feature_fail(ret, "sched_setaffinity");
	else if (CPU_COUNT(&allowed) == 1)
		mw_feature_set(ret, MW_FEATURE_YES, "nothing to gain: one CPU");
	else
		mw_feature_pass(ret);
	mw_feature_child_destroy(child);
}
