// SPDX-License-Identifier: MIT
#include "symbols/units.h"

#include <dwarf.h>

#include "symbols/module.h"

void mw_units_deinit(struct mw_units *units)
{
	mw_vec_deinit(&units->list);
	mw_vec_deinit(&units->ranges);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct mw_unit_range *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* Not .debug_aranges: clang does not write it. */
static bool add_ranges(struct mw_units *units, size_t index)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t cursor = 0;

	while ((cursor = dwarf_ranges(&units->list.items[index].skeleton, cursor, &base, &start,
				      &end)) > 0) {
		struct mw_unit_range range = {start, end, index};

		if (start < end && start && !mw_vec_push(&units->ranges, range))
			return false;
	}
	return true;
}

static bool add_unit(struct mw_units *units, Dwarf_Die *unit_die, Dwarf_Die *sub_die,
		     uint8_t unit_type)
{
	struct mw_unit unit = {*unit_die, *unit_die};

	if (unit_type == DW_UT_skeleton && dwarf_tag(sub_die) != DW_TAG_invalid)
		unit.die = *sub_die;
	if (!mw_vec_push(&units->list, unit))
		return false;
	return unit_type == DW_UT_type || add_ranges(units, units->list.count - 1);
}

struct mw_error *mw_units_load(struct mw_module *module)
{
	struct mw_units *units = &module->units;
	Dwarf *dwarf = mw_module_dwarf(module);
	Dwarf_CU *unit = NULL;
	Dwarf_Die unit_die, sub_die;
	uint8_t type;

	if (units->loaded)
		return NULL;
	units->loaded = true;
	while (dwarf && !dwarf_get_units(dwarf, unit, &unit, NULL, &type, &unit_die, &sub_die)) {
		if (dwarf_tag(&unit_die) != DW_TAG_invalid &&
		    !add_unit(units, &unit_die, &sub_die, type))
			return mw_err_nomem;
	}
	if (units->ranges.count)
		qsort(units->ranges.items, units->ranges.count, sizeof(*units->ranges.items),
		      compare_ranges);
	return NULL;
}

const struct mw_unit *mw_units_find(struct mw_module *module, mw_addr addr)
{
	struct mw_error *err = mw_units_load(module);
	const struct mw_units *units = &module->units;
	uint64_t wanted = addr.v - module->dwarf_bias;
	size_t low = 0, high = units->ranges.count;

	mw_error_destroy(err);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (units->ranges.items[middle].start <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	/* Ranges of identical code folded together may overlap; the nearest start is tried first.
	 */
	for (size_t i = low; i-- > 0 && low - i <= 8;) {
		if (wanted < units->ranges.items[i].end)
			return &units->list.items[units->ranges.items[i].unit];
	}
	return NULL;
}
