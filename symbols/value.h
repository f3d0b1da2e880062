// SPDX-License-Identifier: MIT
/** Intermediate results of an expression. */
#ifndef MW_SYMBOLS_VALUE_H
#define MW_SYMBOLS_VALUE_H

#include "symbols/type.h"

struct mw_value {
	/** An object in target memory; otherwise a bare number. */
	bool is_memory;
	struct mw_object object;
	/** Of the number; NULL for a literal. */
	const struct mw_type *type;
	uint64_t number;
	/** Elements from this one to the end of the array it was indexed from; 0 for no bound. */
	uint64_t elements_left;
};

/** An expression being evaluated: for reading memory and quoting the part that failed. */
struct mw_evaluation {
	struct mw_symbols *symbols;
	const char *text;
};

/** The type of a value, without typedefs; NULL for raw bytes and literals. */
const struct mw_type *mw_value_type(const struct mw_value *value);

/** Extracts up to 64 bits of an integer, enum, bool or pointer, sign-extended as its type says. */
uint64_t mw_bits_load(const struct mw_object *object, const void *bytes);

/** Evaluates to a number: reads an integer, bool or enum object. @return false for others. */
struct mw_error *mw_value_load_integer(const struct mw_evaluation *evaluation,
				       const struct mw_value *value, uint64_t *ret) MW_MUST_CHECK;

/** Reads a pointer, or takes the address of an array or the number of a literal. */
struct mw_error *mw_value_load_address(const struct mw_evaluation *evaluation,
				       const struct mw_value *value, uint64_t *ret) MW_MUST_CHECK;

#endif
