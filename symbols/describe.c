// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "symbols/demangle.h"
#include "symbols/lookup.h"
#include "symbols/module.h"
#include "symbols/type_members.h"

/* @return the member that holds the byte at @offset, or NULL. */
static const struct mw_member *member_at(const struct mw_type *type, uint64_t offset)
{
	mw_vec_foreach (member, &type->members) {
		if (offset >= member->offset && offset - member->offset < mw_member_size(member))
			return member;
	}
	return NULL;
}

/* Goes one level down. @return NULL at a leaf. */
static const struct mw_type *print_step(const struct mw_type *type, uint64_t *offset, FILE *out)
{
	const struct mw_member *member;

	if (type->kind == MW_TYPE_ARRAY && type->target->size) {
		fprintf(out, "[%" PRIu64 "]", *offset / type->target->size);
		*offset %= type->target->size;
		return mw_type_strip(type->target);
	}
	member = mw_type_is_structure(type) ? member_at(type, *offset) : NULL;
	if (!member)
		return NULL;
	if (member->name && !member->is_base)
		fprintf(out, ".%s", member->name);
	*offset -= member->offset;
	return mw_type_strip(member->type);
}

/* Which part of a @type lies at @offset: ".limits[3].soft+2". */
static void print_path(const struct mw_type *type, uint64_t offset, FILE *out)
{
	type = mw_type_strip(type);
	while (type && !mw_type_is_text_array(type))
		type = print_step(type, &offset, out);
	if (offset)
		fprintf(out, "+%" PRIu64, offset);
}

/* The type of a symbol, when the debug information has a variable of that name there. */
static const struct mw_type *type_of_symbol(struct mw_module *module,
					    const struct mw_elf_symbol *symbol, const char *name)
{
	struct mw_object object;
	bool found;
	struct mw_error *err = mw_lookup_in_module(module, NULL, name, &found, &object);

	mw_error_destroy(err);
	return !err && found && object.addr.v == symbol->addr.v ? object.type : NULL;
}

bool mw_symbols_describe_data(struct mw_symbols *symbols, mw_addr addr, FILE *out)
{
	struct mw_module *module = mw_module_find(symbols, addr);
	const struct mw_elf_symbol *symbol = module ? mw_elf_symbols_at(module, addr) : NULL;
	const struct mw_type *type;
	const char *name;

	if (!symbol)
		return false;
	name = mw_demangle(&symbols->strings, symbol->name);
	fputs(name, out);
	type = symbol->type == STT_OBJECT ? type_of_symbol(module, symbol, name) : NULL;
	if (type)
		print_path(type, addr.v - symbol->addr.v, out);
	else if (addr.v != symbol->addr.v)
		fprintf(out, "+%" PRIu64, addr.v - symbol->addr.v);
	return true;
}
