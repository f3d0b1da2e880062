// SPDX-License-Identifier: MIT
#include "symbols/demangle.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

const char *mw_demangle(struct mw_strings *strings, const char *name)
{
	char *plain = NULL;

	if (!name || name[0] != '_')
		return mw_strings_add(strings, name);
	/* Rust's old scheme looks like C++ but ends in a hash, which only this one takes off. */
	if (name[1] == 'R' || name[1] == 'Z')
		plain = rust_demangle(name, 0);
	if (!plain && name[1] == 'Z')
		plain = cplus_demangle_v3(name, 0);
	return plain ? mw_strings_take(strings, plain) : mw_strings_add(strings, name);
}
