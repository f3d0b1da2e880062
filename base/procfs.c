// SPDX-License-Identifier: MIT
#include "base/procfs.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdio.h"
#include "base/vec.h"

static struct mw_error *read_proc_file(pid_t pid, const char *name, char **ret, size_t *ret_size)
{
	struct mw_error *err;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	err = mw_file_read(path, ret, ret_size);
	if (err && err->errnum == ENOENT) {
		mw_error_destroy(err);
		return mw_err_gone;
	}
	return err;
}

/** Finds the value of "KEY:\t…" in @text, or NULL. */
static const char *find_line(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

static long long_line(const char *text, const char *key)
{
	const char *value = find_line(text, key);

	return value ? strtol(value, NULL, 10) : 0;
}

static uint64_t mask_line(const char *text, const char *key)
{
	const char *value = find_line(text, key);

	return value ? strtoull(value, NULL, 16) : 0;
}

static void id_line(const char *text, const char *key, uint32_t ret[4])
{
	const char *value = find_line(text, key);

	if (!value || sscanf(value, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, &ret[0],
			     &ret[1], &ret[2], &ret[3]) != 4)
		memset(ret, 0xff, 4 * sizeof(*ret));
}

/* "x86_Thread_features:\tshstk wrss \n" (since 6.6). */
static bool has_word(const char *text, const char *key, const char *word)
{
	const char *value = find_line(text, key);
	const char *found = value ? strstr(value, word) : NULL;

	return found && found < value + strcspn(value, "\n");
}

struct mw_error *mw_proc_status_parse(const char *text, struct mw_proc_status *ret)
{
	struct mw_proc_status status = {0};
	const char *name = find_line(text, "Name");
	const char *state = find_line(text, "State");

	if (!name || !state)
		return mw_error_create(MW_ERROR_OTHER,
				       "unreadable process status: no Name or State");
	snprintf(status.name, sizeof(status.name), "%.*s", (int)strcspn(name, "\n"), name);
	status.state = *state;
	status.tgid = (pid_t)long_line(text, "Tgid");
	status.pid = (pid_t)long_line(text, "Pid");
	status.ppid = (pid_t)long_line(text, "PPid");
	status.tracer_pid = (pid_t)long_line(text, "TracerPid");
	id_line(text, "Uid", status.uid);
	id_line(text, "Gid", status.gid);
	status.threads = (int)long_line(text, "Threads");
	status.seccomp = (int)long_line(text, "Seccomp");
	status.no_memory = !find_line(text, "VmSize");
	status.sig_pending = mask_line(text, "SigPnd");
	status.sig_pending_shared = mask_line(text, "ShdPnd");
	status.sig_blocked = mask_line(text, "SigBlk");
	status.sig_ignored = mask_line(text, "SigIgn");
	status.sig_caught = mask_line(text, "SigCgt");
	status.shadow_stack = has_word(text, "x86_Thread_features", "shstk");
	status.cap_effective = mask_line(text, "CapEff");
	*ret = status;
	return NULL;
}

struct mw_error *mw_proc_status_read(pid_t pid, struct mw_proc_status *ret)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err = read_proc_file(pid, "status", &text, NULL);

	return err ? err : mw_proc_status_parse(text, ret);
}

void mw_proc_thread_name(pid_t pid, pid_t tid, char ret[MW_COMM_SIZE])
{
	mw_auto_fclose FILE *file = NULL;
	char path[64];

	ret[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	file = fopen(path, "re");
	if (file && fgets(ret, MW_COMM_SIZE, file))
		ret[strcspn(ret, "\n")] = '\0';
}

struct mw_error *mw_proc_threads(pid_t pid, pid_t **ret, size_t *ret_count)
{
	mw_auto_closedir DIR *dir = NULL;
	MW_VEC(pid_t) tids = {0};
	struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? mw_err_gone : mw_error_os(errno, "cannot list %s", path);
	while ((entry = readdir(dir))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0 && !mw_vec_push(&tids, tid)) {
			mw_vec_deinit(&tids);
			return mw_err_nomem;
		}
	}
	if (!tids.count) {
		mw_vec_deinit(&tids);
		return mw_err_gone;
	}
	*ret = tids.items;
	*ret_count = tids.count;
	return NULL;
}

struct mw_error *mw_proc_auxv(pid_t pid, uint64_t type, uint64_t *ret)
{
	mw_auto_free char *bytes = NULL;
	size_t size;
	struct mw_error *err = read_proc_file(pid, "auxv", &bytes, &size);

	if (err)
		return err;
	for (size_t at = 0; at + sizeof(Elf64_auxv_t) <= size; at += sizeof(Elf64_auxv_t)) {
		Elf64_auxv_t entry;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (entry.a_type == type) {
			*ret = entry.a_un.a_val;
			return NULL;
		}
	}
	return mw_err_not_found;
}

/* proc(5): field 22, counted behind the name, which may hold anything. */
struct mw_error *mw_proc_start_time(pid_t pid, uint64_t *ret)
{
	mw_auto_free char *text = NULL;
	struct mw_error *err;
	const char *field;
	size_t size;

	err = read_proc_file(pid, "stat", &text, &size);
	if (err)
		return err;
	field = strrchr(text, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	if (!field)
		return mw_err_gone;
	*ret = strtoull(field, NULL, 10);
	return NULL;
}
