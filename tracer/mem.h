// SPDX-License-Identifier: MIT
#ifndef MW_TRACER_MEM_H
#define MW_TRACER_MEM_H

#include <sys/types.h>

#include "base/compiler.h"
#include "base/target.h"

/**
 * The memory of a process, through /proc/PID/mem. Reading and writing go past page protections
 * (FOLL_FORCE), but not into shared mappings that are write-protected (EIO). May be used by any
 * thread of memwatch.
 */
struct mw_mem {
	pid_t pid;
	/** -1 when closed. */
	int fd;
};

struct mw_error *mw_mem_init(struct mw_mem *mem, pid_t pid) MW_MUST_CHECK;
void mw_mem_deinit(struct mw_mem *mem);

/** Reads. @return NULL; mw_err_gone when the address space is gone; a fault with its address. */
struct mw_error *mw_mem_read(const struct mw_mem *mem, mw_addr addr, void *ret,
			     size_t size) MW_MUST_CHECK;

/** Reads what is readable. @return bytes read from the start on, 0 if none. */
size_t mw_mem_read_some(const struct mw_mem *mem, mw_addr addr, void *ret, size_t size);

/** Writes all or fails as mw_mem_read() does; part may have been written then. */
struct mw_error *mw_mem_write(const struct mw_mem *mem, mw_addr addr, const void *bytes,
			      size_t size) MW_MUST_CHECK;

/** The same memory as an interface for the layers that know no ptrace. @mem must outlive it. */
struct mw_mem_reader mw_mem_as_reader(const struct mw_mem *mem);

#endif
