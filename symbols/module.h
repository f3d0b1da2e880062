// SPDX-License-Identifier: MIT
/** One ELF file mapped into the target, with what was learnt about it so far. */
#ifndef MW_SYMBOLS_MODULE_H
#define MW_SYMBOLS_MODULE_H

#include "symbols/elf_symbols.h"
#include "symbols/name_index.h"
#include "symbols/state.h"
#include "symbols/units.h"

struct mw_module {
	struct mw_symbols *symbols;
	/** Path as mapped, without " (deleted)"; belongs to the string pool. */
	const char *path;
	/** From the first to the last mapping of the file. */
	struct mw_range range;
	/** End with .bss, or 0 while nobody asked. */
	uint64_t end;
	/** End of the first mapping: names it in /proc/PID/map_files. */
	uint64_t first_mapping_end;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t inode;
	bool is_main;
	bool deleted;
	/** Seen by the refresh that is going on. */
	bool seen;
	Dwfl_Module *dwfl_module;
	/** The ELF file's bytes when it was copied from memory (vDSO), else NULL. */
	char *image;
	/** Debug information was looked for; `dwarf` is NULL when there is none. */
	bool dwarf_tried;
	Dwarf *dwarf;
	/** Runtime address minus the address in `dwarf`. */
	uint64_t dwarf_bias;
	struct mw_elf_symbols elf_symbols;
	struct mw_units units;
	struct mw_name_index names;
	/** Address of a DIE here in memwatch to its struct mw_type. */
	struct mw_intmap types;
	/** Nesting of the conversion that is going on. */
	int type_depth;
};

struct mw_module *mw_module_create(struct mw_symbols *symbols);
/** Types made from it stay; what they had not loaded yet becomes unknown. */
void mw_module_destroy(struct mw_module *module);

/** @return the debug information, found at the first call, or NULL. */
Dwarf *mw_module_dwarf(struct mw_module *module);

/** Runtime address minus the address in the ELF file. */
uint64_t mw_module_bias(struct mw_module *module);

/** @return the module that covers @addr (with its .bss), or NULL. */
struct mw_module *mw_module_find(struct mw_symbols *symbols, mw_addr addr);

#endif
