// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_SAMPLER_H
#define MW_PROFILER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiler/job.h"
#include "profiler/pss.h"

/** When to look at the job's memory next, and how thoroughly. */
struct mw_sampler {
	struct mw_job *job;
	/** No tracker reads the high-water mark at an exit: look at it in every sample. */
	bool read_marks;
	/** No tracker tells about ends: a process that can't be read any more has ended. */
	bool detect_ends;
	/** How many statm files may stay open. */
	size_t kept_limit;
	uint64_t next_ns;
	uint64_t next_detail_ns;
	/** What a sample cost lately, ns of CPU. */
	uint64_t cost_ns;
	struct mw_pss pss;
};

void mw_sampler_init(struct mw_sampler *sampler, struct mw_job *job);

/** Takes a sample of every process alive and plans the next one. */
void mw_sampler_sample(struct mw_sampler *sampler);

/** Reads the marks of processes that are still alive, for the report. */
void mw_sampler_finish(struct mw_sampler *sampler);

/** Most points of the timeline, of the series of one process and of its leak record. */
#define MW_TIMELINE_LIMIT 4096
#define MW_SERIES_LIMIT 512
#define MW_LEAK_LIMIT 256

#endif
