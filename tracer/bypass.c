// SPDX-License-Identifier: MIT
#include "tracer/bypass.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"

static bool is_io_uring(int folder, const char *name)
{
	char target[64];
	ssize_t size = readlinkat(folder, name, target, sizeof(target) - 1);

	if (size < 0)
		return false;
	target[size] = '\0';
	return !strcmp(target, "anon_inode:[io_uring]");
}

/* fdinfo has the flags in octal (proc_pid_fdinfo(5)). */
static bool is_direct(pid_t pid, const char *name)
{
	mw_auto_free char *text = NULL;
	const char *flags;
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.20s", pid, name);
	mw_error_destroy(mw_file_read(path, &text, NULL));
	flags = text ? strstr(text, "flags:") : NULL;
	return flags && (strtoul(flags + strlen("flags:"), NULL, 8) & O_DIRECT);
}

const char *mw_bypass_find(pid_t pid)
{
	const char *found = NULL;
	struct dirent *entry;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		if (is_io_uring(dirfd(folder), entry->d_name))
			found = "io_uring";
		else if (is_direct(pid, entry->d_name))
			found = "O_DIRECT";
	}
	if (folder)
		closedir(folder);
	return found;
}
