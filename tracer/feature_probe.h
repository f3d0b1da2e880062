// SPDX-License-Identifier: MIT
/** What the probes share; for feature*.c only. */
#ifndef MW_TRACER_FEATURE_PROBE_H
#define MW_TRACER_FEATURE_PROBE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "tracer/feature.h"

void mw_feature_set(struct mw_feature_result *ret, enum mw_feature_state state, const char *format,
		    ...) MW_PRINTF(3, 4);

/** MW_FEATURE_YES, with nothing to say. */
void mw_feature_pass(struct mw_feature_result *ret);

/** MW_FEATURE_NO, with the text of errno behind @what. */
void mw_feature_fail(struct mw_feature_result *ret, const char *what);

/**
 * Runs @probe in a process of its own, which takes its descriptors, mappings, children and signals
 * with it. The process sends no SIGCHLD, so that a wait loop of memwatch never hears of it, and a
 * probe that hangs or dies means that the feature isn't there.
 *
 * @probe must not take locks (malloc, stdio files): other threads' are as the fork found them.
 */
void mw_feature_run_apart(void (*probe)(struct mw_feature_result *ret),
			  struct mw_feature_result *ret);

/** Defines NAME_apart, the entry of the table for a probe that needs a process of its own. */
#define MW_FEATURE_APART(name)                                                                     \
	static void name##_apart(struct mw_feature_result *ret)                                    \
	{                                                                                          \
		mw_feature_run_apart(name, ret);                                                   \
	}

/** Starts a child that runs @body for ever, and dies with its parent at the latest. */
pid_t mw_feature_child_create(void (*body)(void *arg), void *arg);
void mw_feature_child_destroy(pid_t pid);

/** Seizes @pid and stops it. @return false with errno. */
bool mw_feature_stop(pid_t pid);

/** Reads the number in a file like /proc/sys/…; false when there is none. */
bool mw_feature_number(const char *path, long *ret);

/* Probes, by file. */
void mw_probe_ptrace_seize(struct mw_feature_result *ret);
void mw_probe_proc_mem_write(struct mw_feature_result *ret);
void mw_probe_process_vm_readv(struct mw_feature_result *ret);
void mw_probe_syscall_info(struct mw_feature_result *ret);
void mw_probe_pidfd_getfd(struct mw_feature_result *ret);
void mw_probe_burst_pinning(struct mw_feature_result *ret);

void mw_probe_userfaultfd(struct mw_feature_result *ret);
void mw_probe_userfaultfd_wp(struct mw_feature_result *ret);
void mw_probe_wp_async(struct mw_feature_result *ret);
void mw_probe_pagemap_scan(struct mw_feature_result *ret);
void mw_probe_map_files(struct mw_feature_result *ret);

void mw_probe_hw_breakpoint_perf(struct mw_feature_result *ret);
void mw_probe_taskstats(struct mw_feature_result *ret);

/* Of the architecture. */
void mw_probe_hw_breakpoint_ptrace(struct mw_feature_result *ret);
void mw_probe_xstate(struct mw_feature_result *ret);

#endif
