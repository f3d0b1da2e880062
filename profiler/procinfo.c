// SPDX-License-Identifier: MIT
#include "profiler/procinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/procfs.h"

/** Reads a small /proc file into @buffer, NUL-terminated. @return bytes, or -1. */
static ssize_t read_small(const char *path, char *buffer, size_t size)
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -1;
	got = mw_pread_full(fd, buffer, size - 1, 0);
	if (got < 0)
		return -1;
	buffer[got] = '\0';
	return got;
}

bool mw_task_stat_parse(const char *text, struct mw_task_stat *ret)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	struct mw_task_stat stat = {0};

	if (!open || !close || close < open)
		return false;
	snprintf(stat.name, sizeof(stat.name), "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1,
		   " %c %d %d %*d %*d %*d %" SCNu32 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &stat.state, &stat.ppid, &stat.pgrp, &stat.flags, &stat.utime_ticks,
		   &stat.stime_ticks, &stat.start_ticks) != 7)
		return false;
	*ret = stat;
	return true;
}

bool mw_task_stat_read(pid_t pid, struct mw_task_stat *ret)
{
	char path[64];
	char text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_small(path, text, sizeof(text)) > 0 && mw_task_stat_parse(text, ret);
}

/** Finds "KEY:" at the start of a line from @text on and reads its number. */
static bool number_line(const char *text, const char *key, uint64_t *ret)
{
	const char *line = strstr(text, key);

	while (line && line != text && line[-1] != '\n')
		line = strstr(line + 1, key);
	if (!line)
		return false;
	*ret = strtoull(line + strlen(key), NULL, 10);
	return true;
}

bool mw_task_memory_parse(const char *text, struct mw_task_memory *ret)
{
	struct mw_task_memory memory = {0};
	const char *vm = strstr(text, "\nVmHWM:");
	uint64_t threads = 0;

	if (!vm || !number_line(vm, "VmHWM:", &memory.hwm_kib) ||
	    !number_line(vm, "VmRSS:", &memory.rss_kib))
		return false;
	number_line(vm, "RssAnon:", &memory.anon_kib);
	number_line(vm, "RssFile:", &memory.file_kib);
	number_line(vm, "RssShmem:", &memory.shmem_kib);
	number_line(vm, "VmSwap:", &memory.swap_kib);
	number_line(vm, "Threads:", &threads);
	memory.threads = (int)threads;
	*ret = memory;
	return true;
}

bool mw_task_memory_read(pid_t pid, pid_t tid, struct mw_task_memory *ret)
{
	char path[64];
	char text[4096];

	if (tid == pid)
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
	else
		snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	return read_small(path, text, sizeof(text)) > 0 && mw_task_memory_parse(text, ret);
}

bool mw_task_io_read(pid_t pid, struct mw_task_io *ret)
{
	struct mw_task_io io;
	char path[64];
	char text[512];

	snprintf(path, sizeof(path), "/proc/%d/io", pid);
	if (read_small(path, text, sizeof(text)) <= 0 ||
	    !number_line(text, "read_bytes:", &io.read_bytes) ||
	    !number_line(text, "write_bytes:", &io.write_bytes))
		return false;
	*ret = io;
	return true;
}

bool mw_task_pss_read(pid_t pid, uint64_t *ret_kib)
{
	char path[64];
	char text[2048];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	return read_small(path, text, sizeof(text)) > 0 && number_line(text, "Pss:", ret_kib);
}

int mw_task_statm_open(pid_t pid, pid_t tid)
{
	char path[64];

	if (tid == pid)
		snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	else
		snprintf(path, sizeof(path), "/proc/%d/task/%d/statm", pid, tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool mw_task_statm_read(int fd, uint64_t *ret_pages)
{
	char text[128];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	char *resident;

	if (got <= 0)
		return false;
	text[got] = '\0';
	/* The first number is the size: 0 only without an address space. The second one may be 0
	 * in a small process, because the kernel counts in batches. */
	if (!strtoull(text, &resident, 10))
		return false;
	*ret_pages = strtoull(resident, NULL, 10);
	return true;
}

char *mw_task_argv_read(pid_t pid, size_t *ret_size)
{
	char path[64];
	char text[MW_ARGV_SIZE];
	ssize_t got;
	char *copy;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	got = read_small(path, text, sizeof(text));
	if (got <= 0)
		return NULL;
	/* A program may have overwritten its last NUL (setproctitle). */
	if (text[got - 1])
		got++;
	copy = malloc((size_t)got);
	if (!copy)
		return NULL;
	*ret_size = (size_t)got;
	return memcpy(copy, text, (size_t)got);
}

char *mw_task_exe_read(pid_t pid)
{
	char link[64];
	char path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0)
		return NULL;
	path[length] = '\0';
	return strdup(path);
}

static void visit_thread(pid_t pid, pid_t tid, void (*visit)(void *, pid_t), void *arg)
{
	mw_auto_free char *text = NULL;
	char path[64];
	char *cursor;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	for (cursor = text; cursor && *cursor;) {
		char *end;
		long child = strtol(cursor, &end, 10);

		if (end == cursor)
			return;
		visit(arg, (pid_t)child);
		cursor = end + strspn(end, " ");
	}
}

void mw_task_children_visit(pid_t pid, void (*visit)(void *arg, pid_t child), void *arg)
{
	mw_auto_free pid_t *tids = NULL;
	size_t count = 0;
	struct mw_error *err = mw_proc_threads(pid, &tids, &count);

	mw_error_destroy(err);
	for (size_t i = 0; i < count; i++)
		visit_thread(pid, tids[i], visit, arg);
}

enum mw_same_memory mw_task_same_memory(pid_t a, pid_t b)
{
	long order = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

	if (order < 0)
		return MW_SAME_MEMORY_UNKNOWN;
	return order == 0 ? MW_SAME_MEMORY_YES : MW_SAME_MEMORY_NO;
}
