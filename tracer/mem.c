// SPDX-License-Identifier: MIT
#include "tracer/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"

struct mw_error *mw_mem_init(struct mw_mem *mem, pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? mw_err_gone : mw_error_os(errno, "cannot open %s", path);
	*mem = (struct mw_mem){pid, fd};
	return NULL;
}

void mw_mem_deinit(struct mw_mem *mem)
{
	if (mem->fd >= 0)
		close(mem->fd);
	mem->fd = -1;
}

size_t mw_mem_read_some(const struct mw_mem *mem, mw_addr addr, void *ret, size_t size)
{
	ssize_t got = mw_pread_full(mem->fd, ret, size, (off_t)addr.v);

	return got < 0 ? 0 : (size_t)got;
}

struct mw_error *mw_mem_read(const struct mw_mem *mem, mw_addr addr, void *ret, size_t size)
{
	ssize_t got;

	/* A negative offset would be EINVAL: the kernel half has no user memory anyway. */
	if (addr.v > INT64_MAX - size)
		return mw_error_fault(addr, "cannot read %zu bytes at 0x%" PRIx64, size, addr.v);
	got = mw_pread_full(mem->fd, ret, size, (off_t)addr.v);
	if (got == (ssize_t)size)
		return NULL;
	/* A read of 0 bytes is the end of the address space itself, not of a mapping. */
	if (got == 0 && size)
		return mw_err_gone;
	if (got < 0)
		got = 0;
	return mw_error_fault(mw_addr_add(addr, (uint64_t)got), "cannot read memory at 0x%" PRIx64,
			      addr.v + (uint64_t)got);
}

struct mw_error *mw_mem_write(const struct mw_mem *mem, mw_addr addr, const void *bytes,
			      size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t put = pwrite(mem->fd, (const char *)bytes + done, size - done,
				     (off_t)(addr.v + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			return mw_err_gone;
		if (put < 0)
			return mw_error_fault(mw_addr_add(addr, done),
					      "cannot write memory at 0x%" PRIx64, addr.v + done);
		done += (size_t)put;
	}
	return NULL;
}

static struct mw_error *reader_read(void *arg, mw_addr addr, void *ret, size_t size)
{
	return mw_mem_read(arg, addr, ret, size);
}

struct mw_mem_reader mw_mem_as_reader(const struct mw_mem *mem)
{
	return (struct mw_mem_reader){reader_read, (void *)(uintptr_t)mem};
}
