// SPDX-License-Identifier: MIT
/** What the files of the x86-64 store engine share. */
#ifndef MW_TRACER_ARCH_X86_64_STORE_X86_H
#define MW_TRACER_ARCH_X86_64_STORE_X86_H

#include <Zydis/Zydis.h>

#include "tracer/arch/x86_64/flags.h"
#include "tracer/store.h"

/** General registers, numbered as instructions encode them. */
enum x86_gpr {
	X86_RAX,
	X86_RCX,
	X86_RDX,
	X86_RBX,
	X86_RSP,
	X86_RBP,
	X86_RSI,
	X86_RDI,
	X86_R13 = 13,
	X86_R15 = 15,
	/** Base of RIP-relative operands. */
	X86_RIP = 16,
	X86_NO_REG = 0xff,
};

enum x86_segment {
	/** DS, ES, SS and CS start at 0 in 64-bit mode. */
	X86_SEGMENT_FLAT,
	X86_SEGMENT_FS,
	X86_SEGMENT_GS,
};

/** Components of the extended state, bits of XCR0. */
enum {
	X86_XSTATE_X87 = 1u << 0,
	X86_XSTATE_SSE = 1u << 1,
	X86_XSTATE_AVX = 1u << 2,
	X86_XSTATE_OPMASK = 1u << 5,
	X86_XSTATE_ZMM_HIGH = 1u << 6,
	X86_XSTATE_ZMM_16_31 = 1u << 7,
	X86_XSTATE_VECTOR = X86_XSTATE_SSE | X86_XSTATE_AVX | X86_XSTATE_OPMASK |
			    X86_XSTATE_ZMM_HIGH | X86_XSTATE_ZMM_16_31,
};

/** The formula of an effective address. */
struct x86_address {
	int64_t displacement;
	/** x86_gpr numbers, X86_RIP or X86_NO_REG. */
	uint8_t base;
	uint8_t index;
	uint8_t scale;
	/** An x86_segment. */
	uint8_t segment;
	/** With the address-size prefix: truncated to 32 bits. */
	bool narrow;
};

/** Who carries a store out, and what of it is written. */
enum x86_store_kind {
	X86_STORE_STEP,
	/** The whole operand. */
	X86_STORE_REPLAY,
	/** Elements whose bit in a mask register is set. */
	X86_STORE_REPLAY_OPMASK,
	/** The first N elements, N the bits set in a mask register. */
	X86_STORE_REPLAY_COMPRESS,
	/** Elements whose sign bit in a vector register is set. */
	X86_STORE_REPLAY_SIGN_MASK,
	/** The word that holds the bit a register selects. */
	X86_STORE_REPLAY_BIT,
	/* Emulated: what is written follows from the kind. */
	X86_STORE_VALUE,
	X86_STORE_PUSH,
	X86_STORE_CALL,
	X86_STORE_POP,
	X86_STORE_STRING,
};

/** Where the value of an emulated store, or the target of a call, comes from. */
enum x86_source {
	X86_SOURCE_GPR,
	X86_SOURCE_SEGMENT,
	X86_SOURCE_IMMEDIATE,
	/** At `address`. */
	X86_SOURCE_MEMORY,
	X86_SOURCE_EFLAGS,
};

/** The private part of struct mw_store. */
struct x86_store {
	struct x86_address address;
	/** X86_SOURCE_IMMEDIATE: sign-extended; relative to the next instruction for calls. */
	int64_t immediate;
	/** An x86_store_kind. */
	uint8_t kind;
	/** Bytes of the operand, or of one element of a string. */
	uint8_t width;
	/** An x86_source, and its general register or place in segment_offsets[]. */
	uint8_t source;
	uint8_t source_register;
	/** String instructions: copies from (r)si, repeats (r)cx times. */
	bool copies;
	bool repeats;

	/** The instruction with its operand at (base), to be run here. */
	uint8_t code[MW_INSN_MAX];
	uint8_t code_size;
	uint8_t base;
	/** Stands for rsp in the code, which keeps memwatch's own; X86_NO_REG when not read. */
	uint8_t rsp_alias;
	/** The operand must lie at a multiple of so many bytes, or the CPU faults. */
	uint8_t alignment;
	/** Components to load, X86_XSTATE_*. */
	uint8_t xstate;
	/** May raise a SIMD floating-point exception. */
	bool raises_simd;
	/** Opcode and ModRM as the x87 remembers them. */
	uint16_t x87_opcode;
	/** Masked stores: register, bytes of an element, count of elements. Bits: the register. */
	uint8_t mask_register;
	uint8_t element_size;
	uint8_t element_count;
	/** Offset of the register file that holds the mask, in the extended state. */
	uint16_t mask_offset;
	/** Same, of the upper halves of the vector registers. */
	uint16_t mask_high_offset;
};
_Static_assert(sizeof(struct x86_store) <= sizeof(((struct mw_store *)0)->arch),
	       "the private part of a store fits");

static inline const struct x86_store *x86_store_of(const struct mw_store *store)
{
	return (const struct x86_store *)store->arch;
}

/** Where this CPU keeps the components of the extended state (standard format). */
struct x86_xstate_layout {
	/** Components that exist and are enabled, among those that replays load. */
	uint32_t components;
	struct {
		uint32_t offset;
		uint32_t size;
	} component[8];
};

/** What this CPU can do. */
struct x86_cpu {
	struct x86_xstate_layout xstate;
	/** By ZydisISASet: instructions of it may be run here. */
	bool has_isa_set[ZYDIS_ISA_SET_MAX_VALUE + 1];
};

void mw_x86_cpu_init(struct x86_cpu *ret);

/** Access general registers by number, X86_RAX to X86_R15. */
uint64_t mw_x86_gpr_read(const struct user_regs_struct *regs, uint8_t gpr);
void mw_x86_gpr_write(struct user_regs_struct *regs, uint8_t gpr, uint64_t value);

/** @return the effective address of an instruction of @length bytes at regs->rip. */
uint64_t mw_x86_address_resolve(const struct x86_address *address, uint8_t length,
				const struct user_regs_struct *regs);

/** What the decoder found out about an instruction that writes memory. */
struct x86_decoding {
	const struct x86_cpu *cpu;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	/** The operand written; NULL when Zydis names none. */
	const ZydisDecodedOperand *target;
	const uint8_t *bytes;
};

/** @return false for an operand whose address is not one sum (vector index). */
bool mw_x86_address_decode(const struct x86_decoding *decoding, const ZydisDecodedOperand *operand,
			   struct x86_address *ret);

/** @return the number of a general register of any width, or X86_NO_REG for others. */
uint8_t mw_x86_gpr_number(ZydisRegister reg);

/** Fills @ret for an instruction that can be run on a copy of its operand. @return false if not. */
bool mw_x86_replay_decode(const struct x86_decoding *decoding, struct x86_store *ret);

/** Fills the rewritten instruction of @ret. @return false when it can't be rewritten. */
bool mw_x86_rewrite(const struct x86_decoding *decoding, struct x86_store *ret);

/** Fills @ret for an instruction that is carried out by hand. @return false if it isn't. */
bool mw_x86_emulate_decode(const struct x86_decoding *decoding, struct x86_store *ret);

/** The range a masked store covers: from its first element written to its last one. */
void mw_x86_mask_locate(const struct x86_store *store, const struct mw_store_state *state,
			struct mw_store_target *target);

/** How far from the address the word lies that a bit instruction with a register changes. */
int64_t mw_x86_bit_distance(const struct x86_store *store, const struct user_regs_struct *regs);

/** The part of a repeated string instruction that lies on one page. */
void mw_x86_string_locate(const struct x86_store *store, const struct user_regs_struct *regs,
			  struct mw_store_target *ret);

/** One execution, as its parts need it. */
struct x86_execution {
	struct mw_replayer *replayer;
	const struct mw_store *store;
	const struct mw_mem_reader *memory;
	const struct mw_store_target *target;
	uint8_t *operand;
	struct mw_store_state *state;
};

enum mw_store_result mw_x86_string_execute(const struct x86_execution *execution, uint8_t *source);
enum mw_store_result mw_x86_emulate(const struct x86_execution *execution);

/** Reads tracee memory; false when it can't be read. */
bool mw_x86_memory_read(const struct mw_mem_reader *memory, uint64_t addr, void *ret, size_t size);

/**
 * Copies the components @mask of the extended state, and mxcsr, from the tracee's image to one that
 * xrstor takes without faulting.
 *
 * @return false when the image is too short to hold them.
 */
bool mw_x86_xstate_load(const struct x86_xstate_layout *layout, uint32_t mask,
			const struct mw_store_state *state, uint8_t *image);

/** What the x87 remembers of the last instruction that it ran, for exception handlers. */
struct x86_x87_pointers {
	uint64_t instruction;
	uint64_t operand;
	uint16_t opcode;
};

/** Where the x87 remembers an instruction of @ours, puts @theirs. Not every CPU remembers. */
void mw_x86_x87_translate(uint8_t *image, const struct x86_x87_pointers *ours,
			  const struct x86_x87_pointers *theirs);

/** Merges the components @mask of @image back into the tracee's. */
void mw_x86_xstate_store(const struct x86_xstate_layout *layout, uint32_t mask,
			 const uint8_t *image, struct mw_store_state *state);

#endif
