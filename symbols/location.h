// SPDX-License-Identifier: MIT
/** Where the debug information says a variable is. */
#ifndef MW_SYMBOLS_LOCATION_H
#define MW_SYMBOLS_LOCATION_H

#include <elfutils/libdw.h>

#include "base/target.h"

struct mw_module;

enum mw_location_kind {
	MW_LOCATION_ADDRESS,
	/** Each thread has its own. */
	MW_LOCATION_THREAD_LOCAL,
	/** On the stack or in a register while its function runs. */
	MW_LOCATION_LOCAL,
	/** The compiler kept only the value. */
	MW_LOCATION_CONSTANT,
	/** No location at all: removed, or a bare declaration. */
	MW_LOCATION_NONE,
};

struct mw_location {
	enum mw_location_kind kind;
	/** In the target, for MW_LOCATION_ADDRESS. */
	mw_addr addr;
};

struct mw_location mw_location_of(struct mw_module *module, Dwarf_Die *variable);

#endif
