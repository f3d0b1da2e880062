// SPDX-License-Identifier: MIT
#include "symbols/name_index.h"

#include <string.h>

#include "symbols/die.h"
#include "symbols/module.h"

/* One walk over the units of a module. */
struct walk {
	struct mw_name_index *index;
	/** Types and declarations met before: headers repeat them in every unit. */
	struct mw_intmap seen;
	uint32_t unit;
	bool has_scopes;
};

void mw_name_index_deinit(struct mw_name_index *index)
{
	mw_vec_deinit(&index->names);
}

static struct mw_error *push(struct walk *walk, const char *name, Dwarf_Die *die,
			     enum mw_name_kind kind)
{
	struct mw_name entry = {name, *die, kind, walk->unit};

	return mw_vec_push(&walk->index->names, entry) ? NULL : mw_err_nomem;
}

/* Linkers merge equal strings, so the address of the name tells repetitions. */
static struct mw_error *push_once(struct walk *walk, const char *name, Dwarf_Die *die,
				  enum mw_name_kind kind)
{
	uint64_t key = (uint64_t)(uintptr_t)name ^ ((uint64_t)dwarf_tag(die) << 48);
	struct mw_error *err;

	if (mw_intmap_get(&walk->seen, key))
		return NULL;
	err = mw_intmap_set(&walk->seen, key, walk);
	return err ? err : push(walk, name, die, kind);
}

static struct mw_error *add_name(struct walk *walk, Dwarf_Die *die)
{
	const char *name = mw_die_name(die);
	bool is_declaration = mw_die_flag(die, DW_AT_declaration);

	if (!name)
		return NULL;
	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
		return is_declaration ? push_once(walk, name, die, MW_NAME_DECLARATION)
				      : push(walk, name, die, MW_NAME_VARIABLE);
	case DW_TAG_subprogram:
		return is_declaration ? NULL : push(walk, name, die, MW_NAME_FUNCTION);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_typedef:
	case DW_TAG_base_type:
		return is_declaration ? NULL : push_once(walk, name, die, MW_NAME_TYPE);
	default:
		return NULL;
	}
}

static bool has_names_inside(const struct walk *walk, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return walk->has_scopes;
	case DW_TAG_subprogram:
		/* clang 14 loses the name of a function that was inlined everywhere. */
		return !mw_die_name(die);
	default:
		return false;
	}
}

static struct mw_error *add_children(struct walk *walk, Dwarf_Die *parent, int depth)
{
	struct mw_error *err = NULL;
	Dwarf_Die die;

	mw_die_foreach_child(&die, parent)
	{
		err = add_name(walk, &die);
		if (!err && depth < MW_DIE_MAX_DEPTH && has_names_inside(walk, &die))
			err = add_children(walk, &die, depth + 1);
		if (err)
			break;
	}
	return err;
}

static int compare_names(const void *a, const void *b)
{
	const struct mw_name *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : (int)left->kind - (int)right->kind;
}

struct mw_error *mw_name_index_load(struct mw_module *module)
{
	struct walk walk = {.index = &module->names};
	struct mw_error *err;

	if (module->names.loaded)
		return NULL;
	err = mw_units_load(module);
	for (; !err && walk.unit < module->units.list.count; walk.unit++) {
		Dwarf_Die *unit_die = &module->units.list.items[walk.unit].die;

		walk.has_scopes = mw_die_has_scopes(unit_die);
		err = add_children(&walk, unit_die, 0);
	}
	mw_intmap_deinit(&walk.seen);
	if (err)
		return err;
	if (module->names.names.count)
		qsort(module->names.names.items, module->names.names.count, sizeof(struct mw_name),
		      compare_names);
	module->names.loaded = true;
	return NULL;
}

static size_t lower_bound(const struct mw_name_index *index, const char *name)
{
	size_t low = 0, high = index->names.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index->names.items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t mw_name_index_find(struct mw_module *module, const char *name, const struct mw_name **ret)
{
	struct mw_error *err = mw_name_index_load(module);
	size_t first, end;

	if (err) {
		mw_error_destroy(err);
		return 0;
	}
	first = end = lower_bound(&module->names, name);
	while (end < module->names.names.count &&
	       !strcmp(module->names.names.items[end].name, name))
		end++;
	*ret = module->names.names.items + first;
	return end - first;
}
