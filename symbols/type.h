// SPDX-License-Identifier: MIT
/**
 * Types of the target. By value a type is whole from the start (members, elements, enumerators);
 * what a pointer points to is loaded when somebody follows it.
 */
#ifndef MW_SYMBOLS_TYPE_H
#define MW_SYMBOLS_TYPE_H

#include <elfutils/libdw.h>

#include "symbols/state.h"

enum mw_type_kind {
	MW_TYPE_VOID,
	MW_TYPE_SIGNED,
	MW_TYPE_UNSIGNED,
	MW_TYPE_CHAR,
	MW_TYPE_BOOL,
	MW_TYPE_FLOAT,
	MW_TYPE_ENUM,
	MW_TYPE_POINTER,
	/** C++ & and &&: a pointer that is read through. */
	MW_TYPE_REFERENCE,
	MW_TYPE_ARRAY,
	MW_TYPE_STRUCT,
	MW_TYPE_UNION,
	MW_TYPE_FUNCTION,
	/** Another name for `target`. */
	MW_TYPE_TYPEDEF,
	/** const, volatile, _Atomic, restrict `target`; `name` is the keyword. */
	MW_TYPE_QUALIFIED,
};

struct mw_member {
	/** NULL for an anonymous struct or union and for a base class without name. */
	const char *name;
	const struct mw_type *type;
	/** Bytes from the start of the structure. */
	uint64_t offset;
	/** Bits from the least significant bit at `offset`, and width; else 0, 0. */
	uint32_t bit_offset;
	uint32_t bit_size;
	/** A base class: its members are found as if they were here. */
	bool is_base;
};

struct mw_enumerator {
	const char *name;
	int64_t value;
};

struct mw_type {
	enum mw_type_kind kind;
	/** Tag or typedef name, as the source has it; NULL when anonymous. */
	const char *name;
	/** As mw_type_name() gives it; NULL until asked for. */
	const char *full_name;
	/** Bytes; 0 when unknown. */
	uint64_t size;
	/** Element, aliased type, return type; for pointers use mw_type_target(). */
	const struct mw_type *target;
	/** Elements of an array, when `is_bounded`. */
	uint64_t count;
	bool is_bounded;
	/** Declared here, defined elsewhere (or nowhere). */
	bool is_incomplete;
	/** Being converted: met again by value only in corrupt information. */
	bool is_converting;
	/** class rather than struct. */
	bool is_class;
	/** A char of one byte: arrays of it are shown as strings. */
	bool is_text;
	bool is_unsigned_char;
	MW_VEC(struct mw_member) members;
	MW_VEC(struct mw_enumerator) enumerators;
	/** Parameters of a function. */
	MW_VEC(const struct mw_type *) parameters;
	/** Where it comes from, for what is loaded late; NULL module: made here or unloaded. */
	struct mw_module *module;
	Dwarf_Die die;
};

/** Makes an empty type owned by @symbols. @return NULL when memory is short. */
struct mw_type *mw_type_make(struct mw_symbols *symbols, enum mw_type_kind kind);
void mw_types_destroy(struct mw_symbols *symbols);
/** Cuts the ties to a module that goes away. */
void mw_types_forget_module(struct mw_symbols *symbols, const struct mw_module *module);

/** Without typedefs and qualifiers. Never NULL for a type that isn't. */
const struct mw_type *mw_type_strip(const struct mw_type *type);

/** What a pointer, reference or function refers to, loaded now; NULL for void. */
const struct mw_type *mw_type_target(struct mw_symbols *symbols, const struct mw_type *type);

/**
 * The definition of a struct, union or enum that @type (typedefs allowed) only declares, searched
 * in every unit and module; @type itself when it is complete or nothing is found.
 */
const struct mw_type *mw_type_complete(struct mw_symbols *symbols, const struct mw_type *type);

const struct mw_type *mw_type_make_array(struct mw_symbols *symbols, const struct mw_type *element,
					 uint64_t count);
const struct mw_type *mw_type_make_pointer(struct mw_symbols *symbols,
					   const struct mw_type *target);

bool mw_type_is_integer(const struct mw_type *type);
bool mw_type_is_structure(const struct mw_type *type);
/** Nothing is known of what is inside: void, undefined, or without a member memwatch reads. */
bool mw_type_is_opaque(const struct mw_type *type);
/** An array of char: shown as a string. */
bool mw_type_is_text_array(const struct mw_type *type);

/**
 * Finds @name among the members, those of anonymous members and of base classes included.
 *
 * @param ret with the offset summed up from the start of @type.
 */
bool mw_type_find_member(const struct mw_type *type, const char *name, struct mw_member *ret);

#endif
