// SPDX-License-Identifier: MIT
#include "symbols/lookup.h"

#include <string.h>

#include "base/cleanup.h"
#include "symbols/candidates.h"
#include "symbols/die.h"
#include "symbols/near.h"
#include "symbols/type_dwarf.h"

const char *mw_path_base(const char *path)
{
	const char *base = path;
	int nesting = 0;

	for (const char *at = path; *at; at++) {
		nesting += (*at == '<' || *at == '(') - (*at == '>' || *at == ')');
		if (nesting == 0 && at[0] == ':' && at[1] == ':')
			base = at + 2;
	}
	return base;
}

/* Start of the component that ends at @end; "::" in template arguments doesn't divide. */
static const char *component_start(const char *path, const char *end)
{
	int nesting = 0;

	for (const char *at = end; at > path; at--) {
		nesting += (at[-1] == '>' || at[-1] == ')') - (at[-1] == '<' || at[-1] == '(');
		if (nesting == 0 && at - path >= 2 && at[-1] == ':' && at[-2] == ':')
			return at;
	}
	return path;
}

bool mw_path_matches(const char *qualified, const char *path)
{
	const char *have_end = qualified + strlen(qualified), *want_end = path + strlen(path);
	bool is_base = true;

	for (;;) {
		const char *have = component_start(qualified, have_end);
		const char *want = component_start(path, want_end);
		bool equal = have_end - have == want_end - want &&
			     !memcmp(have, want, (size_t)(have_end - have));

		if (equal && want == path)
			return true;
		if ((is_base && !equal) || have == qualified)
			return false;
		is_base = false;
		have_end = have - 2;
		if (equal)
			want_end = want - 2;
	}
}

/* An incomplete array gets its length from the size of the ELF symbol. */
static const struct mw_type *sized_type(struct mw_symbols *symbols, const struct mw_type *type,
					uint64_t symbol_size)
{
	const struct mw_type *plain = mw_type_strip(type);

	if (plain && plain->kind == MW_TYPE_ARRAY && !plain->is_bounded && plain->target->size)
		return mw_type_make_array(symbols, plain->target,
					  symbol_size / plain->target->size);
	return type;
}

static struct mw_error *make_object(struct mw_symbols *symbols, const char *path, mw_addr addr,
				    const struct mw_type *type, uint64_t symbol_size,
				    struct mw_object *ret)
{
	type = type ? sized_type(symbols, mw_type_complete(symbols, type), symbol_size) : NULL;
	if (type && !type->size)
		type = NULL;
	if (!type && !symbol_size)
		return mw_error_create(MW_ERROR_NOT_FOUND,
				       "the size of `%s` is unknown: watch it as 0x%" PRIx64
				       ":LENGTH",
				       path, addr.v);
	*ret = (struct mw_object){addr, type ? type->size : symbol_size, type, 0, 0};
	return NULL;
}

/*
 * The program's own copy of a library's variable (a copy relocation) is the one everybody uses.
 */
static mw_addr interposed(struct mw_symbols *symbols, struct mw_module *module, Dwarf_Die *die,
			  mw_addr addr)
{
	struct mw_module *main_module = symbols->modules.items[0];
	const char *name = mw_die_linkage_name(die);
	const struct mw_elf_symbol *symbol;

	if (!name)
		name = mw_die_name(die);
	if (module == main_module || !mw_die_is_external(die) || !name)
		return addr;
	symbol = mw_elf_symbols_named(main_module, name);
	return symbol && symbol->binding != STB_LOCAL && symbol->type == STT_OBJECT ? symbol->addr
										    : addr;
}

static struct mw_error *object_of_candidate(struct mw_symbols *symbols, struct mw_module *module,
					    const struct mw_candidate *candidate, const char *path,
					    struct mw_object *ret)
{
	Dwarf_Die die = candidate->die;
	const struct mw_elf_symbol *symbol;
	mw_addr addr = interposed(symbols, module, &die, candidate->location.addr);

	symbol = mw_elf_symbols_at(module, candidate->location.addr);
	return make_object(symbols, path, addr, mw_type_of_die(symbols, module, &die),
			   symbol ? symbol->size : 0, ret);
}

/* `extern` in the program tells the type of what a library without debug information defines. */
static const struct mw_type *declared_type(struct mw_symbols *symbols, const char *name)
{
	struct mw_module *module = symbols->modules.items[0];
	const struct mw_name *names;
	size_t count = mw_name_index_find(module, name, &names);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = names[i].die;

		if (names[i].kind <= MW_NAME_DECLARATION && mw_die_is_external(&die))
			return mw_type_of_die(symbols, module, &die);
	}
	return NULL;
}

static const struct mw_type *type_of_variable_at(struct mw_module *module, const char *name,
						 mw_addr addr)
{
	const struct mw_name *names;
	size_t count = mw_name_index_find(module, name, &names);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = names[i].die;
		struct mw_location location;

		if (names[i].kind != MW_NAME_VARIABLE)
			continue;
		location = mw_location_of(module, &die);
		if (location.kind == MW_LOCATION_ADDRESS && location.addr.v == addr.v)
			return mw_type_of_die(module->symbols, module, &die);
	}
	return NULL;
}

/* `environ` has no debug information of its own: it is an alias of `__environ`, which has. */
static const struct mw_type *type_of_alias(struct mw_module *module,
					   const struct mw_elf_symbol *symbol)
{
	const struct mw_elf_symbols *symbols = mw_elf_symbols_of(module);
	const struct mw_elf_symbol *end = symbols->by_addr.items + symbols->by_addr.count;
	const struct mw_elf_symbol *alias = symbol;
	const struct mw_type *type = NULL;

	while (alias > symbols->by_addr.items && alias[-1].addr.v == symbol->addr.v)
		alias--;
	for (; !type && alias < end && alias->addr.v == symbol->addr.v; alias++)
		type = type_of_variable_at(module, alias->name, symbol->addr);
	return type;
}

static struct mw_error *refuse_symbol(const struct mw_elf_symbol *symbol, const char *path)
{
	if (symbol->type == STT_TLS)
		return mw_error_create(MW_ERROR_NOT_FOUND,
				       "`%s` is thread-local: every thread has its own; watch the "
				       "address of one, as ADDRESS:LENGTH",
				       path);
	return mw_error_create(MW_ERROR_NOT_FOUND,
			       "`%s` is a function, not data: it is code at 0x%" PRIx64, path,
			       symbol->addr.v);
}

/* What only the linker knows: stripped of DWARF, or written in assembly. */
static struct mw_error *object_of_symbol(struct mw_module *module,
					 const struct mw_elf_symbol *symbol, const char *path,
					 struct mw_object *ret)
{
	const struct mw_type *type;

	if (symbol->type == STT_TLS || symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC)
		return refuse_symbol(symbol, path);
	type = declared_type(module->symbols, path);
	if (!type)
		type = type_of_alias(module, symbol);
	return make_object(module->symbols, path, symbol->addr, type, symbol->size, ret);
}

/* Opening a library's debug information takes a while: its symbol table tells if it's worth it. */
static bool may_define(struct mw_module *module, const char *path)
{
	return module->is_main || module->names.loaded || !mw_elf_symbols_are_complete(module) ||
	       mw_elf_symbols_mention(module, mw_path_base(path));
}

struct mw_error *mw_lookup_in_module(struct mw_module *module, const char *file, const char *path,
				     bool *ret_found, struct mw_object *ret)
{
	struct mw_candidates candidates = {.module = module, .file = file, .path = path};
	const struct mw_elf_symbol *symbol = file ? NULL : mw_elf_symbols_named(module, path);
	const struct mw_candidate *chosen = NULL;
	struct mw_error *err = NULL;

	if (may_define(module, path))
		err = mw_candidates_collect(&candidates);
	if (!err)
		err = mw_candidates_choose(&candidates, &chosen);
	*ret_found = err || chosen || symbol || candidates.list.count;
	if (!err && chosen)
		err = object_of_candidate(module->symbols, module, chosen, path, ret);
	else if (!err && symbol)
		err = object_of_symbol(module, symbol, path, ret);
	else if (!err && *ret_found)
		err = mw_candidates_explain(&candidates);
	mw_candidates_deinit(&candidates);
	return err;
}

/* A right name with a wrong file. @return NULL when the name is wrong too. */
static char *hint_elsewhere(struct mw_symbols *symbols, const char *path)
{
	struct mw_object object;
	struct mw_error *err = mw_lookup_variable(symbols, NULL, path, &object);
	char *hint = NULL;

	if (err && err->code != MW_ERROR_USAGE) {
		mw_error_destroy(err);
		return NULL;
	}
	if (asprintf(&hint, "%s", err ? err->message : "it is in another one: leave the file out") <
	    0)
		hint = NULL;
	mw_error_destroy(err);
	return hint;
}

static bool program_has_dwarf(const struct mw_symbols *symbols)
{
	mw_vec_foreach (module, &symbols->modules) {
		if ((*module)->is_main && (*module)->dwarf)
			return true;
	}
	return false;
}

static struct mw_error *unknown_variable(struct mw_symbols *symbols, const char *file,
					 const char *path)
{
	mw_auto_free char *hint = file ? hint_elsewhere(symbols, path) : NULL;

	if (!hint)
		hint = mw_near_variables(symbols, path);
	return mw_error_create(MW_ERROR_NOT_FOUND, "no variable `%s`%s%s%s%s%s", path,
			       file ? " in a file " : "", file ? file : "", hint ? ": " : "",
			       hint ? hint : "",
			       program_has_dwarf(symbols)
				       ? ""
				       : " (the program has no debug information: build it with "
					 "-g or install its debug package)");
}

struct mw_error *mw_lookup_variable(struct mw_symbols *symbols, const char *file, const char *path,
				    struct mw_object *ret)
{
	mw_vec_foreach (module, &symbols->modules) {
		bool found;
		struct mw_error *err = mw_lookup_in_module(*module, file, path, &found, ret);

		if (err || found)
			return err;
	}
	return unknown_variable(symbols, file, path);
}
