// SPDX-License-Identifier: MIT
#include "symbols/module.h"

#include "symbols/type.h"

struct mw_module *mw_module_create(struct mw_symbols *symbols)
{
	struct mw_module *module = calloc(1, sizeof(*module));

	if (module)
		module->symbols = symbols;
	return module;
}

void mw_module_destroy(struct mw_module *module)
{
	if (!module)
		return;
	mw_types_forget_module(module->symbols, module);
	mw_elf_symbols_deinit(&module->elf_symbols);
	mw_units_deinit(&module->units);
	mw_name_index_deinit(&module->names);
	mw_intmap_deinit(&module->types);
	free(module->image);
	free(module);
}

Dwarf *mw_module_dwarf(struct mw_module *module)
{
	Dwarf_Addr bias = 0;

	if (module->dwarf_tried)
		return module->dwarf;
	module->dwarf_tried = true;
	module->dwarf = dwfl_module_getdwarf(module->dwfl_module, &bias);
	module->dwarf_bias = bias;
	if (!module->dwarf)
		mw_log_debug(module->symbols->log, "%s: no debug information: %s", module->path,
			     dwfl_errmsg(-1));
	return module->dwarf;
}

uint64_t mw_module_bias(struct mw_module *module)
{
	GElf_Addr bias = 0;

	return dwfl_module_getelf(module->dwfl_module, &bias) ? bias : module->range.start.v;
}

/* A .bss goes past the file's mappings. */
static uint64_t segments_end(struct mw_module *module)
{
	uint64_t end = mw_range_end(module->range);
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module->dwfl_module, &bias);
	size_t count = 0;
	GElf_Phdr phdr;

	if (!elf || elf_getphdrnum(elf, &count))
		return end;
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_type == PT_LOAD)
			end = mw_max(end, bias + phdr.p_vaddr + phdr.p_memsz);
	}
	return end;
}

static bool covers_bss(struct mw_module *module, mw_addr addr)
{
	if (!module->end)
		module->end = segments_end(module);
	return addr.v >= module->range.start.v && addr.v < module->end;
}

struct mw_module *mw_module_find(struct mw_symbols *symbols, mw_addr addr)
{
	mw_vec_foreach (module, &symbols->modules) {
		if (mw_range_contains((*module)->range, addr))
			return *module;
	}
	mw_vec_foreach (module, &symbols->modules) {
		if (covers_bss(*module, addr))
			return *module;
	}
	return NULL;
}
