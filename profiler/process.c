// SPDX-License-Identifier: MIT
#include "profiler/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiler/procinfo.h"

/** Programs one process may run before the oldest of them are forgotten. */
#define EXEC_CHAIN_LIMIT 64

const char *mw_hwm_source_name(enum mw_hwm_source source)
{
	static const char *const names[] = {
		[MW_HWM_NONE] = "none",
		[MW_HWM_SAMPLED] = "sampled",
		[MW_HWM_STATUS] = "vmhwm_sampled",
		[MW_HWM_RUSAGE] = "rusage",
		[MW_HWM_SHARED] = "shared",
		[MW_HWM_TASKSTATS] = "taskstats",
		[MW_HWM_EXIT] = "vmhwm",
	};

	return names[source];
}

struct mw_process *mw_process_create(pid_t pid, uint64_t start_ticks)
{
	struct mw_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pid = pid;
	process->start_ticks = start_ticks;
	process->statm_fd = -1;
	process->memory_tid = pid;
	process->pss_kib = -1;
	process->max_pss_kib = -1;
	process->tasks = 1;
	process->identity_stale = true;
	return process;
}

void mw_process_destroy(struct mw_process *process)
{
	if (!process)
		return;
	if (process->statm_fd >= 0)
		close(process->statm_fd);
	mw_vec_foreach (program, &process->exec_chain)
		free(*program);
	mw_vec_deinit(&process->exec_chain);
	mw_series_deinit(&process->series);
	mw_series_deinit(&process->anon_series);
	free(process->argv);
	free(process->exe);
	free(process);
}

void mw_process_note_peak(struct mw_process *process, uint64_t rss_kib, enum mw_hwm_source source,
			  uint64_t now_ns)
{
	if (rss_kib > process->max_rss_kib) {
		process->max_rss_kib = rss_kib;
		process->peak_ns = now_ns;
	}
	if (source > process->source)
		process->source = source;
}

void mw_process_tell_parent(const struct mw_process *process)
{
	struct mw_process *parent = process->parent;
	uint64_t kib = mw_max(process->max_rss_kib, process->rusage_kib);

	if (!parent)
		return;
	parent->children_kib = mw_max(parent->children_kib, kib);
	parent->has_vague_child |= process->ended && !mw_process_is_exact(process);
}

/** Sets the last program of the chain; the path is better than the name it may have begun as. */
static void name_program(struct mw_process *process, const char *program)
{
	char **last;
	char *copy;

	if (!process->exec_chain.count)
		return;
	last = &process->exec_chain.items[process->exec_chain.count - 1];
	copy = strdup(program);
	if (!copy)
		return;
	free(*last);
	*last = copy;
}

bool mw_process_identify(struct mw_process *process)
{
	struct mw_task_stat stat;
	size_t argv_size = 0;
	char *argv;
	char *exe;

	if (!mw_task_stat_read(process->pid, &stat) || stat.start_ticks != process->start_ticks)
		return false;
	snprintf(process->name, sizeof(process->name), "%.15s", stat.name);
	argv = mw_task_argv_read(process->pid, &argv_size);
	exe = mw_task_exe_read(process->pid);
	if (argv) {
		free(process->argv);
		process->argv = argv;
		process->argv_size = argv_size;
	}
	if (exe) {
		free(process->exe);
		process->exe = exe;
		name_program(process, exe);
	}
	process->identity_stale = !exe;
	return exe != NULL;
}

bool mw_process_exec(struct mw_process *process, const char *name, uint64_t now_ns)
{
	char *program = strdup(name ? name : "?");

	if (!program)
		return false;
	if (!process->execed && !process->attached) {
		process->copy_peak_kib = process->max_rss_kib;
		process->max_rss_kib = 0;
		process->peak_ns = now_ns;
	}
	if (process->source > MW_HWM_STATUS)
		process->source = MW_HWM_STATUS;
	process->execed = true;
	process->borrowed_first |= process->owner == MW_MEMORY_BORROWED;
	process->owner = MW_MEMORY_OWN;
	process->exec_ns = now_ns;
	process->identity_stale = true;
	if (name)
		snprintf(process->name, sizeof(process->name), "%s", name);
	free(process->argv);
	free(process->exe);
	process->argv = process->exe = NULL;
	process->argv_size = 0;
	if (process->exec_chain.count >= EXEC_CHAIN_LIMIT) {
		free(process->exec_chain.items[0]);
		mw_vec_remove(&process->exec_chain, 0);
	}
	if (mw_vec_push(&process->exec_chain, program))
		return true;
	free(program);
	return false;
}

void mw_process_command(const struct mw_process *process, char *ret, size_t size)
{
	size_t length = mw_min(process->argv_size, size);

	if (!process->argv_size) {
		snprintf(ret, size, "%s", process->name);
		return;
	}
	memcpy(ret, process->argv, length);
	ret[length - 1] = '\0';
	for (size_t i = 0; i + 1 < length; i++)
		if (!ret[i])
			ret[i] = ' ';
}

bool mw_process_is_exact(const struct mw_process *process)
{
	return mw_hwm_source_is_exact(process->source);
}
