// SPDX-License-Identifier: MIT
#include "tracer/tracee_path.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/compiler.h"
#include "base/error.h"
#include "tracer/mem.h"

#define ATTEMPTS 3

static bool inode_of(int dir, const char *name, uint64_t *ret)
{
	struct statx file;

	if (statx(dir, name, AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO,
		  &file) < 0)
		return false;
	*ret = file.stx_ino;
	return true;
}

bool mw_tracee_file_inode(pid_t tid, int fd, uint64_t *ret)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", tid, fd);
	return inode_of(AT_FDCWD, name, ret);
}

static bool read_text(pid_t tid, mw_addr addr, char ret[PATH_MAX])
{
	struct mw_mem mem;
	size_t size;

	if (mw_error_catch_any(mw_mem_init(&mem, tid)))
		return false;
	size = mw_mem_read_some(&mem, addr, ret, PATH_MAX);
	mw_mem_deinit(&mem);
	return memchr(ret, '\0', size);
}

/* These lead out of any directory, and to memwatch's own files here. */
static bool names_descriptor(const char *text, int *ret)
{
	static const char *const folders[] = {"/proc/self/fd/", "/proc/thread-self/fd/",
					      "/dev/fd/"};

	for (size_t i = 0; i < mw_array_size(folders); i++) {
		size_t length = strlen(folders[i]);
		char *end;
		long fd;

		if (strncmp(text, folders[i], length) || !isdigit((unsigned char)text[length]))
			continue;
		fd = strtol(text + length, &end, 10);
		if (*end || fd > INT_MAX)
			continue;
		*ret = (int)fd;
		return true;
	}
	return false;
}

/** Opens where @path starts from. @return -1 when it is gone. */
static int open_start(pid_t tid, const struct mw_tracee_path *path, bool from_root)
{
	char name[64];

	if (from_root)
		snprintf(name, sizeof(name), "/proc/%d/root", tid);
	else if (path->dir == AT_FDCWD)
		snprintf(name, sizeof(name), "/proc/%d/cwd", tid);
	else
		snprintf(name, sizeof(name), "/proc/%d/fd/%d", tid, path->dir);
	return open(name, O_PATH | O_CLOEXEC);
}

/*
 * Only what the kernel finds without a lock or a disk: the thread that would answer may be one that
 * waits for memwatch. A rename somewhere may disturb that, once. Absolute links of a relative path
 * lead to memwatch's root here: a miss if it is another one.
 */
static int open_cached(int start, const char *text, const struct mw_tracee_path *path,
		       bool from_root)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (unsigned)path->flags,
		.resolve = RESOLVE_CACHED | (path->resolve & RESOLVE_IN_ROOT),
	};
	int fd = -1;

	if (from_root)
		how.resolve |= RESOLVE_IN_ROOT;
	for (int i = 0; i < ATTEMPTS && fd < 0; i++) {
		fd = (int)syscall(SYS_openat2, start, text, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	return fd;
}

bool mw_tracee_path_inode(pid_t tid, const struct mw_tracee_path *path, uint64_t *ret)
{
	mw_auto_close int start = -1, file = -1;
	char text[PATH_MAX];
	bool from_root;
	int fd;

	if (!read_text(tid, path->text, text))
		return false;
	if (names_descriptor(text, &fd))
		return mw_tracee_file_inode(tid, fd, ret);
	from_root = text[0] == '/' && !(path->resolve & RESOLVE_IN_ROOT);
	start = open_start(tid, path, from_root);
	if (start < 0)
		return false;
	file = open_cached(start, text, path, from_root);
	return file >= 0 && inode_of(file, "", ret);
}
