// SPDX-License-Identifier: MIT
/** What the tracer thread hands to the analyst: one record for each store into a watched range. */
#ifndef MW_TRACER_HIT_H
#define MW_TRACER_HIT_H

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/procfs.h"
#include "base/target.h"

/** What wrote. */
enum mw_cause {
	MW_CAUSE_STORE,
	/** A locked read-modify-write. */
	MW_CAUSE_ATOMIC,
	/** rep movs, rep stos: one hit for each piece on a page. */
	MW_CAUSE_STRING,
	MW_CAUSE_SYSCALL,
	/** The value changed between two looks, by somebody outside the traced threads. */
	MW_CAUSE_EXTERNAL,
	MW_CAUSE_UNMAP,
	MW_CAUSE_EXEC,
	MW_CAUSE_SCOPE,
	MW_CAUSE_POLL,
	MW_CAUSE_COUNT,
};

enum mw_backend {
	MW_BACKEND_AUTO,
	MW_BACKEND_PAGE,
	MW_BACKEND_HW,
	MW_BACKEND_UFFD,
	MW_BACKEND_POLL,
	MW_BACKEND_COUNT,
};

/** Names as the person types and reads them. */
const char *mw_cause_name(enum mw_cause cause);
const char *mw_backend_name(enum mw_backend backend);

/** A system call that wrote into a watched range. */
struct mw_hit_syscall {
	int64_t number;
	uint64_t args[6];
	int64_t result;
};

/**
 * One store. Behind the structure follow, unaligned: `size` bytes that stood there before, `size`
 * bytes that stand there now, and with a stack: a struct mw_regs and `stack_size` bytes of stack
 * from its sp on.
 */
struct mw_hit {
	/** 1, 2, 3 … in the order in which the stores were carried out. */
	uint64_t seq;
	/** CLOCK_MONOTONIC. */
	uint64_t time_ns;
	pid_t pid;
	pid_t tid;
	char thread_name[MW_COMM_SIZE];
	uint8_t cause;
	uint8_t backend;
	/** ip is the instruction behind the store, not the store itself (a trap, not a fault). */
	bool ip_is_after;
	mw_addr ip;
	mw_addr addr;
	/** Bytes written. */
	uint32_t size;
	/** MW_CAUSE_UNMAP: bytes from addr on that are gone; size is 0 then. */
	uint64_t gone;
	/** Bytes of stack copied; 0 without --stack. */
	uint32_t stack_size;
	struct mw_hit_syscall syscall;
};

static inline const uint8_t *mw_hit_old(const struct mw_hit *hit)
{
	return (const uint8_t *)(hit + 1);
}

static inline const uint8_t *mw_hit_new(const struct mw_hit *hit)
{
	return mw_hit_old(hit) + hit->size;
}

/** The registers at the store; only with a stack. Copied, because they stand unaligned. */
static inline struct mw_regs mw_hit_regs(const struct mw_hit *hit)
{
	struct mw_regs regs;

	memcpy(&regs, mw_hit_new(hit) + hit->size, sizeof(regs));
	return regs;
}

static inline const uint8_t *mw_hit_stack(const struct mw_hit *hit)
{
	return mw_hit_new(hit) + hit->size + sizeof(struct mw_regs);
}

#endif
