// SPDX-License-Identifier: MIT
#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/vec.h"

struct mw_error *mw_file_read(const char *path, char **ret, size_t *ret_size)
{
	mw_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	MW_VEC(char) text = {0};
	ssize_t got;

	if (fd < 0)
		return mw_error_os(errno, "cannot open %s", path);
	for (;;) {
		if (!mw_vec_reserve(&text, text.count + 4096)) {
			mw_vec_deinit(&text);
			return mw_err_nomem;
		}
		got = read(fd, text.items + text.count, text.capacity - text.count - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		text.count += (size_t)got;
	}
	if (got < 0) {
		int errnum = errno;

		mw_vec_deinit(&text);
		return mw_error_os(errnum, "cannot read %s", path);
	}
	text.items[text.count] = '\0';
	*ret = text.items;
	if (ret_size)
		*ret_size = text.count;
	return NULL;
}

ssize_t mw_pread_full(int fd, void *buffer, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = pread(fd, (char *)buffer + done, size - done, offset + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return done ? (ssize_t)done : -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int mw_write_full(int fd, const void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t put = write(fd, (const char *)buffer + done, size - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		done += (size_t)put;
	}
	return 0;
}
