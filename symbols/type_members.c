// SPDX-License-Identifier: MIT
#include "symbols/type_members.h"

#include "symbols/die.h"
#include "symbols/module.h"
#include "symbols/type_dwarf.h"

/* Before DWARF 3 the offset is an expression that adds to the address of the structure. */
static bool offset_by_expression(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_data_member_location, &attribute) ||
	    dwarf_getlocation(&attribute, &ops, &count) || count != 1 ||
	    ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = ops[0].number;
	return true;
}

static uint64_t member_offset(Dwarf_Die *die)
{
	uint64_t offset = 0;

	if (!mw_die_unsigned(die, DW_AT_data_member_location, &offset))
		offset_by_expression(die, &offset);
	return offset;
}

/* The fewest bytes that hold the bits: foreign neighbours stay out of a watch. */
static void place_bits(struct mw_member *member, uint64_t from_start)
{
	member->offset = from_start / 8;
	member->bit_offset = (uint32_t)(from_start % 8);
}

static void read_bit_field(Dwarf_Die *die, struct mw_member *member)
{
	uint64_t bit_size = 0, bit_offset = 0, storage = member->type->size;

	if (!mw_die_unsigned(die, DW_AT_bit_size, &bit_size) || !bit_size || bit_size > 128)
		return;
	member->bit_size = (uint32_t)bit_size;
	if (mw_die_unsigned(die, DW_AT_data_bit_offset, &bit_offset)) {
		place_bits(member, member->offset * 8 + bit_offset);
		return;
	}
	/* DWARF 3: counted from the most significant bit of the storage unit. */
	mw_die_unsigned(die, DW_AT_byte_size, &storage);
	mw_die_unsigned(die, DW_AT_bit_offset, &bit_offset);
	if (bit_offset + bit_size <= storage * 8)
		place_bits(member, (member->offset + storage) * 8 - bit_offset - bit_size);
}

uint64_t mw_member_size(const struct mw_member *member)
{
	if (member->bit_size)
		return (member->bit_offset + member->bit_size + 7) / 8;
	return member->type->size;
}

static bool fits(const struct mw_type *structure, const struct mw_member *member)
{
	uint64_t size = mw_member_size(member);

	return member->offset <= structure->size && size <= structure->size - member->offset;
}

static bool is_embedded(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_member:
		/* A static member of C++ in DWARF 4 is a declaration of a variable. */
		return !mw_die_flag(die, DW_AT_external) && !mw_die_flag(die, DW_AT_declaration);
	case DW_TAG_inheritance:
		/* A virtual base moves with the dynamic type. */
		return !mw_die_has(die, DW_AT_virtuality);
	default:
		return false;
	}
}

static bool read_member(struct mw_type *structure, Dwarf_Die *die, struct mw_member *ret)
{
	struct mw_symbols *symbols = structure->module->symbols;
	struct mw_member member = {
		.name = mw_strings_add(&symbols->strings, mw_die_name(die)),
		.type = mw_type_of_die(symbols, structure->module, die),
		.offset = member_offset(die),
		.is_base = dwarf_tag(die) == DW_TAG_inheritance,
	};

	if (member.type && member.type->is_incomplete)
		member.type = mw_type_complete(symbols, member.type);
	if (!member.type || member.type->is_converting)
		return false;
	if (member.is_base)
		member.name = member.type->name;
	read_bit_field(die, &member);
	*ret = member;
	return fits(structure, &member);
}

static int compare_offsets(const void *a, const void *b)
{
	const struct mw_member *left = a, *right = b;

	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (int)left->bit_offset - (int)right->bit_offset;
}

static void sort_members(struct mw_type *type)
{
	if (type->kind == MW_TYPE_STRUCT && type->members.count > 1)
		qsort(type->members.items, type->members.count, sizeof(*type->members.items),
		      compare_offsets);
}

void mw_type_members_load(struct mw_type *type)
{
	struct mw_member member;
	Dwarf_Die die;

	mw_die_foreach_child(&die, &type->die)
	{
		if (is_embedded(&die) && read_member(type, &die, &member) &&
		    !mw_vec_push(&type->members, member))
			return;
	}
	sort_members(type);
}

void mw_type_enumerators_load(struct mw_type *type)
{
	struct mw_strings *strings = &type->module->symbols->strings;
	struct mw_enumerator enumerator;
	Dwarf_Die die;

	mw_die_foreach_child(&die, &type->die)
	{
		if (dwarf_tag(&die) != DW_TAG_enumerator)
			continue;
		enumerator.name = mw_strings_add(strings, mw_die_name(&die));
		if (enumerator.name &&
		    mw_die_constant(&die, DW_AT_const_value, &enumerator.value) &&
		    !mw_vec_push(&type->enumerators, enumerator))
			return;
	}
}

/* @return false for `[]` and for a length that is only known at run time. */
static bool read_count(Dwarf_Die *subrange, uint64_t *ret)
{
	uint64_t upper, lower = 0;

	if (mw_die_unsigned(subrange, DW_AT_count, ret))
		return true;
	if (!mw_die_unsigned(subrange, DW_AT_upper_bound, &upper))
		return false;
	mw_die_unsigned(subrange, DW_AT_lower_bound, &lower);
	/* `int none[0]` has no bound or -1. */
	*ret = upper + 1 >= lower ? upper + 1 - lower : 0;
	return true;
}

static void set_dimension(struct mw_type *array, const struct mw_type *element, Dwarf_Die *subrange)
{
	uint64_t total;

	array->target = element;
	array->is_bounded = read_count(subrange, &array->count);
	array->size = 0;
	if (array->is_bounded && !__builtin_mul_overflow(array->count, element->size, &total))
		array->size = total;
}

void mw_type_dimensions_load(struct mw_type *type, const struct mw_type *element)
{
	enum { MAX_DIMENSIONS = 16 };
	struct mw_symbols *symbols = type->module->symbols;
	Dwarf_Die subranges[MAX_DIMENSIONS];
	size_t count = 0;
	Dwarf_Die die;

	if (!element) {
		type->kind = MW_TYPE_VOID;
		return;
	}
	mw_die_foreach_child(&die, &type->die)
	{
		if (dwarf_tag(&die) == DW_TAG_subrange_type && count < MAX_DIMENSIONS)
			subranges[count++] = die;
	}
	type->target = element;
	for (; count > 1; count--) {
		struct mw_type *inner = mw_type_make(symbols, MW_TYPE_ARRAY);

		if (!inner)
			return;
		set_dimension(inner, element, &subranges[count - 1]);
		element = inner;
	}
	if (count)
		set_dimension(type, element, &subranges[0]);
}
