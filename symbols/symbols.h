// SPDX-License-Identifier: MIT
/**
 * Names, types and places of one process. Reads the target only through the reader it is given,
 * never calls ptrace. Not thread-safe: the caller serialises.
 */
#ifndef MW_SYMBOLS_SYMBOLS_H
#define MW_SYMBOLS_SYMBOLS_H

#include <stdio.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/target.h"

struct mw_symbols;
/** A type of the target; owned by its mw_symbols and valid until mw_symbols_destroy(). */
struct mw_type;

/**
 * Opens the modules of process @pid.
 *
 * @param reader target memory; copied.
 * @param log may be NULL; must outlive the result.
 */
struct mw_error *mw_symbols_create(pid_t pid, const struct mw_mem_reader *reader,
				   const struct mw_log *log, struct mw_symbols **ret) MW_MUST_CHECK;
void mw_symbols_destroy(struct mw_symbols *symbols);

/** From now on memory and /proc are those of process @pid, a fork of the one before. */
void mw_symbols_set_process(struct mw_symbols *symbols, pid_t pid,
			    const struct mw_mem_reader *reader);

/** Looks at the mappings again: after dlopen or when an address resolves to no module. */
struct mw_error *mw_symbols_refresh(struct mw_symbols *symbols) MW_MUST_CHECK;

/** Where an instruction is. Strings belong to the mw_symbols. */
struct mw_place {
	/** Demangled; NULL when unknown. */
	const char *function;
	/** ip - start of function, bytes; 0 without a function. */
	uint64_t function_offset;
	/** As the compiler wrote it, made absolute by its compilation directory; NULL if unknown.
	 */
	const char *file;
	/** 0 when unknown. */
	int line;
	int column;
	/** Path of the ELF file; NULL outside every module. */
	const char *module;
	/** Address inside the ELF file (ip - bias), as addr2line and objdump want it. */
	uint64_t module_offset;
	/** Functions that `function` was inlined into, from the inside out. */
	const char *inlined_into[8];
	unsigned inlined_count;
};

/**
 * Resolves the address of an instruction, with inlining (`function` is the innermost). Cached.
 * For a return address pass ip - 1.
 *
 * @param ret always filled, with NULLs for what isn't known.
 */
void mw_symbols_place(struct mw_symbols *symbols, mw_addr ip, struct mw_place *ret);

/** Something with an address, a size and maybe a type: what an expression denotes. */
struct mw_object {
	mw_addr addr;
	/** Bytes, > 0. */
	uint64_t size;
	/** NULL for a raw ADDRESS:LENGTH. A slice has an array type made for it. */
	const struct mw_type *type;
	/** For bit-fields: position from the least significant bit at addr, and width; else 0, 0.
	 */
	uint32_t bit_offset;
	uint32_t bit_size;
};

/**
 * Evaluates a C-like expression: `counter`, `'file.c'::state`, `function::static_var`,
 * `cfg.limits[3].soft`, `*p`, `p->next->v`, `&x`, `buf[10]@20`, `(struct conn *)0x55…`,
 * `*(int *)0x55…`, `0x7f…:4096`.
 *
 * Errors are one line each and helpful: unknown symbol with near names, ambiguous symbol with the
 * files it stands in, missing member with the members there are, optimised out, NULL or unmapped
 * pointer with its value, zero or overflowing length.
 */
struct mw_error *mw_symbols_eval(struct mw_symbols *symbols, const char *expression,
				 struct mw_object *ret) MW_MUST_CHECK;

/**
 * Evaluates an expression and prints its value, also one that is no object in memory: `&x`, `p+1`.
 */
struct mw_error *mw_symbols_print(struct mw_symbols *symbols, const char *expression,
				  FILE *out) MW_MUST_CHECK;

/** Name of a type as C writes it; "bytes" for NULL. Belongs to the mw_symbols. */
const char *mw_type_name(struct mw_symbols *symbols, const struct mw_type *type);

/**
 * Prints @size bytes as a value of @type: numbers, bool, enum names, char arrays as strings,
 * pointers with the symbol they point to, structures and arrays by member. Raw bytes in hex
 * when @type is NULL. One line, control characters escaped, long values cut with "…".
 */
void mw_symbols_format(struct mw_symbols *symbols, const struct mw_object *object,
		       const void *bytes, FILE *out);

/** One leaf of an object that a change touched. */
struct mw_leaf {
	/** Path from the object, as `.limits[3].soft` or `[2]`; "" for the object itself. */
	const char *path;
	struct mw_object object;
};

/**
 * Calls @visit for each leaf member (scalar, pointer, bit-field, char array, or a run of raw bytes)
 * of @object that differs between @old_bytes and @new_bytes (both object->size long) inside
 * [@offset, @offset + @size), in address order. Padding that changes is a leaf too, named
 * "<padding>". At most @max leaves are visited.
 *
 * @return how many leaves differ, visited or not.
 */
size_t mw_symbols_diff(struct mw_symbols *symbols, const struct mw_object *object,
		       const void *old_bytes, const void *new_bytes, uint64_t offset, uint64_t size,
		       size_t max, void (*visit)(void *arg, const struct mw_leaf *leaf), void *arg);

/** One frame of a call stack, innermost first. */
struct mw_frame {
	mw_addr ip;
	struct mw_place place;
};

/**
 * Unwinds by CFI from a copy of registers and stack taken at a hit; memory outside the copy is
 * read live. Stops silently where the information ends.
 *
 * @param stack @stack_size bytes that stood at @stack_start.
 * @return number of frames written to @ret, at most @max; inlined calls count as frames.
 */
size_t mw_symbols_unwind(struct mw_symbols *symbols, const struct mw_regs *regs,
			 mw_addr stack_start, const void *stack, size_t stack_size,
			 struct mw_frame *ret, size_t max);

/**
 * Finds what lies at a data address: `counter+4`, `main.c`'s `table[3]`.
 *
 * @return false when no symbol covers it.
 */
bool mw_symbols_describe_data(struct mw_symbols *symbols, mw_addr addr, FILE *out);

/** Calls @visit for each completion of the last word of an expression being typed. */
void mw_symbols_complete(struct mw_symbols *symbols, const char *expression,
			 void (*visit)(void *arg, const char *word), void *arg);

/** How much is known: printed by `info target`. */
struct mw_module_info {
	const char *path;
	struct mw_range range;
	bool has_dwarf;
	bool has_symtab;
	/** Separate debug file in use, or NULL. */
	const char *debug_file;
};
void mw_symbols_modules(struct mw_symbols *symbols,
			void (*visit)(void *arg, const struct mw_module_info *module), void *arg);

#endif
