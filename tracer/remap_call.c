// SPDX-License-Identifier: MIT
#include "tracer/remap_call.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/procmaps.h"
#include "tracer/mem.h"
#include "tracer/tracee_path.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
/* Newer than Debian 12's headers; the same on every architecture. */
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define HIGHEST_ADDRESS UINT64_C(0x7ffffffffffff000)

typedef struct mw_error *call_lister(pid_t pid, struct mw_remap_call *call);

static struct mw_error *affect(struct mw_remap_call *call, uint64_t start, uint64_t size)
{
	struct mw_span span = {.range.start = mw_addr_make(mw_page_floor(start))};
	uint64_t end = start + size;
	struct mw_error *err;

	if (!size || start >= HIGHEST_ADDRESS)
		return NULL;
	end = end < start || end > HIGHEST_ADDRESS ? HIGHEST_ADDRESS : mw_page_ceil(end);
	span.range.size = end - span.range.start.v;
	err = mw_spans_cut(&call->affected, span.range);
	return err ? err : mw_spans_add(&call->affected, &span);
}

/* munmap, mprotect, madvise and others: (start, size, …). */
static struct mw_error *list_range(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	return affect(call, call->args[0], call->args[1]);
}

static struct mw_error *list_mmap(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	uint64_t flags = call->args[3];

	if (!(flags & MAP_FIXED) || (flags & MAP_FIXED_NOREPLACE))
		return NULL;
	call->makes_stack = flags & (MAP_STACK | MAP_GROWSDOWN);
	return affect(call, call->args[0], call->args[1]);
}

static struct mw_error *list_mremap(pid_t pid MW_UNUSED, struct mw_remap_call *call)
{
	uint64_t start = call->args[0];
	uint64_t old_size = mw_page_ceil(call->args[1]), new_size = mw_page_ceil(call->args[2]);
	struct mw_error *err = affect(call, start, old_size);

	call->kept = (struct mw_range){mw_addr_make(start), mw_min(old_size, new_size)};
	if (!err && (call->args[3] & MREMAP_FIXED))
		err = affect(call, call->args[4], new_size);
	return err;
}

/* Harmless advice leaves content and mappings alone, and asks for no writable pages. */
static bool is_harmless(uint64_t advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case 23 /* MADV_POPULATE_WRITE, since 5.14 */:
	case 24 /* MADV_DONTNEED_LOCKED, since 5.18 */:
	case 102 /* MADV_GUARD_INSTALL, since 6.13 */:
		return false;
	default:
		return true;
	}
}

static struct mw_error *list_madvise(pid_t pid, struct mw_remap_call *call)
{
	return is_harmless(call->args[2]) ? NULL : list_range(pid, call);
}

/* (pidfd, iovec, count, advice): what empties, the kernel only lets be said of oneself. */
static struct mw_error *list_process_madvise(pid_t pid, struct mw_remap_call *call)
{
	struct iovec parts[IOV_MAX];
	uint64_t size = mw_min(call->args[2] * sizeof(*parts), sizeof(parts));
	struct mw_mem mem;
	struct mw_error *err;

	if (is_harmless(call->args[3]) || call->args[2] > IOV_MAX)
		return NULL;
	err = mw_mem_init(&mem, pid);
	if (err)
		return err;
	size = mw_mem_read_some(&mem, mw_addr_make(call->args[1]), parts, size);
	mw_mem_deinit(&mem);
	for (size_t i = 0; i < size / sizeof(*parts) && !err; i++)
		err = affect(call, (uintptr_t)parts[i].iov_base, parts[i].iov_len);
	return err;
}

/* The kernel names every mapping between the program's first break and the present one so. */
static struct mw_error *list_brk(pid_t pid, struct mw_remap_call *call)
{
	uint64_t start = UINT64_MAX, end = 0, wanted = mw_page_ceil(call->args[0]);
	struct mw_procmaps maps;
	struct mw_error *err = NULL;

	if (!wanted)
		return NULL;
	err = mw_procmaps_read(pid, &maps);
	if (err)
		return err;
	for (size_t i = 0; i < maps.count; i++) {
		if (strcmp(maps.items[i].path, "[heap]"))
			continue;
		start = mw_min(start, maps.items[i].range.start.v);
		end = mw_max(end, mw_range_end(maps.items[i].range));
	}
	mw_procmaps_deinit(&maps);
	return wanted >= start && wanted < end ? affect(call, wanted, end - wanted) : NULL;
}

static bool same_file(const struct mw_mapping *left, const struct mw_mapping *right)
{
	return left->inode == right->inode && left->dev_major == right->dev_major &&
	       left->dev_minor == right->dev_minor;
}

static struct mw_error *list_shmdt(pid_t pid, struct mw_remap_call *call)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(pid, &maps);
	const struct mw_mapping *first;
	uint64_t end;

	if (err)
		return err;
	first = mw_procmaps_find(&maps, mw_addr_make(call->args[0]));
	if (first) {
		end = mw_range_end(first->range);
		for (const struct mw_mapping *next = first + 1;
		     next < maps.items + maps.count && next->range.start.v == end &&
		     same_file(first, next);
		     next++)
			end = mw_range_end(next->range);
		err = affect(call, call->args[0], end - call->args[0]);
	}
	mw_procmaps_deinit(&maps);
	return err;
}

/*
 * By the inode alone: on file systems with volumes a file and its mappings tell different devices.
 * Another file with that number is merely looked at for nothing.
 */
static struct mw_error *affect_file(pid_t pid, struct mw_remap_call *call, uint64_t inode)
{
	struct mw_procmaps maps;
	struct mw_error *err = mw_procmaps_read(pid, &maps);

	if (err)
		return err;
	for (size_t i = 0; i < maps.count && !err; i++)
		if (maps.items[i].inode == inode)
			err = affect(call, maps.items[i].range.start.v, maps.items[i].range.size);
	mw_procmaps_deinit(&maps);
	return err;
}

/* ftruncate, fallocate: every mapping of the file. */
static struct mw_error *list_file(pid_t pid, struct mw_remap_call *call)
{
	uint64_t inode;

	return mw_tracee_file_inode(pid, (int)call->args[0], &inode) ? affect_file(pid, call, inode)
								     : NULL;
}

static struct mw_error *affect_path(pid_t pid, struct mw_remap_call *call,
				    const struct mw_tracee_path *path)
{
	uint64_t inode;

	return mw_tracee_path_inode(pid, path, &inode) ? affect_file(pid, call, inode) : NULL;
}

/* truncate, creat: (path, …). */
static struct mw_error *list_path(pid_t pid, struct mw_remap_call *call)
{
	const struct mw_tracee_path path = {
		.dir = AT_FDCWD,
		.text = mw_addr_make(call->args[0]),
	};

	return affect_path(pid, call, &path);
}

static struct mw_error *list_opened(pid_t pid, struct mw_remap_call *call, int dir, uint64_t text,
				    const struct open_how *how)
{
	const struct mw_tracee_path path = {
		.dir = dir,
		.text = mw_addr_make(text),
		.flags = (int)(how->flags & O_NOFOLLOW),
		.resolve = how->resolve,
	};

	if (!(how->flags & O_TRUNC) || how->flags & O_PATH)
		return NULL;
	return affect_path(pid, call, &path);
}

static struct mw_error *list_open(pid_t pid, struct mw_remap_call *call)
{
	const struct open_how how = {.flags = call->args[1]};

	return list_opened(pid, call, AT_FDCWD, call->args[0], &how);
}

static struct mw_error *list_openat(pid_t pid, struct mw_remap_call *call)
{
	const struct open_how how = {.flags = call->args[2]};

	return list_opened(pid, call, (int)call->args[0], call->args[1], &how);
}

static struct mw_error *list_openat2(pid_t pid, struct mw_remap_call *call)
{
	struct open_how how = {0};
	struct mw_mem mem;
	struct mw_error *err = mw_mem_init(&mem, pid);

	if (err)
		return err;
	mw_mem_read_some(&mem, mw_addr_make(call->args[2]), &how,
			 mw_min(call->args[3], (uint64_t)sizeof(how)));
	mw_mem_deinit(&mem);
	return list_opened(pid, call, (int)call->args[0], call->args[1], &how);
}

static bool has_own_ipc(pid_t pid)
{
	char path[64], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	return readlink(path, theirs, sizeof(theirs) - 1) < 0 ||
	       readlink("/proc/self/ns/ipc", ours, sizeof(ours) - 1) < 0 || strcmp(theirs, ours);
}

/* Of a segment that can't be asked for its size, all that may be. */
static uint64_t segment_size(pid_t pid, int id)
{
	struct shmid_ds segment;

	return has_own_ipc(pid) || shmctl(id, IPC_STAT, &segment) < 0 ? HIGHEST_ADDRESS
								      : segment.shm_segsz;
}

static struct mw_error *list_shmat(pid_t pid, struct mw_remap_call *call)
{
	if (!(call->args[2] & SHM_REMAP))
		return NULL;
	return affect(call, mw_page_floor(call->args[1]), segment_size(pid, (int)call->args[0]));
}

static const struct mw_remap_dud unaligned = {0, 1};
static const struct mw_remap_dud no_descriptor = {0, (uint64_t)-1};
static const struct mw_remap_dud no_path = {0, 0};
static const struct mw_remap_dud no_path_in = {1, 0};

static const struct {
	int64_t number;
	call_lister *list;
	const struct mw_remap_dud *dud;
	/** Leaves every mapping, and changes what is in it. */
	bool of_file;
} calls[] = {
	{SYS_mmap, list_mmap, &unaligned, false},
	{SYS_mprotect, list_range, &unaligned, false},
	{SYS_munmap, list_range, &unaligned, false},
	{SYS_brk, list_brk, &unaligned, false},
	{SYS_mremap, list_mremap, &unaligned, false},
	{SYS_madvise, list_madvise, &unaligned, false},
	{SYS_shmat, list_shmat, &no_descriptor, false},
	{SYS_shmdt, list_shmdt, &unaligned, false},
	{SYS_pkey_mprotect, list_range, &unaligned, false},
	{SYS_ftruncate, list_file, &no_descriptor, true},
	{SYS_truncate, list_path, &no_path, true},
	{SYS_creat, list_path, &no_path, true},
	{SYS_open, list_open, &no_path, true},
	{SYS_openat, list_openat, &no_path_in, true},
	{SYS_openat2, list_openat2, &no_path_in, true},
	{SYS_fallocate, list_file, &no_descriptor, true},
	{SYS_mseal, list_range, &unaligned, false},
	{SYS_remap_file_pages, list_range, &unaligned, false},
	{SYS_process_madvise, list_process_madvise, &no_descriptor, false},
};

bool mw_remap_call_is_known(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return true;
	return false;
}

bool mw_remap_call_changes_mappings(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return !calls[i].of_file;
	return false;
}

struct mw_error *mw_remap_call_init(pid_t pid, int64_t number, const uint64_t args[6],
				    struct mw_remap_call *ret)
{
	*ret = (struct mw_remap_call){.number = number};
	memcpy(ret->args, args, sizeof(ret->args));
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return calls[i].list(pid, ret);
	return NULL;
}

void mw_remap_call_deinit(struct mw_remap_call *call)
{
	mw_spans_deinit(&call->affected);
}

struct mw_remap_dud mw_remap_call_dud(int64_t number)
{
	for (size_t i = 0; i < mw_array_size(calls); i++)
		if (calls[i].number == number)
			return *calls[i].dud;
	return unaligned;
}
