// SPDX-License-Identifier: MIT
/** The ELF symbols of a module, by address and by name. */
#ifndef MW_SYMBOLS_ELF_SYMBOLS_H
#define MW_SYMBOLS_ELF_SYMBOLS_H

#include "base/error.h"
#include "base/vec.h"

struct mw_module;

struct mw_elf_symbol {
	/** In the target. */
	mw_addr addr;
	uint64_t size;
	/** As the linker knows it, without version; belongs to libdwfl or the string pool. */
	const char *name;
	/** STT_OBJECT, STT_FUNC … */
	unsigned char type;
	/** STB_GLOBAL, STB_LOCAL … */
	unsigned char binding;
	uint16_t section;
};

struct mw_elf_symbols {
	bool loaded;
	/** Sorted by address. */
	MW_VEC(struct mw_elf_symbol) by_addr;
	/** Indexes into by_addr, sorted by name. */
	MW_VEC(uint32_t) by_name;
};

void mw_elf_symbols_deinit(struct mw_elf_symbols *symbols);

/** Reads the tables (.symtab, .dynsym, also of a separate debug file) at the first call. */
const struct mw_elf_symbols *mw_elf_symbols_of(struct mw_module *module);

/** True when there is more than the symbols for the dynamic linker. */
bool mw_elf_symbols_are_complete(struct mw_module *module);

/**
 * Finds what covers @addr: a symbol with a size, or one without (assembly) up to the next symbol.
 *
 * @return NULL when nothing does.
 */
const struct mw_elf_symbol *mw_elf_symbols_at(struct mw_module *module, mw_addr addr);

/** @return a symbol called @name (a local one only if no global one is), or NULL. */
const struct mw_elf_symbol *mw_elf_symbols_named(struct mw_module *module, const char *name);

/** True when a symbol may belong to a variable called @name (without scopes), in any language. */
bool mw_elf_symbols_mention(struct mw_module *module, const char *name);

#endif
