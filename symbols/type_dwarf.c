// SPDX-License-Identifier: MIT
#include "symbols/type_dwarf.h"

#include "symbols/die.h"
#include "symbols/module.h"
#include "symbols/type.h"
#include "symbols/type_members.h"

/* Fills in a fresh @type from its DIE. */
typedef void fill_type(struct mw_type *type);

static const struct mw_type *by_value(struct mw_type *type)
{
	const struct mw_type *target =
		mw_type_of_die(type->module->symbols, type->module, &type->die);

	return target && target->is_converting ? NULL : target;
}

static void fill_alias(struct mw_type *type)
{
	type->target = by_value(type);
	type->size = type->target ? type->target->size : 0;
	type->is_text = type->target && type->target->is_text;
	type->is_incomplete = type->target && type->target->is_incomplete;
	if (!type->target)
		type->kind = MW_TYPE_VOID;
}

static void fill_qualifier(struct mw_type *type)
{
	switch (dwarf_tag(&type->die)) {
	case DW_TAG_volatile_type:
		type->name = "volatile";
		break;
	case DW_TAG_restrict_type:
		type->name = "restrict";
		break;
	case DW_TAG_atomic_type:
		type->name = "_Atomic";
		break;
	default:
		type->name = "const";
	}
	fill_alias(type);
	/* const void */
	if (type->kind == MW_TYPE_VOID)
		type->full_name = mw_strings_add(&type->module->symbols->strings,
						 type->name[0] == 'c' ? "const void" : "void");
}

static enum mw_type_kind kind_of_encoding(uint64_t encoding)
{
	switch (encoding) {
	case DW_ATE_signed:
		return MW_TYPE_SIGNED;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return MW_TYPE_CHAR;
	case DW_ATE_boolean:
		return MW_TYPE_BOOL;
	case DW_ATE_float:
		return MW_TYPE_FLOAT;
	default:
		return MW_TYPE_UNSIGNED;
	}
}

static void fill_base(struct mw_type *type)
{
	uint64_t encoding = 0;

	mw_die_unsigned(&type->die, DW_AT_encoding, &encoding);
	type->kind = kind_of_encoding(encoding);
	type->is_text = type->kind == MW_TYPE_CHAR && type->size == 1;
	type->is_unsigned_char = encoding == DW_ATE_unsigned_char;
}

static void fill_pointer(struct mw_type *type)
{
	/* clang leaves the size of pointers out. */
	if (!type->size)
		type->size = sizeof(uint64_t);
}

static void fill_member_pointer(struct mw_type *type)
{
	type->name = "pointer to member";
	fill_pointer(type);
}

static void fill_function(struct mw_type *type)
{
	struct mw_symbols *symbols = type->module->symbols;
	Dwarf_Die die;

	type->target = by_value(type);
	mw_die_foreach_child(&die, &type->die)
	{
		const struct mw_type *parameter;

		if (dwarf_tag(&die) != DW_TAG_formal_parameter)
			continue;
		parameter = mw_type_of_die(symbols, type->module, &die);
		if (!parameter || !mw_vec_push(&type->parameters, parameter))
			return;
	}
}

static void fill_structure(struct mw_type *type)
{
	type->is_incomplete = mw_die_flag(&type->die, DW_AT_declaration);
	type->is_class = dwarf_tag(&type->die) == DW_TAG_class_type;
	if (!type->is_incomplete)
		mw_type_members_load(type);
}

static void fill_enum(struct mw_type *type)
{
	type->is_incomplete = mw_die_flag(&type->die, DW_AT_declaration);
	type->target = by_value(type);
	mw_type_enumerators_load(type);
}

static void fill_array(struct mw_type *type)
{
	mw_type_dimensions_load(type, by_value(type));
}

static const struct {
	int tag;
	enum mw_type_kind kind;
	fill_type *fill;
} conversions[] = {
	{DW_TAG_base_type, MW_TYPE_UNSIGNED, fill_base},
	{DW_TAG_pointer_type, MW_TYPE_POINTER, fill_pointer},
	{DW_TAG_ptr_to_member_type, MW_TYPE_UNSIGNED, fill_member_pointer},
	{DW_TAG_reference_type, MW_TYPE_REFERENCE, fill_pointer},
	{DW_TAG_rvalue_reference_type, MW_TYPE_REFERENCE, fill_pointer},
	{DW_TAG_array_type, MW_TYPE_ARRAY, fill_array},
	{DW_TAG_structure_type, MW_TYPE_STRUCT, fill_structure},
	{DW_TAG_class_type, MW_TYPE_STRUCT, fill_structure},
	{DW_TAG_union_type, MW_TYPE_UNION, fill_structure},
	{DW_TAG_enumeration_type, MW_TYPE_ENUM, fill_enum},
	{DW_TAG_subroutine_type, MW_TYPE_FUNCTION, fill_function},
	{DW_TAG_typedef, MW_TYPE_TYPEDEF, fill_alias},
	{DW_TAG_const_type, MW_TYPE_QUALIFIED, fill_qualifier},
	{DW_TAG_volatile_type, MW_TYPE_QUALIFIED, fill_qualifier},
	{DW_TAG_restrict_type, MW_TYPE_QUALIFIED, fill_qualifier},
	{DW_TAG_atomic_type, MW_TYPE_QUALIFIED, fill_qualifier},
	{DW_TAG_unspecified_type, MW_TYPE_VOID, NULL},
};

static struct mw_type *convert(struct mw_symbols *symbols, struct mw_module *module, Dwarf_Die *die,
			       size_t conversion)
{
	struct mw_type *type = mw_type_make(symbols, conversions[conversion].kind);
	struct mw_error *err;

	if (!type)
		return NULL;
	type->module = module;
	type->die = *die;
	type->name = mw_strings_add(&symbols->strings, mw_die_name(die));
	mw_die_unsigned(die, DW_AT_byte_size, &type->size);
	err = mw_intmap_set(&module->types, (uint64_t)(uintptr_t)die->addr, type);
	if (err)
		return NULL;
	type->is_converting = true;
	if (conversions[conversion].fill && ++module->type_depth < MW_DIE_MAX_DEPTH)
		conversions[conversion].fill(type);
	module->type_depth--;
	type->is_converting = false;
	return type;
}

/* The stub of a type whose definition is in a type unit. */
static const struct mw_type *from_type_unit(struct mw_symbols *symbols, struct mw_module *module,
					    Dwarf_Die *stub)
{
	Dwarf_Die definition;

	if (!mw_die_has(stub, DW_AT_signature) ||
	    !mw_die_reference(stub, DW_AT_signature, &definition) ||
	    mw_die_has(&definition, DW_AT_signature))
		return NULL;
	return mw_type_from_die(symbols, module, &definition);
}

const struct mw_type *mw_type_from_die(struct mw_symbols *symbols, struct mw_module *module,
				       Dwarf_Die *die)
{
	const struct mw_type *known = mw_intmap_get(&module->types, (uint64_t)(uintptr_t)die->addr);

	if (!known)
		known = from_type_unit(symbols, module, die);
	for (size_t i = 0; !known && i < mw_array_size(conversions); i++) {
		if (conversions[i].tag == dwarf_tag(die))
			return convert(symbols, module, die, i);
	}
	return known;
}

const struct mw_type *mw_type_of_die(struct mw_symbols *symbols, struct mw_module *module,
				     Dwarf_Die *user)
{
	Dwarf_Die die;

	if (!mw_die_reference(user, DW_AT_type, &die))
		return NULL;
	return mw_type_from_die(symbols, module, &die);
}
