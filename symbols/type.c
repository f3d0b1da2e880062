// SPDX-License-Identifier: MIT
#include "symbols/type.h"

#include <string.h>

#include "symbols/lookup.h"
#include "symbols/module.h"
#include "symbols/type_dwarf.h"

struct mw_type *mw_type_make(struct mw_symbols *symbols, enum mw_type_kind kind)
{
	struct mw_type *type = calloc(1, sizeof(*type));

	if (!type || !mw_vec_push(&symbols->types, type)) {
		free(type);
		return NULL;
	}
	type->kind = kind;
	return type;
}

void mw_types_destroy(struct mw_symbols *symbols)
{
	mw_vec_foreach (type, &symbols->types) {
		mw_vec_deinit(&(*type)->members);
		mw_vec_deinit(&(*type)->enumerators);
		mw_vec_deinit(&(*type)->parameters);
		free(*type);
	}
	mw_vec_deinit(&symbols->types);
	mw_intmap_deinit(&symbols->derived);
}

void mw_types_forget_module(struct mw_symbols *symbols, const struct mw_module *module)
{
	mw_vec_foreach (type, &symbols->types) {
		if ((*type)->module == module)
			(*type)->module = NULL;
	}
}

const struct mw_type *mw_type_strip(const struct mw_type *type)
{
	while (type && type->target &&
	       (type->kind == MW_TYPE_TYPEDEF || type->kind == MW_TYPE_QUALIFIED))
		type = type->target;
	return type;
}

/* A pointer's target is loaded once; the pointer is const only for its users. */
const struct mw_type *mw_type_target(struct mw_symbols *symbols, const struct mw_type *type)
{
	struct mw_type *pointer = (struct mw_type *)type;

	if (!pointer->target && pointer->module)
		pointer->target = mw_type_of_die(symbols, pointer->module, &pointer->die);
	return pointer->target;
}

const struct mw_type *mw_type_complete(struct mw_symbols *symbols, const struct mw_type *type)
{
	const struct mw_type *plain = mw_type_strip(type);
	const struct mw_type *found;

	if (!plain || !plain->is_incomplete || !plain->name)
		return type;
	found = mw_lookup_definition(symbols, plain);
	return found ? found : type;
}

/* One type for each combination, however often an expression is evaluated. */
static struct mw_type *derive(struct mw_symbols *symbols, enum mw_type_kind kind,
			      const struct mw_type *target, uint64_t count)
{
	uint64_t key = ((uint64_t)(uintptr_t)target ^ count * 0x9e3779b97f4a7c15) + kind;
	struct mw_type *type = key ? mw_intmap_get(&symbols->derived, key) : NULL;

	if (type && type->kind == kind && type->target == target && type->count == count)
		return type;
	type = mw_type_make(symbols, kind);
	if (!type)
		return NULL;
	type->target = target;
	type->count = count;
	/* Without the entry it is only made again. */
	if (key)
		mw_error_destroy(mw_intmap_set(&symbols->derived, key, type));
	return type;
}

const struct mw_type *mw_type_make_array(struct mw_symbols *symbols, const struct mw_type *element,
					 uint64_t count)
{
	struct mw_type *array = derive(symbols, MW_TYPE_ARRAY, element, count);

	if (!array)
		return NULL;
	array->is_bounded = true;
	array->size = element->size * count;
	return array;
}

const struct mw_type *mw_type_make_pointer(struct mw_symbols *symbols, const struct mw_type *target)
{
	struct mw_type *pointer = derive(symbols, MW_TYPE_POINTER, target, 0);

	if (!pointer)
		return NULL;
	pointer->size = sizeof(uint64_t);
	return pointer;
}

bool mw_type_is_integer(const struct mw_type *type)
{
	switch (type ? mw_type_strip(type)->kind : MW_TYPE_VOID) {
	case MW_TYPE_SIGNED:
	case MW_TYPE_UNSIGNED:
	case MW_TYPE_CHAR:
	case MW_TYPE_BOOL:
	case MW_TYPE_ENUM:
		return true;
	default:
		return false;
	}
}

bool mw_type_is_structure(const struct mw_type *type)
{
	const struct mw_type *plain = mw_type_strip(type);

	return plain && (plain->kind == MW_TYPE_STRUCT || plain->kind == MW_TYPE_UNION);
}

bool mw_type_is_opaque(const struct mw_type *type)
{
	const struct mw_type *plain = mw_type_strip(type);

	if (!plain || plain->kind == MW_TYPE_VOID || plain->kind == MW_TYPE_FUNCTION ||
	    plain->is_incomplete)
		return true;
	/* An empty class of C++ has one byte; a Rust enum has only variants. */
	return mw_type_is_structure(plain) && !plain->members.count && plain->size > 1;
}

bool mw_type_is_text_array(const struct mw_type *type)
{
	const struct mw_type *array = mw_type_strip(type);
	const struct mw_type *element;

	if (!array || array->kind != MW_TYPE_ARRAY)
		return false;
	element = mw_type_strip(array->target);
	return element->is_text && element->size == 1;
}

bool mw_type_find_member(const struct mw_type *type, const char *name, struct mw_member *ret)
{
	const struct mw_type *plain = mw_type_strip(type);

	mw_vec_foreach (member, &plain->members) {
		if (member->name && !member->is_base && !strcmp(member->name, name)) {
			*ret = *member;
			return true;
		}
	}
	mw_vec_foreach (member, &plain->members) {
		if (member->name && !member->is_base)
			continue;
		if (mw_type_is_structure(member->type) &&
		    mw_type_find_member(member->type, name, ret)) {
			ret->offset += member->offset;
			return true;
		}
	}
	return false;
}
