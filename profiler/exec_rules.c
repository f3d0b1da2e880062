// SPDX-License-Identifier: MIT
#include "profiler/exec_rules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "profiler/sanitizer.h"

static const char *const tracers[] = {
	"strace", "ltrace",   "gdb",        "gdbserver", "lldb",     "lldb-server",
	"rr",     "memwatch", "perf-trace", "sysdig",    "uftrace",  "reptyr",
	"proot",  "gcore",    "eu-stack",   "pstack",    "bpftrace",
};

void mw_exec_rules_deinit(struct mw_exec_rules *rules)
{
	mw_intmap_deinit(&rules->known);
}

const char *mw_exec_rule_note(enum mw_exec_rule rule)
{
	static const char *const notes[] = {
		[MW_EXEC_TRACE] = "",
		[MW_EXEC_SANITIZER] = "sanitizer builds trace themselves: they were followed "
				      "without ptrace",
		[MW_EXEC_TRACER] = "debuggers and tracers in the job were followed without ptrace",
		[MW_EXEC_PRIVILEGED] = "set-id programs in the job were followed without ptrace",
		[MW_EXEC_UNREADABLE] = "a program that may not be read was traced: had it set-id "
				       "bits, it ran without them (use --track=perf)",
	};

	return notes[rule];
}

static bool is_tracer(const char *link)
{
	char path[PATH_MAX];
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	const char *name;

	if (length <= 0)
		return false;
	path[length] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	for (size_t i = 0; i < mw_array_size(tracers); i++)
		if (!strcmp(name, tracers[i]))
			return true;
	return false;
}

static bool is_privileged(const char *link, const struct stat *file)
{
	if (!geteuid())
		return false;
	if (file->st_mode & S_ISUID)
		return true;
	/* Without execute permission for the group, the bit means mandatory locking. */
	if ((file->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return true;
	return getxattr(link, "security.capability", NULL, 0) > 0;
}

static enum mw_exec_rule classify(const char *link, const struct stat *file)
{
	if (is_tracer(link))
		return MW_EXEC_TRACER;
	if (is_privileged(link, file))
		return MW_EXEC_PRIVILEGED;
	if (mw_program_has_leak_sanitizer(link))
		return MW_EXEC_SANITIZER;
	return MW_EXEC_TRACE;
}

static uint64_t file_key(const struct stat *file)
{
	uint64_t key = (uint64_t)file->st_ino;

	key = key * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)file->st_dev;
	key = key * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)file->st_ctim.tv_sec;
	key = key * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)file->st_ctim.tv_nsec;
	return key ? key : 1;
}

enum mw_exec_rule mw_exec_rules_find(struct mw_exec_rules *rules, pid_t pid)
{
	enum mw_exec_rule rule;
	struct stat file;
	uintptr_t known;
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	if (stat(link, &file))
		return errno == EACCES || errno == EPERM ? MW_EXEC_UNREADABLE : MW_EXEC_TRACE;
	known = (uintptr_t)mw_intmap_get(&rules->known, file_key(&file));
	if (known)
		return (enum mw_exec_rule)(known - 1);
	rule = classify(link, &file);
	mw_error_destroy(
		mw_intmap_set(&rules->known, file_key(&file), (void *)((uintptr_t)rule + 1)));
	return rule;
}
