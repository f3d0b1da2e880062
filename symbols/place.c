// SPDX-License-Identifier: MIT
#include "symbols/place.h"

#include <string.h>

#include "symbols/demangle.h"
#include "symbols/die.h"
#include "symbols/module.h"

#define MAX_INLINED mw_array_size(((struct mw_place *)NULL)->inlined_into)

/* Functions around an address, from the outside in. */
struct chain {
	Dwarf_Die functions[MAX_INLINED + 1];
	size_t count;
};

static bool may_hold_functions(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	default:
		return false;
	}
}

static bool is_function(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_subprogram || dwarf_tag(die) == DW_TAG_inlined_subroutine;
}

/* With deeper inlining than fits, the innermost functions are kept. */
static void push(struct chain *chain, Dwarf_Die *die)
{
	if (chain->count == mw_array_size(chain->functions))
		memmove(&chain->functions[1], &chain->functions[2],
			(--chain->count - 1) * sizeof(chain->functions[0]));
	chain->functions[chain->count++] = *die;
}

static bool descend(struct chain *chain, Dwarf_Die *scope, Dwarf_Addr pc, int depth)
{
	Dwarf_Die die;

	if (depth > MW_DIE_MAX_DEPTH)
		return false;
	mw_die_foreach_child(&die, scope)
	{
		bool is_here = is_function(&die) || dwarf_tag(&die) == DW_TAG_lexical_block;

		if (may_hold_functions(&die) && descend(chain, &die, pc, depth + 1))
			return true;
		if (!is_here || dwarf_haspc(&die, pc) != 1)
			continue;
		if (is_function(&die))
			push(chain, &die);
		descend(chain, &die, pc, depth + 1);
		return true;
	}
	return false;
}

static const char *function_name(struct mw_symbols *symbols, Dwarf_Die *die)
{
	const char *linkage_name = mw_die_linkage_name(die);

	return mw_demangle(&symbols->strings, linkage_name ? linkage_name : mw_die_name(die));
}

/* Start of the function, or of the part of it that the address is in (a .cold section). */
static Dwarf_Addr function_start(Dwarf_Die *die, Dwarf_Addr pc)
{
	Dwarf_Addr base, start, end, entry;
	ptrdiff_t cursor = 0;

	if (!dwarf_entrypc(die, &entry) && entry <= pc)
		return entry;
	while ((cursor = dwarf_ranges(die, cursor, &base, &start, &end)) > 0) {
		if (start <= pc && pc < end)
			return start;
	}
	return pc;
}

static const char *absolute_path(struct mw_symbols *symbols, const struct mw_unit *unit,
				 const char *file)
{
	Dwarf_Die die = unit->skeleton;
	Dwarf_Attribute attribute;
	const char *directory;
	char *path;

	if (!file || file[0] == '/')
		return mw_strings_add(&symbols->strings, file);
	directory = dwarf_formstring(dwarf_attr(&die, DW_AT_comp_dir, &attribute));
	if (!directory || asprintf(&path, "%s/%s", directory, file) < 0)
		return mw_strings_add(&symbols->strings, file);
	return mw_strings_take(&symbols->strings, path);
}

static void fill_line(struct mw_symbols *symbols, const struct mw_unit *unit, Dwarf_Addr pc,
		      struct mw_place *place)
{
	Dwarf_Die die = unit->skeleton;
	Dwarf_Line *line = dwarf_getsrc_die(&die, pc);

	if (!line)
		return;
	place->file = absolute_path(symbols, unit, dwarf_linesrc(line, NULL, NULL));
	if (dwarf_lineno(line, &place->line))
		place->line = 0;
	if (dwarf_linecol(line, &place->column))
		place->column = 0;
}

/* Where @inlined was called from. */
static void fill_call_site(struct mw_symbols *symbols, const struct mw_unit *unit,
			   Dwarf_Die *inlined, struct mw_place *caller)
{
	Dwarf_Die die = unit->skeleton;
	uint64_t index, number;
	Dwarf_Files *files;
	size_t count;

	caller->file = NULL;
	caller->line = caller->column = 0;
	if (mw_die_unsigned(inlined, DW_AT_call_file, &index) &&
	    !dwarf_getsrcfiles(&die, &files, &count) && index < count)
		caller->file =
			absolute_path(symbols, unit, dwarf_filesrc(files, index, NULL, NULL));
	if (mw_die_unsigned(inlined, DW_AT_call_line, &number))
		caller->line = (int)number;
	if (mw_die_unsigned(inlined, DW_AT_call_column, &number))
		caller->column = (int)number;
}

static void fill_functions(struct mw_symbols *symbols, const struct mw_unit *unit,
			   struct chain *chain, Dwarf_Addr pc, struct mw_place_entry *entry)
{
	struct mw_place *place = &entry->place;
	Dwarf_Die *innermost = &chain->functions[chain->count - 1];

	place->function = function_name(symbols, innermost);
	place->function_offset = pc - function_start(innermost, pc);
	for (size_t i = chain->count - 1; i-- > 0;) {
		struct mw_place *caller = &entry->callers[place->inlined_count];

		*caller = (struct mw_place){
			.function = function_name(symbols, &chain->functions[i]),
			.function_offset = pc - function_start(&chain->functions[i], pc),
			.module = place->module,
			.module_offset = place->module_offset,
		};
		fill_call_site(symbols, unit, &chain->functions[i + 1], caller);
		place->inlined_into[place->inlined_count++] = caller->function;
	}
}

static void fill_from_dwarf(struct mw_module *module, mw_addr ip, struct mw_place_entry *entry)
{
	const struct mw_unit *unit = mw_units_find(module, ip);
	Dwarf_Addr pc = ip.v - module->dwarf_bias;
	struct chain chain = {.count = 0};
	Dwarf_Die die;

	if (!unit)
		return;
	fill_line(module->symbols, unit, pc, &entry->place);
	die = unit->die;
	descend(&chain, &die, pc, 0);
	if (chain.count)
		fill_functions(module->symbols, unit, &chain, pc, entry);
}

static void fill_from_symbols(struct mw_module *module, mw_addr ip, struct mw_place *place)
{
	const struct mw_elf_symbol *symbol = mw_elf_symbols_at(module, ip);

	if (!symbol || symbol->type == STT_OBJECT)
		return;
	place->function = mw_demangle(&module->symbols->strings, symbol->name);
	place->function_offset = ip.v - symbol->addr.v;
}

static void resolve(struct mw_symbols *symbols, mw_addr ip, struct mw_place_entry *entry)
{
	struct mw_module *module = mw_module_find(symbols, ip);

	if (!module)
		return;
	entry->place.module = module->path;
	entry->place.module_offset = ip.v - mw_module_bias(module);
	fill_from_dwarf(module, ip, entry);
	if (!entry->place.function)
		fill_from_symbols(module, ip, &entry->place);
}

const struct mw_place_entry *mw_place_entry_of(struct mw_symbols *symbols, mw_addr ip)
{
	struct mw_place_entry *entry = ip.v ? mw_intmap_get(&symbols->places, ip.v) : NULL;
	struct mw_error *err;

	if (entry || !ip.v)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	resolve(symbols, ip, entry);
	err = mw_intmap_set(&symbols->places, ip.v, entry);
	if (err) {
		mw_error_destroy(err);
		free(entry);
		return NULL;
	}
	return entry;
}

void mw_symbols_place(struct mw_symbols *symbols, mw_addr ip, struct mw_place *ret)
{
	const struct mw_place_entry *entry = mw_place_entry_of(symbols, ip);

	*ret = entry ? entry->place : (struct mw_place){0};
}

void mw_places_forget(struct mw_symbols *symbols)
{
	size_t cursor = 0;
	void *entry;

	while ((entry = mw_intmap_next(&symbols->places, &cursor)))
		free(entry);
	mw_intmap_deinit(&symbols->places);
}
