// SPDX-License-Identifier: MIT
#include "tracer/feature.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/procfs.h"
#include "tracer/feature_probe.h"

/* The default of vm.max_map_count; each guarded page may split a mapping in three. */
#define USUAL_MAP_COUNT 65530

static bool own_status(struct mw_feature_result *ret, struct mw_proc_status *ret_status)
{
	struct mw_error *err = mw_proc_status_read(getpid(), ret_status);

	if (!err)
		return true;
	mw_feature_set(ret, MW_FEATURE_NO, "%s", err->message);
	mw_error_destroy(err);
	return false;
}

static bool has_capability(unsigned capability)
{
	struct mw_feature_result ignored;
	struct mw_proc_status status;

	return own_status(&ignored, &status) && (status.cap_effective >> capability & 1);
}

static void probe_cap_sys_ptrace(struct mw_feature_result *ret)
{
	if (has_capability(CAP_SYS_PTRACE))
		mw_feature_pass(ret);
	else
		mw_feature_set(ret, MW_FEATURE_NO, "only processes of the same user");
}

static void probe_yama(struct mw_feature_result *ret)
{
	static const char *const limits[] = {
		"ptrace_scope 0: no limit",
		"ptrace_scope 1: only descendants, without CAP_SYS_PTRACE",
		"ptrace_scope 2: only with CAP_SYS_PTRACE",
		"ptrace_scope 3: no attaching until the next boot",
	};
	enum mw_feature_state state = MW_FEATURE_YES;
	long scope;

	if (!mw_feature_number("/proc/sys/kernel/yama/ptrace_scope", &scope) || scope < 0 ||
	    scope >= (long)mw_array_size(limits)) {
		mw_feature_set(ret, MW_FEATURE_YES, "no Yama here: no limit");
		return;
	}
	if (scope == 3)
		state = MW_FEATURE_NO;
	else if (scope && !has_capability(CAP_SYS_PTRACE))
		state = MW_FEATURE_LIMITED;
	mw_feature_set(ret, state, "%s", limits[scope]);
}

static void probe_perf_event_paranoid(struct mw_feature_result *ret)
{
	long level;

	if (!mw_feature_number("/proc/sys/kernel/perf_event_paranoid", &level))
		mw_feature_set(ret, MW_FEATURE_NO, "no perf events in this kernel");
	else if (level <= 1 || has_capability(CAP_PERFMON) || has_capability(CAP_SYS_ADMIN))
		mw_feature_set(ret, MW_FEATURE_YES, "level %ld", level);
	else if (level == 2)
		mw_feature_set(ret, MW_FEATURE_LIMITED, "level 2: the kernel's stores are hidden");
	else
		mw_feature_set(ret, MW_FEATURE_NO, "level %ld: needs CAP_PERFMON", level);
}

static void probe_seccomp(struct mw_feature_result *ret)
{
	struct mw_proc_status status;

	if (!own_status(ret, &status))
		return;
	if (status.seccomp)
		mw_feature_set(ret, MW_FEATURE_LIMITED, "a filter may deny what memwatch needs");
	else
		mw_feature_pass(ret);
}

static void probe_max_map_count(struct mw_feature_result *ret)
{
	long count;

	if (!mw_feature_number("/proc/sys/vm/max_map_count", &count))
		mw_feature_set(ret, MW_FEATURE_NO, "vm.max_map_count can't be read");
	else
		mw_feature_set(ret, count < USUAL_MAP_COUNT ? MW_FEATURE_LIMITED : MW_FEATURE_YES,
			       "%ld mappings per process", count);
}

static void probe_debuginfod(struct mw_feature_result *ret)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls && *urls)
		mw_feature_set(ret, MW_FEATURE_YES, "%.100s", urls);
	else
		mw_feature_set(ret, MW_FEATURE_NO, "DEBUGINFOD_URLS is not set");
}

static bool has_word(const char *path, const char *word)
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (size < 0)
		return false;
	text[size] = '\0';
	return strstr(text, word);
}

static void probe_memory_cgroup(struct mw_feature_result *ret)
{
	if (has_word("/sys/fs/cgroup/cgroup.controllers", "memory"))
		mw_feature_set(ret, MW_FEATURE_YES, "version 2");
	else if (!access("/sys/fs/cgroup/memory/memory.usage_in_bytes", F_OK))
		mw_feature_set(ret, MW_FEATURE_LIMITED, "version 1");
	else
		mw_feature_set(ret, MW_FEATURE_NO, "no memory controller under /sys/fs/cgroup");
}

MW_FEATURE_APART(mw_probe_ptrace_seize)
MW_FEATURE_APART(mw_probe_proc_mem_write)
MW_FEATURE_APART(mw_probe_process_vm_readv)
MW_FEATURE_APART(mw_probe_syscall_info)
MW_FEATURE_APART(mw_probe_hw_breakpoint_perf)
MW_FEATURE_APART(mw_probe_hw_breakpoint_ptrace)
MW_FEATURE_APART(mw_probe_userfaultfd)
MW_FEATURE_APART(mw_probe_userfaultfd_wp)
MW_FEATURE_APART(mw_probe_wp_async)
MW_FEATURE_APART(mw_probe_pagemap_scan)
MW_FEATURE_APART(mw_probe_map_files)
MW_FEATURE_APART(mw_probe_pidfd_getfd)
MW_FEATURE_APART(mw_probe_taskstats)
MW_FEATURE_APART(mw_probe_burst_pinning)

static const struct mw_feature features[] = {
	{"ptrace-seize", "attaching to a running process", mw_probe_ptrace_seize_apart},
	{"proc-mem-write", "carrying out stores into guarded pages", mw_probe_proc_mem_write_apart},
	{"process-vm-readv", "reading the target's memory", mw_probe_process_vm_readv_apart},
	{"syscall-info", "telling system call entries from exits", mw_probe_syscall_info_apart},
	{"hw-breakpoint-perf", "watching single words at full speed",
	 mw_probe_hw_breakpoint_perf_apart},
	{"hw-breakpoint-ptrace", "the same, without perf events",
	 mw_probe_hw_breakpoint_ptrace_apart},
	{"userfaultfd", "guarding many scattered pages", mw_probe_userfaultfd_apart},
	{"userfaultfd-wp", "guarding them against writes", mw_probe_userfaultfd_wp_apart},
	{"wp-async", "finding written pages without stopping", mw_probe_wp_async_apart},
	{"pagemap-scan", "listing them quickly", mw_probe_pagemap_scan_apart},
	{"map-files", "writing into shared mappings", mw_probe_map_files_apart},
	{"pidfd-getfd", "fetching the target's userfaultfd", mw_probe_pidfd_getfd_apart},
	{"taskstats", "exact peaks of a job's processes", mw_probe_taskstats_apart},
	{"burst-pinning", "fast stops while a thread hits often", mw_probe_burst_pinning_apart},
	{"xstate", "carrying out vector stores", mw_probe_xstate},
	{"cap-sys-ptrace", "attaching to other users' processes", probe_cap_sys_ptrace},
	{"yama", "attaching to processes not started here", probe_yama},
	{"perf-event-paranoid", "perf events for ordinary users", probe_perf_event_paranoid},
	{"seccomp", "system calls of memwatch itself", probe_seccomp},
	{"max-map-count", "room for guards in the target", probe_max_map_count},
	{"debuginfod", "fetching missing debug information", probe_debuginfod},
	{"memory-cgroup", "the peak of a whole job", probe_memory_cgroup},
};

const struct mw_feature *mw_features(size_t *ret_count)
{
	*ret_count = mw_array_size(features);
	return features;
}
