// SPDX-License-Identifier: MIT
#include "profiler/view_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int compare_names(const void *a, const void *b)
{
	const struct mw_saved_process *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void number_groups(const struct mw_saved_report *report,
			  const struct mw_saved_process **sorted, struct mw_view_groups *groups)
{
	for (size_t i = 0; i < report->processes.count; i++) {
		if (!i || strcmp(sorted[i]->name, sorted[i - 1]->name))
			groups->names[groups->count++] = sorted[i]->name;
		groups->of_process[sorted[i] - report->processes.items] = groups->count - 1;
	}
}

struct mw_error *mw_view_groups_create(const struct mw_saved_report *report,
				       struct mw_view_groups *ret)
{
	size_t count = report->processes.count;
	const struct mw_saved_process **sorted = calloc(count + 1, sizeof(const void *));
	struct mw_view_groups groups = {
		.of_process = calloc(count + 1, sizeof(*groups.of_process)),
		.names = calloc(count + 1, sizeof(*groups.names)),
	};

	if (!sorted || !groups.of_process || !groups.names) {
		free(sorted);
		mw_view_groups_deinit(&groups);
		return mw_err_nomem;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = &report->processes.items[i];
	qsort(sorted, count, sizeof(const void *), compare_names);
	number_groups(report, sorted, &groups);
	free(sorted);
	*ret = groups;
	return NULL;
}

void mw_view_groups_deinit(struct mw_view_groups *groups)
{
	free(groups->of_process);
	free(groups->names);
}
