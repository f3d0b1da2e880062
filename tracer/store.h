// SPDX-License-Identifier: MIT
/**
 * Decoding and carrying out one store instruction of a tracee, outside the tracee: the instruction
 * runs here on a copy of its memory operand, so the page never has to become writable there.
 *
 * Pure but for the replayer's own scratch memory: knows no ptrace. The implementation of an
 * architecture lives in tracer/arch/ARCH/.
 */
#ifndef MW_TRACER_STORE_H
#define MW_TRACER_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "base/compiler.h"
#include "base/target.h"
#include "tracer/hit.h"

/** Longest instruction, bytes. */
#define MW_INSN_MAX 15
/** Most bytes that one step of a store writes: a page, for string instructions. */
#define MW_STORE_MAX 4096
/** Room for the extended state (XSAVE, standard format) of any CPU memwatch runs on. */
#define MW_XSTATE_MAX 16384

/** How a store is carried out. */
enum mw_store_method {
	/** The instruction itself, on a copy of its operand. */
	MW_STORE_REPLAY,
	/** Written by hand: push, call, pop to memory, movs, stos, mov to an absolute address. */
	MW_STORE_EMULATE,
	/** Neither is possible: all threads stop, the page opens, the thread steps. */
	MW_STORE_STEP,
};

/** A decoded instruction that may write memory. Position-independent of the registers: cacheable.
 */
struct mw_store {
	uint8_t length;
	uint8_t method;
	/** An mw_cause: store, atomic or string. */
	uint8_t cause;
	/** The extended state must be read before, and written back after (x87 pops, mxcsr). */
	bool needs_xstate;
	bool changes_xstate;
	/** Which part of its operand it writes depends on the extended state. */
	bool masked;
	/** What it writes depends on what stands there: doing it twice is not doing it once. */
	bool reads_target;
	/** Writes a return address, which a shadow stack has to get as well: step it there. */
	bool calls;
	/** The original bytes, to check a cache entry against. */
	uint8_t bytes[MW_INSN_MAX];
	/** The rest is private to the architecture. */
	_Alignas(8) uint8_t arch[96];
};

/** Registers of a stopped thread. */
struct mw_store_state {
	struct user_regs_struct regs;
	/** XSAVE standard-format image, valid when the store needs it. */
	uint8_t *xstate;
	size_t xstate_size;
};

/** The range one execution of the store writes. */
struct mw_store_target {
	mw_addr addr;
	/** Bytes; 0 when the instruction writes nothing this time (masked off, rcx == 0). */
	uint32_t size;
};

struct mw_replayer;

/** Creates the executable scratch memory that replays run in. */
struct mw_error *mw_replayer_create(struct mw_replayer **ret) MW_MUST_CHECK;
void mw_replayer_destroy(struct mw_replayer *replayer);

/**
 * Decodes the instruction at the start of @code.
 *
 * @return false when the bytes are no instruction or one that doesn't write memory.
 */
bool mw_store_decode(struct mw_replayer *replayer, const uint8_t *code, size_t size,
		     struct mw_store *ret);

/**
 * Computes what the store will write with these registers: at least the bytes it writes, and at
 * most its operand. For MW_STORE_STEP it is the operand as far as known, or 0 bytes. A string
 * instruction writes, in one step, at most up to the end of the page that its next element lies on
 * (towards its direction).
 */
void mw_store_locate(const struct mw_store *store, const struct mw_store_state *state,
		     struct mw_store_target *ret);

/** What became of an execution. */
enum mw_store_result {
	/** `operand` holds the bytes to write; the registers are those behind the instruction. */
	MW_STORE_DONE,
	/** As done, but a string instruction has more to do: the ip still stands on it. */
	MW_STORE_PARTIAL,
	/** Can't be carried out here after all (unmasked FP exceptions …): step it. Nothing
	   changed. */
	MW_STORE_MUST_STEP,
	/** A source operand couldn't be read: let the tracee run into its own fault. Nothing
	   changed. */
	MW_STORE_FAULT,
};

/**
 * Carries out the store.
 *
 * @param memory for source operands in memory (push [m], movs, pop).
 * @param target as mw_store_locate() said.
 * @param operand in: the target->size bytes that stand there; out: those that must be written. May
 *        be NULL when there are none.
 * @param state in: registers before; out: after (ip, flags, rsp, rsi …, and the xstate if the store
 *        changes it).
 */
enum mw_store_result mw_store_execute(struct mw_replayer *replayer, const struct mw_store *store,
				      const struct mw_mem_reader *memory,
				      const struct mw_store_target *target, uint8_t *operand,
				      struct mw_store_state *state) MW_MUST_CHECK;

#endif
