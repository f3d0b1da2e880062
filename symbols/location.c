// SPDX-License-Identifier: MIT
#include "symbols/location.h"

#include "symbols/die.h"
#include "symbols/module.h"

/* The linker writes 0 (or 1, or -1) where it dropped what the address meant. */
static bool is_tombstone(uint64_t addr)
{
	return addr <= 1 || addr >= UINT64_MAX - 1;
}

static bool first_address(Dwarf_Attribute *attribute, const Dwarf_Op *op, uint64_t *ret)
{
	Dwarf_Attribute in_table;
	Dwarf_Addr addr;

	switch (op->atom) {
	case DW_OP_addr:
		*ret = op->number;
		return true;
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		if (dwarf_getlocation_attr(attribute, op, &in_table) ||
		    dwarf_formaddr(&in_table, &addr))
			return false;
		*ret = addr;
		return true;
	default:
		return false;
	}
}

static bool is_thread_local(const Dwarf_Op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (ops[i].atom == DW_OP_GNU_push_tls_address ||
		    ops[i].atom == DW_OP_form_tls_address)
			return true;
	}
	return false;
}

/* An address, maybe with a constant added (variables that were merged into one object). */
static bool evaluate(Dwarf_Attribute *attribute, const Dwarf_Op *ops, size_t count, uint64_t *ret)
{
	uint64_t addr;

	if (!first_address(attribute, &ops[0], &addr) || is_tombstone(addr))
		return false;
	for (size_t i = 1; i < count; i++) {
		if (ops[i].atom != DW_OP_plus_uconst)
			return false;
		addr += ops[i].number;
	}
	*ret = addr;
	return true;
}

static enum mw_location_kind kind_without_address(const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_addr:
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		return MW_LOCATION_NONE;
	case DW_OP_implicit_value:
	case DW_OP_lit0 ... DW_OP_lit31:
		return MW_LOCATION_CONSTANT;
	default:
		return MW_LOCATION_LOCAL;
	}
}

struct mw_location mw_location_of(struct mw_module *module, Dwarf_Die *variable)
{
	Dwarf_Attribute attribute;
	uint64_t addr;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr_integrate(variable, DW_AT_location, &attribute))
		return (struct mw_location){.kind = mw_die_has(variable, DW_AT_const_value)
							    ? MW_LOCATION_CONSTANT
							    : MW_LOCATION_NONE};
	/* A list of locations is for what moves: a local variable of optimised code. */
	if (dwarf_getlocation(&attribute, &ops, &count))
		return (struct mw_location){.kind = MW_LOCATION_LOCAL};
	if (!count)
		return (struct mw_location){.kind = MW_LOCATION_NONE};
	if (is_thread_local(ops, count))
		return (struct mw_location){.kind = MW_LOCATION_THREAD_LOCAL};
	if (evaluate(&attribute, ops, count, &addr))
		return (struct mw_location){MW_LOCATION_ADDRESS,
					    mw_addr_make(addr + module->dwarf_bias)};
	return (struct mw_location){.kind = kind_without_address(ops)};
}
