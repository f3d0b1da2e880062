// SPDX-License-Identifier: MIT
/**
 * How the layers above `base/` see a tracee: addresses, memory and registers behind interfaces,
 * so that `symbols/` reads a process without knowing ptrace.
 */
#ifndef MW_BASE_TARGET_H
#define MW_BASE_TARGET_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mw_error;

/** An address in the tracee. A struct, so that it can't be dereferenced or mixed with a length. */
typedef struct {
	uint64_t v;
} mw_addr;

#define MW_ADDR_NULL ((mw_addr){0})

static inline mw_addr mw_addr_make(uint64_t value)
{
	return (mw_addr){value};
}

static inline mw_addr mw_addr_add(mw_addr addr, uint64_t bytes)
{
	return (mw_addr){addr.v + bytes};
}

/** A half-open range of target memory, in bytes. */
struct mw_range {
	mw_addr start;
	uint64_t size;
};

static inline uint64_t mw_range_end(struct mw_range range)
{
	return range.start.v + range.size;
}

static inline bool mw_range_overlaps(struct mw_range a, struct mw_range b)
{
	return a.start.v < mw_range_end(b) && b.start.v < mw_range_end(a);
}

static inline bool mw_range_contains(struct mw_range range, mw_addr addr)
{
	return addr.v - range.start.v < range.size;
}

/** Reads target memory: NULL, mw_err_gone, or a fault carrying the first unreadable address. */
struct mw_mem_reader {
	struct mw_error *(*read)(void *arg, mw_addr addr, void *ret, size_t size);
	void *arg;
};

static inline struct mw_error *mw_mem_reader_read(const struct mw_mem_reader *reader, mw_addr addr,
						  void *ret, size_t size)
{
	return reader->read(reader->arg, addr, ret, size);
}

/** Registers an unwinder needs, numbered as DWARF numbers them on this architecture. */
#define MW_REGS_MAX 33

struct mw_regs {
	mw_addr ip;
	mw_addr sp;
	/** Values by DWARF register number; `count` of them are valid. */
	uint64_t dwarf[MW_REGS_MAX];
	uint32_t count;
};

#endif
