// SPDX-License-Identifier: MIT
/** Who wrote to a watch, how often: one row a function and line. */
#ifndef MW_WATCH_LEDGER_H
#define MW_WATCH_LEDGER_H

#include "base/intmap.h"
#include "base/vec.h"
#include "watch/change.h"

/** A place that wrote. Strings are its own, because modules can be unloaded. */
struct mw_ledger_row {
	mw_addr ip;
	char *function;
	char *file;
	int line;
	char *module;
	uint64_t module_offset;
	char *syscall_name;
	uint64_t changes;
	uint64_t silent;
	uint64_t first_ns;
	uint64_t last_ns;
	/** Threads that wrote, each once. */
	MW_VEC(pid_t) tids;
	char *last_path;
	char *last_old;
	char *last_new;
};

struct mw_ledger {
	MW_VEC(struct mw_ledger_row *) rows;
	/** Rows by instruction address, so that the place is compared once an address. */
	struct mw_intmap by_ip;
};

/** NULL is fine. */
void mw_ledger_destroy(struct mw_ledger *ledger);

/** Counts a change, or a silent store, to the row of its place; makes *@ledger if it's NULL. */
struct mw_error *mw_ledger_count(struct mw_ledger **ledger,
				 const struct mw_change *change) MW_MUST_CHECK;

/** Sorts the rows: most changes first, then most silent stores, then the earliest. */
void mw_ledger_sort(struct mw_ledger *ledger);

#endif
