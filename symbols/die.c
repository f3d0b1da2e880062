// SPDX-License-Identifier: MIT
#include "symbols/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

bool mw_die_child(Dwarf_Die *die, Dwarf_Die *ret)
{
	return dwarf_child(die, ret) == 0;
}

bool mw_die_next(Dwarf_Die *die)
{
	const void *before = die->addr;

	return dwarf_siblingof(die, die) == 0 && (const char *)die->addr > (const char *)before;
}

const char *mw_die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
}

const char *mw_die_linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return dwarf_formstring(&attribute);
	return NULL;
}

bool mw_die_has(Dwarf_Die *die, unsigned attribute)
{
	return dwarf_hasattr(die, attribute);
}

bool mw_die_flag(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute found;
	bool flag;

	return dwarf_attr(die, attribute, &found) && !dwarf_formflag(&found, &flag) && flag;
}

bool mw_die_is_external(Dwarf_Die *die)
{
	Dwarf_Attribute found;
	bool flag;

	return dwarf_attr_integrate(die, DW_AT_external, &found) &&
	       !dwarf_formflag(&found, &flag) && flag;
}

bool mw_die_unsigned(Dwarf_Die *die, unsigned attribute, uint64_t *ret)
{
	Dwarf_Attribute found;
	Dwarf_Word value;

	if (!dwarf_attr_integrate(die, attribute, &found) || dwarf_formudata(&found, &value))
		return false;
	*ret = value;
	return true;
}

bool mw_die_constant(Dwarf_Die *die, unsigned attribute, int64_t *ret)
{
	Dwarf_Attribute found;
	Dwarf_Sword value;
	unsigned form;

	if (!dwarf_attr_integrate(die, attribute, &found))
		return false;
	form = dwarf_whatform(&found);
	if (form != DW_FORM_sdata && form != DW_FORM_implicit_const)
		return mw_die_unsigned(die, attribute, (uint64_t *)ret);
	if (dwarf_formsdata(&found, &value))
		return false;
	*ret = value;
	return true;
}

bool mw_die_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *ret)
{
	Dwarf_Attribute found;

	return dwarf_attr_integrate(die, attribute, &found) && dwarf_formref_die(&found, ret);
}

bool mw_die_has_scopes(Dwarf_Die *die)
{
	Dwarf_Die unit;

	switch (dwarf_diecu(die, &unit, NULL, NULL) ? dwarf_srclang(&unit) : -1) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_Rust:
		return true;
	default:
		return false;
	}
}

static bool is_naming_scope(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_namespace:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_subprogram:
		return true;
	default:
		return false;
	}
}

static char *prepend_scope(const char *scope, char *name)
{
	char *joined;

	if (asprintf(&joined, "%s::%s", scope, name) < 0)
		joined = NULL;
	free(name);
	return joined;
}

char *mw_die_qualified_name(Dwarf_Die *die)
{
	const char *own = mw_die_name(die);
	char *name = own ? strdup(own) : NULL;
	Dwarf_Die declared = *die;
	Dwarf_Die *scopes = NULL;
	int count;

	if (!name || !mw_die_has_scopes(die))
		return name;
	if (!mw_die_reference(die, DW_AT_specification, &declared))
		declared = *die;
	count = dwarf_getscopes_die(&declared, &scopes);
	for (int i = 1; name && i < mw_min(count, MW_DIE_MAX_DEPTH); i++) {
		const char *scope = mw_die_name(&scopes[i]);

		if (scope && is_naming_scope(&scopes[i]))
			name = prepend_scope(scope, name);
	}
	free(scopes);
	return name;
}
