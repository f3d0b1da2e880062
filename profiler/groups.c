// SPDX-License-Identifier: MIT
#include "profiler/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/job.h"

const char *mw_group_by_name(enum mw_group_by by)
{
	static const char *const names[] = {
		[MW_GROUP_BY_COMMAND] = "command",
		[MW_GROUP_BY_EXE] = "exe",
		[MW_GROUP_BY_PPID] = "ppid",
		[MW_GROUP_BY_SUBTREE] = "subtree",
	};

	return names[by];
}

void mw_groups_deinit(struct mw_groups *groups)
{
	mw_vec_foreach (group, &groups->items) {
		free((*group)->name);
		free(*group);
	}
	mw_vec_deinit(&groups->items);
}

static const struct mw_process *subtree_head(const struct mw_job *job,
					     const struct mw_process *process)
{
	while (process->parent && process->parent != job->root)
		process = process->parent;
	return process;
}

static void group_name(const struct mw_job *job, const struct mw_process *process, char *ret,
		       size_t size)
{
	const struct mw_process *head;

	switch (job->settings->group_by) {
	case MW_GROUP_BY_EXE:
		snprintf(ret, size, "%s", process->exe ? process->exe : process->name);
		return;
	case MW_GROUP_BY_PPID:
		snprintf(ret, size, "%d%s%s", process->ppid, process->parent ? " " : "",
			 process->parent ? process->parent->name : "");
		return;
	case MW_GROUP_BY_SUBTREE:
		head = subtree_head(job, process);
		snprintf(ret, size, "%d %s", head->pid, head->name);
		return;
	case MW_GROUP_BY_COMMAND:
		break;
	}
	snprintf(ret, size, "%s", process->name);
}

static struct mw_group *find_group(const struct mw_groups *groups, const char *name)
{
	/* Newest first: a job's neighbours are mostly alike. */
	for (size_t i = groups->items.count; i-- > 0;)
		if (!strcmp(groups->items.items[i]->name, name))
			return groups->items.items[i];
	return NULL;
}

static struct mw_group *create_group(struct mw_groups *groups, const char *name)
{
	struct mw_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->name = strdup(name);
	if (group->name && mw_vec_push(&groups->items, group))
		return group;
	free(group->name);
	free(group);
	return NULL;
}

void mw_groups_assign(struct mw_job *job, struct mw_process *process)
{
	char name[512];

	group_name(job, process, name, sizeof(name));
	process->group = find_group(&job->groups, name);
	if (!process->group)
		process->group = create_group(&job->groups, name);
}

void mw_groups_sample_begin(struct mw_groups *groups)
{
	mw_vec_foreach (group, &groups->items)
		(*group)->rss_kib = 0;
}

void mw_groups_sample_end(struct mw_groups *groups)
{
	mw_vec_foreach (group, &groups->items)
		(*group)->peak_rss_kib = mw_max((*group)->peak_rss_kib, (*group)->rss_kib);
}

static int by_peak(const void *a, const void *b)
{
	const struct mw_group *left = *(struct mw_group *const *)a;
	const struct mw_group *right = *(struct mw_group *const *)b;

	if (left->peak_rss_kib != right->peak_rss_kib)
		return left->peak_rss_kib < right->peak_rss_kib ? 1 : -1;
	return strcmp(left->name, right->name);
}

void mw_groups_finish(struct mw_job *job)
{
	mw_vec_foreach (group, &job->groups.items)
		(*group)->processes = (*group)->max_process_kib = 0;
	mw_vec_foreach (item, &job->processes) {
		struct mw_group *group = (*item)->group;

		if (!group || (*item)->filtered)
			continue;
		group->processes++;
		group->max_process_kib = mw_max(group->max_process_kib, (*item)->max_rss_kib);
		group->peak_rss_kib = mw_max(group->peak_rss_kib, group->max_process_kib);
	}
	if (job->groups.items.count)
		qsort(job->groups.items.items, job->groups.items.count,
		      sizeof(*job->groups.items.items), by_peak);
}
