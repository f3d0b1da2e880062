// SPDX-License-Identifier: MIT
#include <string.h>
#include <sys/wait.h>

#include "profiler/json_values.h"

static json_t *exit_part(const struct mw_process *process, bool want_signal)
{
	bool signaled = process->has_wait_status && WIFSIGNALED(process->wait_status);

	if (!process->has_wait_status || signaled != want_signal)
		return json_null();
	return json_integer(signaled ? WTERMSIG(process->wait_status)
				     : WEXITSTATUS(process->wait_status));
}

static json_t *argv_of(const struct mw_process *process)
{
	json_t *array = json_array();

	for (size_t at = 0; at < process->argv_size; at += strlen(process->argv + at) + 1)
		json_array_append_new(array, mw_json_text(process->argv + at));
	return array;
}

static json_t *chain_of(const struct mw_process *process)
{
	json_t *array = json_array();

	mw_vec_foreach (program, &process->exec_chain)
		json_array_append_new(array, mw_json_text(*program));
	return array;
}

/** A part of the memory: null when no sample looked that closely. */
static json_t *detail(const struct mw_process *process, uint64_t kib)
{
	return mw_json_optional_size(process->has_detail ? (int64_t)kib : -1);
}

static void add_memory(json_t *object, const struct mw_process *process)
{
	json_object_set_new(object, "anon_kib", detail(process, process->anon_kib));
	json_object_set_new(object, "file_kib", detail(process, process->file_kib));
	json_object_set_new(object, "shmem_kib", detail(process, process->shmem_kib));
	json_object_set_new(object, "swap_kib", detail(process, process->max_swap_kib));
	json_object_set_new(object, "pss_peak_kib", mw_json_optional_size(process->max_pss_kib));
	json_object_set_new(object, "max_rss_kib", mw_json_size(process->max_rss_kib));
	json_object_set_new(object, "hwm_source", json_string(mw_hwm_source_name(process->source)));
	json_object_set_new(object, "exact", json_boolean(mw_process_is_exact(process)));
	json_object_set_new(object, "samples", mw_json_size(process->samples));
}

static void add_identity(json_t *object, const struct mw_process *process)
{
	json_object_set_new(object, "key", mw_json_key(process));
	json_object_set_new(object, "parent_key", mw_json_key(process->parent));
	json_object_set_new(object, "pid", json_integer(process->pid));
	json_object_set_new(object, "ppid", json_integer(process->ppid));
	json_object_set_new(object, "start_ticks", mw_json_size(process->start_ticks));
	json_object_set_new(object, "command", mw_json_command(process));
	json_object_set_new(object, "name", mw_json_text(process->name));
	json_object_set_new(object, "exe", mw_json_optional_text(process->exe));
	json_object_set_new(object, "argv", argv_of(process));
	json_object_set_new(object, "exec_chain", chain_of(process));
}

static void add_life(json_t *object, const struct mw_job *job, const struct mw_process *process)
{
	json_object_set_new(object, "first_seen", mw_json_time(job, process->first_seen_ns));
	json_object_set_new(object, "last_seen", mw_json_time(job, process->last_seen_ns));
	json_object_set_new(object, "peak_time", mw_json_time(job, process->peak_ns));
	json_object_set_new(object, "start_seconds",
			    mw_json_seconds(mw_job_seconds(job, process->start_ns)));
	json_object_set_new(object, "end_seconds",
			    mw_json_optional_seconds(process->ended,
						     mw_job_seconds(job, process->last_seen_ns)));
	json_object_set_new(object, "exit_code", exit_part(process, false));
	json_object_set_new(object, "signal", exit_part(process, true));
	json_object_set_new(
		object, "utime_seconds",
		mw_json_optional_seconds(process->has_times, (double)process->utime_ns / 1e9));
	json_object_set_new(
		object, "stime_seconds",
		mw_json_optional_seconds(process->has_times, (double)process->stime_ns / 1e9));
	json_object_set_new(
		object, "io_read_bytes",
		mw_json_optional_size(process->has_io ? (int64_t)process->io_read_bytes : -1));
	json_object_set_new(
		object, "io_write_bytes",
		mw_json_optional_size(process->has_io ? (int64_t)process->io_write_bytes : -1));
}

json_t *mw_json_process(const struct mw_job *job, const struct mw_process *process)
{
	json_t *object = json_object();

	add_identity(object, process);
	add_life(object, job, process);
	add_memory(object, process);
	return object;
}
