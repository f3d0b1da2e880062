// SPDX-License-Identifier: MIT
#ifndef MW_PROFILER_PSS_H
#define MW_PROFILER_PSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profiler/job.h"

/**
 * The sum of proportional set sizes, where each shared page counts once. It is dear (5 ms per GiB,
 * under the mmap lock of the process), so it's only taken where it differs from the sum of RSS and
 * for no more than half a percent of the time, or five until the first one counts.
 */
struct mw_pss {
	struct mw_job *job;
	/** CPU time passes may take, ns; negative while a debt is paid off. */
	int64_t credit_ns;
	uint64_t credited_ns;
	/** CPU time of the last pass. */
	uint64_t cost_ns;
	/** A new pass is due then, whatever the sum of RSS does. */
	uint64_t next_ns;
	uint64_t interval_ns;
	/** The last sum that counted. */
	uint64_t measured_kib;
	/** Sum of RSS at the last pass that counted, and in the last sample. */
	uint64_t measured_rss_kib;
	uint64_t previous_rss_kib;
	/** Processes then, in all and alive. */
	size_t previous_count;

	/** A pass that counts if nothing has moved by the next sample. */
	bool pending;
	uint64_t pending_ns;
	uint64_t pending_kib;
	uint64_t pending_rss_kib;
};

void mw_pss_init(struct mw_pss *pss, struct mw_job *job);

/** Settles the last pass and takes a new one when it is due. To be called after each sample. */
void mw_pss_step(struct mw_pss *pss, uint64_t now_ns);

#endif
