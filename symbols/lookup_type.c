// SPDX-License-Identifier: MIT
#include <string.h>

#include "base/cleanup.h"
#include "symbols/die.h"
#include "symbols/lookup.h"
#include "symbols/module.h"
#include "symbols/near.h"
#include "symbols/type_dwarf.h"

static const struct {
	const char *name;
	enum mw_type_kind kind;
	uint8_t size;
} base_types[] = {
	{"char", MW_TYPE_CHAR, 1},
	{"signed char", MW_TYPE_CHAR, 1},
	{"unsigned char", MW_TYPE_CHAR, 1},
	{"short", MW_TYPE_SIGNED, 2},
	{"unsigned short", MW_TYPE_UNSIGNED, 2},
	{"int", MW_TYPE_SIGNED, 4},
	{"unsigned int", MW_TYPE_UNSIGNED, 4},
	{"long", MW_TYPE_SIGNED, 8},
	{"unsigned long", MW_TYPE_UNSIGNED, 8},
	{"long long", MW_TYPE_SIGNED, 8},
	{"unsigned long long", MW_TYPE_UNSIGNED, 8},
	{"long long unsigned", MW_TYPE_UNSIGNED, 8},
	{"__int128", MW_TYPE_SIGNED, 16},
	{"unsigned __int128", MW_TYPE_UNSIGNED, 16},
	{"float", MW_TYPE_FLOAT, 4},
	{"double", MW_TYPE_FLOAT, 8},
	{"long double", MW_TYPE_FLOAT, 16},
	{"_Bool", MW_TYPE_BOOL, 1},
	{"bool", MW_TYPE_BOOL, 1},
	{"void", MW_TYPE_VOID, 0},
};

static const struct {
	const char *keyword;
	int tags[3];
} tags_of_keyword[] = {
	{"struct", {DW_TAG_structure_type, DW_TAG_class_type}},
	{"class", {DW_TAG_class_type, DW_TAG_structure_type}},
	{"union", {DW_TAG_union_type}},
	{"enum", {DW_TAG_enumeration_type}},
};

static bool is_tag_of(const char *keyword, int tag)
{
	for (size_t i = 0; i < mw_array_size(tags_of_keyword); i++) {
		if (!strcmp(tags_of_keyword[i].keyword, keyword))
			return tag == tags_of_keyword[i].tags[0] ||
			       tag == tags_of_keyword[i].tags[1];
	}
	return false;
}

/* Without a keyword any named type will do: C++ leaves `struct` out, and so may a hurried user. */
static bool is_wanted(const struct mw_name *name, const char *keyword, const char *path)
{
	Dwarf_Die die = name->die;
	mw_auto_free char *qualified = NULL;

	if (name->kind != MW_NAME_TYPE || (keyword && !is_tag_of(keyword, dwarf_tag(&die))))
		return false;
	qualified = mw_die_qualified_name(&die);
	return qualified && mw_path_matches(qualified, path);
}

static const struct mw_type *find_in_module(struct mw_module *module, const char *keyword,
					    const char *path)
{
	const struct mw_name *names;
	size_t count = mw_name_index_find(module, mw_path_base(path), &names);

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = names[i].die;

		if (is_wanted(&names[i], keyword, path))
			return mw_type_from_die(module->symbols, module, &die);
	}
	return NULL;
}

static const struct mw_type *find(struct mw_symbols *symbols, const char *keyword, const char *path)
{
	mw_vec_foreach (module, &symbols->modules) {
		const struct mw_type *type = find_in_module(*module, keyword, path);

		if (type)
			return type;
	}
	return NULL;
}

static const struct mw_type *make_base(struct mw_symbols *symbols, const char *name)
{
	for (size_t i = 0; i < mw_array_size(base_types); i++) {
		struct mw_type *type = NULL;

		if (strcmp(base_types[i].name, name))
			continue;
		type = mw_intmap_get(&symbols->derived, i + 1);
		if (type)
			return type;
		type = mw_type_make(symbols, base_types[i].kind);
		if (!type)
			return NULL;
		mw_error_destroy(mw_intmap_set(&symbols->derived, i + 1, type));
		type->name = base_types[i].name;
		type->size = base_types[i].size;
		type->is_text = type->kind == MW_TYPE_CHAR;
		type->is_unsigned_char = name[0] == 'u';
		return type;
	}
	return NULL;
}

static struct mw_error *unknown_type(struct mw_symbols *symbols, const struct mw_type_spec *spec)
{
	mw_auto_free char *hint = mw_near_types(symbols, spec->name);

	return mw_error_create(MW_ERROR_NOT_FOUND, "no type `%s%s%s`%s%s",
			       spec->keyword ? spec->keyword : "", spec->keyword ? " " : "",
			       spec->name, hint ? ": " : "", hint ? hint : "");
}

struct mw_error *mw_lookup_type(struct mw_symbols *symbols, const struct mw_type_spec *spec,
				const struct mw_type **ret)
{
	const struct mw_type *type;

	type = spec->is_base ? make_base(symbols, spec->name)
			     : find(symbols, spec->keyword, spec->name);
	if (!type)
		return unknown_type(symbols, spec);
	for (unsigned i = 0; type && i < spec->pointers; i++)
		type = mw_type_make_pointer(symbols, type);
	if (type && spec->count)
		type = mw_type_make_array(symbols, type, spec->count);
	if (!type)
		return mw_err_nomem;
	*ret = type;
	return NULL;
}

const struct mw_type *mw_lookup_definition(struct mw_symbols *symbols,
					   const struct mw_type *declared)
{
	const char *keyword = declared->kind == MW_TYPE_UNION  ? "union"
			      : declared->kind == MW_TYPE_ENUM ? "enum"
							       : "struct";
	mw_auto_free char *qualified = NULL;
	const char *path = declared->name;
	Dwarf_Die die = declared->die;
	const struct mw_type *found = NULL;

	if (declared->module)
		qualified = mw_die_qualified_name(&die);
	if (qualified)
		path = qualified;
	/* The unit that declares it is most often in the module that defines it. */
	if (declared->module)
		found = find_in_module(declared->module, keyword, path);
	return found ? found : find(symbols, keyword, path);
}
