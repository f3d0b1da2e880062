// SPDX-License-Identifier: MIT
/** Which memory a system call unmaps, moves, empties, cuts off or protects. */
#ifndef MW_TRACER_REMAP_CALL_H
#define MW_TRACER_REMAP_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/spans.h"

struct mw_remap_call {
	int64_t number;
	uint64_t args[6];
	/** Whole pages whose mapping or content may change; disjoint. */
	struct mw_spans affected;
	/** mremap: what moves to the address that the call returns, or stays; else size 0. */
	struct mw_range kept;
	/** What is mapped there afterwards is a stack, which can't be write-protected. */
	bool makes_stack;
};

/** An argument with which a call does nothing but fail. */
struct mw_remap_dud {
	unsigned index;
	uint64_t value;
};

/** True for a system call whose ranges matter. */
bool mw_remap_call_is_known(int64_t number);
/** True for those of them that do more than to cut or empty a file. */
bool mw_remap_call_changes_mappings(int64_t number);
/**
 * Lists what a call is going to affect.
 *
 * @param pid the process, or the thread that makes the call: it may have files of its own.
 * @param ret to be released by mw_remap_call_deinit(), also on failure.
 */
struct mw_error *mw_remap_call_init(pid_t pid, int64_t number, const uint64_t args[6],
				    struct mw_remap_call *ret) MW_MUST_CHECK;
void mw_remap_call_deinit(struct mw_remap_call *call);
struct mw_remap_dud mw_remap_call_dud(int64_t number);

#endif
