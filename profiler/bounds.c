// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "profiler/report.h"

/** A process comes (with its peak) or goes. */
struct step {
	uint64_t ns;
	int64_t kib;
};

static int by_time(const void *a, const void *b)
{
	const struct step *left = a;
	const struct step *right = b;

	if (left->ns != right->ns)
		return left->ns < right->ns ? -1 : 1;
	/* Comers first: neighbours in time are taken as overlapping. */
	return left->kib > right->kib ? -1 : left->kib < right->kib;
}

struct steps {
	MW_VEC(struct step) list;
};

static bool add_span(struct steps *steps, uint64_t from_ns, uint64_t to_ns, uint64_t kib)
{
	struct step come = {from_ns, (int64_t)kib};
	struct step go = {to_ns, -(int64_t)kib};

	return !kib || (mw_vec_push(&steps->list, come) && mw_vec_push(&steps->list, go));
}

/** Until its exec, a fork is a copy of its parent and may be as large as that ever was. */
static bool add_process(struct steps *steps, const struct mw_process *process, uint64_t end_ns)
{
	uint64_t from_ns = process->start_ns;

	if (!process->ended)
		end_ns = UINT64_MAX;
	if (process->execed && process->exec_chain.count == 1 && process->exec_ns > from_ns) {
		uint64_t copy_kib = process->parent && !process->borrowed_first
					    ? process->parent->max_rss_kib
					    : 0;

		if (!add_span(steps, from_ns, process->exec_ns - 1, copy_kib))
			return false;
		from_ns = process->exec_ns;
	}
	return add_span(steps, from_ns, end_ns, process->max_rss_kib);
}

int64_t mw_overlap_bound_kib(const struct mw_job *job)
{
	struct steps steps = {0};
	int64_t now_kib = 0;
	int64_t most_kib = 0;
	bool complete = true;

	for (size_t i = 0; i < job->processes.count && complete; i++)
		complete = add_process(&steps, job->processes.items[i],
				       job->processes.items[i]->last_seen_ns);
	if (complete && steps.list.count)
		qsort(steps.list.items, steps.list.count, sizeof(*steps.list.items), by_time);
	mw_vec_foreach (step, &steps.list) {
		now_kib += step->kib;
		most_kib = mw_max(most_kib, now_kib);
	}
	mw_vec_deinit(&steps.list);
	return complete ? most_kib : -1;
}
