// SPDX-License-Identifier: MIT
#include "profiler/pss.h"

#include <stdlib.h>
#include <time.h>

#include "profiler/procinfo.h"
#include "profiler/sampler.h"

/** Enough for two passes over several GiB at the start; later on a share of the time. */
#define CREDIT_NS 100000000
/** One part of the time. */
#define SHARE 200
/** The same as long as there is no sum at all: passes may fail when the job moves. */
#define FIRST_SHARE 20
/** Copy-on-write raises PSS while RSS stays as it is. */
#define INTERVAL_NS UINT64_C(500000000)
/** What may move during a pass: 1 part of the sum, or this much. */
#define TOLERANCE_PART 40
#define TOLERANCE_KIB 4096

static int64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void mw_pss_init(struct mw_pss *pss, struct mw_job *job)
{
	*pss = (struct mw_pss){.job = job, .credit_ns = CREDIT_NS, .credited_ns = job->start_ns};
}

/** Memory that came, went or changed owners since @from_ns. */
static uint64_t moved_kib(const struct mw_job *job, uint64_t from_ns)
{
	uint64_t sum_kib = 0;

	for (size_t i = job->processes.count; i-- > 0;) {
		const struct mw_process *process = job->processes.items[i];
		bool began = process->start_ns >= from_ns;
		bool ran = process->exec_ns >= from_ns;
		bool ended = process->ended && process->last_seen_ns >= from_ns;

		if (!began && !ran && !ended)
			continue;
		sum_kib += process->max_rss_kib;
		/* A fork makes its parent's pages shared, its exec or end makes them whole again.
		 */
		if ((began || ran) && process->parent && process->owner != MW_MEMORY_BORROWED &&
		    !process->borrowed_first)
			sum_kib += process->parent->rss_kib;
	}
	return sum_kib;
}

/** The processes are read one after the other: with movement meanwhile, the sum means nothing. */
static bool stood_still(const struct mw_pss *pss)
{
	uint64_t tolerance_kib =
		mw_max(pss->pending_rss_kib / TOLERANCE_PART, (uint64_t)TOLERANCE_KIB);
	int64_t change_kib = (int64_t)(pss->job->totals.rss_kib - pss->pending_rss_kib);

	return (uint64_t)llabs(change_kib) <= tolerance_kib &&
	       moved_kib(pss->job, pss->pending_ns) <= tolerance_kib;
}

/** Where nothing changes, looking again waits longer and longer. */
static void plan_next(struct mw_pss *pss, uint64_t now_ns)
{
	uint64_t change_kib = (uint64_t)llabs((int64_t)(pss->pending_kib - pss->measured_kib));

	if (change_kib > pss->measured_kib / 100 || !pss->interval_ns)
		pss->interval_ns = INTERVAL_NS;
	else
		pss->interval_ns = mw_min(pss->interval_ns * 2, INTERVAL_NS * 16);
	pss->measured_kib = pss->pending_kib;
	pss->next_ns = now_ns + pss->interval_ns;
}

static void settle(struct mw_pss *pss, uint64_t now_ns)
{
	struct mw_totals *totals = &pss->job->totals;

	pss->pending = false;
	if (!stood_still(pss))
		return;
	plan_next(pss, now_ns);
	pss->measured_rss_kib = pss->pending_rss_kib;
	mw_vec_foreach (item, &pss->job->live)
		(*item)->max_pss_kib = mw_max((*item)->max_pss_kib, (*item)->pss_kib);
	totals->max_pss_kib = mw_max(totals->max_pss_kib, (int64_t)pss->pending_kib);
	if (!mw_series_add(&totals->pss_timeline, MW_TIMELINE_LIMIT, pss->pending_ns,
			   pss->pending_kib, 0))
		pss->job->events_lost++;
	if (totals->max_rss_ns == pss->pending_ns)
		mw_vec_foreach (holder, &totals->at_peak)
			holder->pss_kib = holder->process->pss_kib;
	mw_limits_check(pss->job, MW_LIMIT_TOTAL_PSS, pss->pending_kib, NULL, now_ns);
}

static bool differs_from_rss(const struct mw_job *job)
{
	if (job->live.count > 1)
		return true;
	mw_vec_foreach (process, &job->live)
		if ((*process)->shmem_kib || (*process)->file_kib * 4 > (*process)->rss_kib)
			return true;
	return false;
}

static bool is_affordable(const struct mw_pss *pss, uint64_t now_ns)
{
	if (pss->credit_ns >= 0)
		return true;
	return pss->job->totals.max_pss_kib < 0 &&
	       now_ns >= pss->pending_ns + pss->cost_ns * FIRST_SHARE;
}

static bool is_due(struct mw_pss *pss, uint64_t now_ns)
{
	uint64_t rss_kib = pss->job->totals.rss_kib;
	uint64_t previous_kib = pss->previous_rss_kib;
	size_t count = pss->job->processes.count + pss->job->live.count;
	bool same_processes = count == pss->previous_count;

	pss->previous_rss_kib = rss_kib;
	pss->previous_count = count;
	pss->credit_ns += (int64_t)((now_ns - pss->credited_ns) / SHARE);
	pss->credit_ns = mw_min(pss->credit_ns, (int64_t)CREDIT_NS);
	pss->credited_ns = now_ns;
	if (!is_affordable(pss, now_ns) || !rss_kib || !differs_from_rss(pss->job))
		return false;
	/* A new height is measured when the climb pauses. */
	if (rss_kib > previous_kib + previous_kib / 100 ||
	    (!same_processes && now_ns < pss->next_ns))
		return false;
	return now_ns >= pss->next_ns ||
	       rss_kib > pss->measured_rss_kib + pss->measured_rss_kib / 100;
}

static void take(struct mw_pss *pss, uint64_t now_ns)
{
	int64_t begin_ns = cpu_now_ns();

	pss->pending_kib = 0;
	mw_vec_foreach (item, &pss->job->live) {
		struct mw_process *process = *item;
		uint64_t pss_kib = process->rss_kib;

		if (!process->rss_kib)
			continue;
		mw_task_pss_read(process->pid, &pss_kib);
		process->pss_kib = (int64_t)pss_kib;
		pss->pending_kib += pss_kib;
	}
	pss->pending = true;
	pss->pending_ns = now_ns;
	pss->pending_rss_kib = pss->job->totals.rss_kib;
	pss->cost_ns = (uint64_t)(cpu_now_ns() - begin_ns);
	pss->credit_ns -= (int64_t)pss->cost_ns;
}

void mw_pss_step(struct mw_pss *pss, uint64_t now_ns)
{
	if (pss->pending)
		settle(pss, now_ns);
	if (is_due(pss, now_ns))
		take(pss, now_ns);
}
