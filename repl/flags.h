// SPDX-License-Identifier: MIT
/** Options of `compare` and `view`, from one table that parsing and help read. */
#ifndef MW_REPL_FLAGS_H
#define MW_REPL_FLAGS_H

#include <stddef.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/vec.h"

enum mw_flag_value {
	MW_FLAG_ALONE,
	/** --name VALUE or --name=VALUE. */
	MW_FLAG_REQUIRED,
	/** --name or --name=VALUE. */
	MW_FLAG_OPTIONAL,
};

struct mw_flag {
	const char *name;
	/** One letter, or 0. */
	char letter;
	enum mw_flag_value takes;
	/** "FILE", for the help. */
	const char *value_name;
	const char *help;
	/** @param value NULL for a flag, and for an optional value that isn't there. */
	struct mw_error *(*set)(void *settings, const char *value);
};

/** What is left when the options are taken out. */
struct mw_operands {
	MW_VEC(const char *) names;
	/** How many come before a "--"; all of them without one. */
	size_t before_dashes;
	bool dashes;
};

/**
 * Parses @argv from 1 on; options may stand before and between the operands, but not behind "--".
 *
 * @param table ends with an entry without a name.
 * @return an MW_ERROR_USAGE that names the option.
 */
struct mw_error *mw_flags_parse(const struct mw_flag *table, int argc, char **argv, void *settings,
				struct mw_operands *ret) MW_MUST_CHECK;

void mw_flags_print(const struct mw_flag *table, FILE *out);

#endif
