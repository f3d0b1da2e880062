// SPDX-License-Identifier: MIT
#ifndef MW_BASE_FDIO_H
#define MW_BASE_FDIO_H

#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

/**
 * Reads a whole file, /proc files included (their size is unknown beforehand).
 *
 * @param ret heap buffer with a NUL behind the last byte; owned by the caller.
 * @param ret_size bytes without the NUL; may be NULL.
 */
struct mw_error *mw_file_read(const char *path, char **ret, size_t *ret_size) MW_MUST_CHECK;

/** pread() that goes on after EINTR and short counts. @return bytes read, or -1 with errno. */
ssize_t mw_pread_full(int fd, void *buffer, size_t size, off_t offset);

/** write() that goes on after EINTR and short counts. @return 0, or -1 with errno. */
int mw_write_full(int fd, const void *buffer, size_t size);

#endif
