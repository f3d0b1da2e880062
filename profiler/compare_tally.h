// SPDX-License-Identifier: MIT
/** Sizes by name over several runs. */
#ifndef MW_PROFILER_COMPARE_TALLY_H
#define MW_PROFILER_COMPARE_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/vec.h"
#include "profiler/stats.h"

struct mw_tally_entry {
	/** What people see: the first text that came with this name. */
	char *label;
	/** For each run the largest size in KiB; NAN where it wasn't there. */
	double *kib;
};

/** The first @base_runs runs are the base's. */
struct mw_tally {
	size_t base_runs, runs;
	/** Position in @entries by name. */
	json_t *index;
	MW_VEC(struct mw_tally_entry) entries;
};

struct mw_error *mw_tally_init(struct mw_tally *tally, size_t base_runs,
			       size_t candidate_runs) MW_MUST_CHECK;
void mw_tally_deinit(struct mw_tally *tally);

/** Notes that @name had @kib in @run; the largest counts. */
struct mw_error *mw_tally_add(struct mw_tally *tally, const char *name, const char *label,
			      size_t run, double kib) MW_MUST_CHECK;

/** @return the entry of that name, or NULL. */
const struct mw_tally_entry *mw_tally_find(const struct mw_tally *tally, const char *name);

struct mw_run_stats mw_tally_base(const struct mw_tally *tally, const struct mw_tally_entry *entry);
struct mw_run_stats mw_tally_candidate(const struct mw_tally *tally,
				       const struct mw_tally_entry *entry);

#endif
