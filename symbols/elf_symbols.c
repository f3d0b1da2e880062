// SPDX-License-Identifier: MIT
#include "symbols/elf_symbols.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbols/module.h"

void mw_elf_symbols_deinit(struct mw_elf_symbols *symbols)
{
	mw_vec_deinit(&symbols->by_addr);
	mw_vec_deinit(&symbols->by_name);
}

/* How well a symbol of a name or address speaks for it. */
static int binding_rank(const struct mw_elf_symbol *symbol)
{
	return symbol->binding == STB_LOCAL ? 0 : symbol->binding == STB_WEAK ? 1 : 2;
}

/* At one address the best comes last: the one with a size, then the global one. */
static int compare_addr(const void *a, const void *b)
{
	const struct mw_elf_symbol *left = a, *right = b;

	if (left->addr.v != right->addr.v)
		return left->addr.v < right->addr.v ? -1 : 1;
	if (!left->size != !right->size)
		return left->size ? 1 : -1;
	if (binding_rank(left) != binding_rank(right))
		return binding_rank(left) - binding_rank(right);
	return strcmp(right->name, left->name);
}

static int compare_name(const void *a, const void *b, void *arg)
{
	const struct mw_elf_symbol *all = arg;
	const struct mw_elf_symbol *left = &all[*(const uint32_t *)a];
	const struct mw_elf_symbol *right = &all[*(const uint32_t *)b];
	int order = strcmp(left->name, right->name);

	/* Global before local. */
	return order ? order : binding_rank(right) - binding_rank(left);
}

static bool is_wanted(const char *name, const GElf_Sym *symbol, GElf_Word section)
{
	unsigned char type = GELF_ST_TYPE(symbol->st_info);

	return name && *name && section != SHN_UNDEF && section != SHN_ABS && type != STT_SECTION &&
	       type != STT_FILE;
}

/* Linkers write "optarg@GLIBC_2.2.5". */
static const char *without_version(struct mw_module *module, const char *name)
{
	const char *version = strchr(name, '@');

	if (!version)
		return name;
	return mw_strings_take(&module->symbols->strings, strndup(name, (size_t)(version - name)));
}

static bool add_symbol(struct mw_module *module, int index)
{
	struct mw_elf_symbols *symbols = &module->elf_symbols;
	struct mw_elf_symbol kept;
	GElf_Addr addr = 0;
	GElf_Word section;
	GElf_Sym symbol;
	const char *name;

	name = dwfl_module_getsym_info(module->dwfl_module, index, &symbol, &addr, &section, NULL,
				       NULL);
	if (!is_wanted(name, &symbol, section))
		return true;
	kept = (struct mw_elf_symbol){
		.addr = mw_addr_make(addr),
		.size = symbol.st_size,
		.name = without_version(module, name),
		.type = GELF_ST_TYPE(symbol.st_info),
		.binding = GELF_ST_BIND(symbol.st_info),
		.section = (uint16_t)section,
	};
	return !kept.name || mw_vec_push(&symbols->by_addr, kept);
}

static void load(struct mw_module *module)
{
	struct mw_elf_symbols *symbols = &module->elf_symbols;
	int count = dwfl_module_getsymtab(module->dwfl_module);

	for (int i = 1; i < count; i++) {
		if (!add_symbol(module, i))
			return;
	}
	if (!symbols->by_addr.count || !mw_vec_reserve(&symbols->by_name, symbols->by_addr.count))
		return;
	qsort(symbols->by_addr.items, symbols->by_addr.count, sizeof(*symbols->by_addr.items),
	      compare_addr);
	for (uint32_t i = 0; i < symbols->by_addr.count; i++)
		symbols->by_name.items[symbols->by_name.count++] = i;
	qsort_r(symbols->by_name.items, symbols->by_name.count, sizeof(uint32_t), compare_name,
		symbols->by_addr.items);
}

const struct mw_elf_symbols *mw_elf_symbols_of(struct mw_module *module)
{
	if (!module->elf_symbols.loaded) {
		module->elf_symbols.loaded = true;
		load(module);
	}
	return &module->elf_symbols;
}

bool mw_elf_symbols_are_complete(struct mw_module *module)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);

	mw_vec_foreach (symbol, &symbols->by_addr) {
		if (symbol->binding == STB_LOCAL)
			return true;
	}
	return false;
}

static bool covers(const struct mw_elf_symbol *symbol, mw_addr addr)
{
	if (symbol->type == STT_TLS || addr.v < symbol->addr.v)
		return false;
	return addr.v - symbol->addr.v < symbol->size;
}

static const struct mw_elf_symbol *symbol_before(const struct mw_elf_symbols *symbols, mw_addr addr)
{
	size_t low = 0, high = symbols->by_addr.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->by_addr.items[middle].addr.v <= addr.v)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &symbols->by_addr.items[low - 1] : NULL;
}

/* A symbol without a size reaches to the next symbol, but not out of its section. */
static bool reaches(struct mw_module *module, const struct mw_elf_symbol *symbol, mw_addr addr)
{
	Dwarf_Addr relative = addr.v;
	GElf_Addr bias;
	Elf_Scn *section;

	if (symbol->size || (symbol->type != STT_FUNC && symbol->type != STT_NOTYPE))
		return false;
	section = dwfl_module_address_section(module->dwfl_module, &relative, &bias);
	return section && elf_ndxscn(section) == symbol->section;
}

const struct mw_elf_symbol *mw_elf_symbols_at(struct mw_module *module, mw_addr addr)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);
	const struct mw_elf_symbol *nearest = symbol_before(symbols, addr);
	const struct mw_elf_symbol *symbol = nearest;

	/* An enclosing symbol may start a few symbols earlier (aliases, labels inside). */
	for (int tries = 0; symbol && symbol >= symbols->by_addr.items && tries < 16;
	     tries++, symbol--) {
		if (covers(symbol, addr))
			return symbol;
	}
	return nearest && reaches(module, nearest, addr) ? nearest : NULL;
}

const struct mw_elf_symbol *mw_elf_symbols_named(struct mw_module *module, const char *name)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);
	size_t low = 0, high = symbols->by_name.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t at = symbols->by_name.items[middle];

		if (strcmp(symbols->by_addr.items[at].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < symbols->by_name.count) {
		uint32_t at = symbols->by_name.items[low];

		if (!strcmp(symbols->by_addr.items[at].name, name))
			return &symbols->by_addr.items[at];
	}
	return NULL;
}

/* `name`, a static of a function (`name.0` by gcc, `function.name` by clang), or mangled. */
static bool is_name_of(const char *symbol, const char *name, const char *mangled)
{
	size_t length = strlen(name);
	const char *at = strstr(symbol, name);

	if (!at)
		return false;
	if (at == symbol || at[-1] == '.')
		return !at[length] || at[length] == '.';
	return symbol[0] == '_' && strstr(symbol, mangled);
}

bool mw_elf_symbols_mention(struct mw_module *module, const char *name)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);
	mw_auto_free char *mangled = NULL;

	if (asprintf(&mangled, "%zu%s", strlen(name), name) < 0) {
		mangled = NULL;
		return true;
	}
	mw_vec_foreach (symbol, &symbols->by_addr) {
		if (is_name_of(symbol->name, name, mangled))
			return true;
	}
	return false;
}
