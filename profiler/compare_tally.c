// SPDX-License-Identifier: MIT
#include "profiler/compare_tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct mw_error *mw_tally_init(struct mw_tally *tally, size_t base_runs, size_t candidate_runs)
{
	*tally = (struct mw_tally){
		.base_runs = base_runs,
		.runs = base_runs + candidate_runs,
		.index = json_object(),
	};
	return tally->index ? NULL : mw_err_nomem;
}

void mw_tally_deinit(struct mw_tally *tally)
{
	mw_vec_foreach (entry, &tally->entries) {
		free(entry->label);
		free(entry->kib);
	}
	mw_vec_deinit(&tally->entries);
	json_decref(tally->index);
	tally->index = NULL;
}

static struct mw_error *add_entry(struct mw_tally *tally, const char *name, const char *label)
{
	json_t *position = json_integer((json_int_t)tally->entries.count);
	struct mw_tally_entry *entry;

	if (!mw_vec_push(&tally->entries, (struct mw_tally_entry){0})) {
		json_decref(position);
		return mw_err_nomem;
	}
	entry = &tally->entries.items[tally->entries.count - 1];
	entry->label = strdup(label);
	entry->kib = calloc(tally->runs, sizeof(*entry->kib));
	if (!entry->label || !entry->kib) {
		json_decref(position);
		return mw_err_nomem;
	}
	for (size_t run = 0; run < tally->runs; run++)
		entry->kib[run] = NAN;
	// Names come from files that were checked to be UTF-8, but may be cut in the middle of a
	// character.
	return json_object_set_new_nocheck(tally->index, name, position) ? mw_err_nomem : NULL;
}

/** @return the number of entries when there is none of that name. */
static size_t position_of(const struct mw_tally *tally, const char *name)
{
	const json_t *position = json_object_get(tally->index, name);

	return position ? (size_t)json_integer_value(position) : tally->entries.count;
}

const struct mw_tally_entry *mw_tally_find(const struct mw_tally *tally, const char *name)
{
	size_t position = position_of(tally, name);

	return position < tally->entries.count ? &tally->entries.items[position] : NULL;
}

struct mw_error *mw_tally_add(struct mw_tally *tally, const char *name, const char *label,
			      size_t run, double kib)
{
	size_t position = position_of(tally, name);
	struct mw_error *err;
	double *largest;

	if (position == tally->entries.count) {
		err = add_entry(tally, name, label);
		if (err)
			return err;
	}
	largest = &tally->entries.items[position].kib[run];
	*largest = fmax(*largest, kib);
	return NULL;
}

static struct mw_run_stats stats_of(const double *kib, size_t runs)
{
	struct mw_run_stats stats = {0};
	double *copy = calloc(runs + 1, sizeof(*copy));

	if (copy) {
		memcpy(copy, kib, runs * sizeof(*copy));
		stats = mw_run_stats_compute(copy, runs);
	}
	free(copy);
	return stats;
}

struct mw_run_stats mw_tally_base(const struct mw_tally *tally, const struct mw_tally_entry *entry)
{
	return stats_of(entry->kib, tally->base_runs);
}

struct mw_run_stats mw_tally_candidate(const struct mw_tally *tally,
				       const struct mw_tally_entry *entry)
{
	return stats_of(entry->kib + tally->base_runs, tally->runs - tally->base_runs);
}
