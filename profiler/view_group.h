// SPDX-License-Identifier: MIT
/** Which program each process of a report ran, as small numbers. */
#ifndef MW_PROFILER_VIEW_GROUP_H
#define MW_PROFILER_VIEW_GROUP_H

#include "profiler/report_read.h"

struct mw_view_groups {
	/** For each process its group. */
	size_t *of_process;
	/** For each group its name, which belongs to the report. */
	const char **names;
	size_t count;
};

struct mw_error *mw_view_groups_create(const struct mw_saved_report *report,
				       struct mw_view_groups *ret) MW_MUST_CHECK;

void mw_view_groups_deinit(struct mw_view_groups *groups);

#endif
