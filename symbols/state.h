// SPDX-License-Identifier: MIT
/** What the files of symbols/ share about one process. */
#ifndef MW_SYMBOLS_STATE_H
#define MW_SYMBOLS_STATE_H

#include <elfutils/libdwfl.h>

#include "base/error.h"
#include "base/intmap.h"
#include "base/vec.h"
#include "symbols/strings.h"
#include "symbols/symbols.h"

struct mw_module;

/** Registers and stack that the unwinder's callbacks serve from; set for one unwind at a time. */
struct mw_unwind_source {
	const struct mw_regs *regs;
	struct mw_range stack;
	const unsigned char *stack_bytes;
};

struct mw_symbols {
	pid_t pid;
	struct mw_mem_reader reader;
	const struct mw_log *log;
	Dwfl *dwfl;
	Dwfl_Callbacks callbacks;
	/** Where separate debug files are looked for; `callbacks` points to it. */
	char *debug_path;
	/** The main program first, then by address. */
	MW_VEC(struct mw_module *) modules;
	/** Names, files and demangled functions. */
	struct mw_strings strings;
	/** Instruction address to struct mw_place_entry. */
	struct mw_intmap places;
	/** Every type ever made, to free them. */
	MW_VEC(struct mw_type *) types;
	/** Pointer and array types made for expressions, by what they are made of. */
	struct mw_intmap derived;
	bool attached;
	struct mw_unwind_source unwind;
};

/** Reads target memory, with mw_err_gone and faults of the reader handed on. */
static inline struct mw_error *mw_symbols_read(const struct mw_symbols *symbols, mw_addr addr,
					       void *ret, size_t size)
{
	return mw_mem_reader_read(&symbols->reader, addr, ret, size);
}

/** True when @size bytes at @addr could be read; the reason of a failure is dropped. */
static inline bool mw_symbols_try_read(const struct mw_symbols *symbols, mw_addr addr, void *ret,
				       size_t size)
{
	struct mw_error *err = mw_symbols_read(symbols, addr, ret, size);

	mw_error_destroy(err);
	return !err;
}

#endif
