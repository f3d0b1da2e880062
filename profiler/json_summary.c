// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "profiler/json_values.h"

json_t *mw_json_argv(const struct mw_report *report)
{
	json_t *array = json_array();

	for (char *const *word = report->argv; *word; word++)
		json_array_append_new(array, mw_json_text(*word));
	return array;
}

json_t *mw_json_child_exit(const struct mw_report *report)
{
	int code;
	int signal;
	bool known = mw_report_exit(report, &code, &signal);

	return json_pack("{s:o, s:o}", "code", mw_json_optional_size(known && !signal ? code : -1),
			 "signal", mw_json_optional_size(known && signal ? signal : -1));
}

json_t *mw_json_completeness(const struct mw_report *report)
{
	const struct mw_completeness *completeness = &report->completeness;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s}", "processes",
			 (json_int_t)completeness->processes, "exact",
			 (json_int_t)completeness->exact, "sampled",
			 (json_int_t)completeness->sampled, "counted_only",
			 (json_int_t)completeness->counted_only, "events_lost",
			 (json_int_t)completeness->events_lost, "line", completeness->line);
}

json_t *mw_json_filter(const struct mw_report *report)
{
	const struct mw_job_settings *settings = report->job->settings;
	json_t *object = json_object();

	if (settings->include_text)
		json_object_set_new(object, "include_pattern",
				    mw_json_text(settings->include_text));
	if (settings->exclude_text)
		json_object_set_new(object, "exclude_pattern",
				    mw_json_text(settings->exclude_text));
	return object;
}

json_t *mw_json_groups(const struct mw_report *report)
{
	json_t *array = json_array();

	mw_vec_foreach (item, &report->job->groups.items) {
		const struct mw_group *group = *item;

		if (!group->processes)
			continue;
		json_array_append_new(
			array, json_pack("{s:o, s:I, s:I, s:I}", "name", mw_json_text(group->name),
					 "processes", (json_int_t)group->processes, "max_rss_kib",
					 (json_int_t)group->max_process_kib, "peak_total_rss_kib",
					 (json_int_t)group->peak_rss_kib));
	}
	return array;
}

json_t *mw_json_host(void)
{
	struct utsname name;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "hostname", mw_json_text(name.nodename),
			 "kernel", mw_json_text(name.release), "machine",
			 mw_json_text(name.machine), "cpus",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory_kib",
			 (json_int_t)mw_machine_memory_kib(), "page_size",
			 (json_int_t)sysconf(_SC_PAGESIZE));
}

json_t *mw_json_leaks(const struct mw_report *report)
{
	json_t *array = json_array();

	mw_vec_foreach (leak, &report->leaks) {
		json_t *object = json_pack("{s:o, s:i, s:o, s:I, s:o, s:o}", "key",
					   mw_json_key(leak->process), "pid", leak->process->pid,
					   "command", mw_json_command(leak->process), "growth_kib",
					   (json_int_t)leak->growth_kib, "duration_seconds",
					   mw_json_seconds(leak->duration_seconds),
					   "growth_percent", mw_json_seconds(leak->growth_percent));

		json_object_set_new(object, "slope_mib_per_hour",
				    mw_json_seconds(leak->slope_kib_per_second * 3600 / 1024));
		json_object_set_new(object, "seconds_to_limit",
				    mw_json_optional_seconds(leak->seconds_to_limit >= 0,
							     leak->seconds_to_limit));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *mw_json_left_running(const struct mw_report *report)
{
	json_t *array = json_array();

	if (report->job->complete)
		mw_vec_foreach (process, &report->job->live)
			json_array_append_new(array, mw_json_key(*process));
	return array;
}

json_t *mw_json_limits(const struct mw_report *report)
{
	const struct mw_job *job = report->job;
	const struct mw_limit_settings *settings = &job->settings->limits;
	json_t *array = json_array();

	for (int kind = 0; kind < MW_LIMIT_KINDS; kind++) {
		const struct mw_limit_state *state = &job->limits.states[kind];
		const struct mw_process *culprit = state->culprit;
		json_t *object;

		if (!settings->kib[kind])
			continue;
		object = json_pack("{s:s, s:I, s:b, s:s}", "name", mw_limit_kind_name(kind),
				   "limit_kib", (json_int_t)settings->kib[kind], "exceeded",
				   state->exceeded, "action",
				   mw_limit_action_name(settings->action));
		json_object_set_new(
			object, "value_kib",
			mw_json_optional_size(state->exceeded ? (int64_t)state->value_kib : -1));
		json_object_set_new(
			object, "elapsed_seconds",
			mw_json_optional_seconds(state->exceeded, mw_job_seconds(job, state->ns)));
		json_object_set_new(object, "pid",
				    mw_json_optional_size(culprit ? culprit->pid : -1));
		json_object_set_new(object, "key", mw_json_key(culprit));
		json_object_set_new(object, "command",
				    culprit ? mw_json_command(culprit) : json_null());
		json_array_append_new(array, object);
	}
	return array;
}

json_t *mw_json_notes(const struct mw_report *report)
{
	json_t *array = json_array();

	mw_vec_foreach (note, &report->job->notes)
		json_array_append_new(array, mw_json_text(*note));
	return array;
}

json_t *mw_json_oom(const struct mw_report *report)
{
	const struct mw_job *job = report->job;

	if (!job->has_oom)
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:s}", "pid", job->oom.pid, "command",
			 job->oom.name[0] ? mw_json_text(job->oom.name) : json_null(), "rss_kib",
			 mw_json_optional_size(job->oom.rss_kib ? (int64_t)job->oom.rss_kib : -1),
			 "source", job->oom.from_kmsg ? "kmsg" : "cgroup");
}

static int by_size(const void *a, const void *b)
{
	const struct mw_holder *left = a;
	const struct mw_holder *right = b;

	return left->rss_kib < right->rss_kib ? 1 : left->rss_kib > right->rss_kib ? -1 : 0;
}

static json_t *holders(const struct mw_job *job)
{
	json_t *array = json_array();

	if (job->totals.at_peak.count)
		qsort(job->totals.at_peak.items, job->totals.at_peak.count,
		      sizeof(*job->totals.at_peak.items), by_size);
	mw_vec_foreach (holder, &job->totals.at_peak)
		json_array_append_new(
			array, json_pack("{s:o, s:i, s:I, s:o, s:I, s:o}", "key",
					 mw_json_key(holder->process), "pid", holder->process->pid,
					 "start_ticks", (json_int_t)holder->process->start_ticks,
					 "command", mw_json_command(holder->process), "rss_kib",
					 (json_int_t)holder->rss_kib, "pss_kib",
					 mw_json_optional_size(holder->pss_kib)));
	return array;
}

json_t *mw_json_peak(const struct mw_report *report)
{
	const struct mw_job *job = report->job;
	const struct mw_totals *totals = &job->totals;
	double elapsed = totals->max_rss_ns ? mw_job_seconds(job, totals->max_rss_ns) : 0;

	return json_pack("{s:I, s:o, s:o, s:I, s:o, s:I, s:o, s:o}", "total_rss_kib",
			 (json_int_t)report->max_total_rss_kib, "total_pss_kib",
			 mw_json_optional_size(totals->max_pss_kib), "cgroup_kib",
			 mw_json_optional_size(job->cgroup_peak_kib), "swap_kib",
			 (json_int_t)totals->max_swap_kib, "elapsed_seconds",
			 mw_json_seconds(elapsed), "bound_low_kib",
			 (json_int_t)report->bound_low_kib, "bound_high_kib",
			 mw_json_optional_size(report->bound_high_kib), "processes", holders(job));
}

static json_t *spread_object(double *values, size_t count)
{
	struct mw_spread spread = mw_spread_of(values, count);

	return json_pack("{s:o, s:o, s:o, s:o}", "median", mw_json_seconds(spread.median), "min",
			 mw_json_seconds(spread.min), "max", mw_json_seconds(spread.max), "mad",
			 mw_json_seconds(spread.mad));
}

static double duration_of(const struct mw_report *report)
{
	return mw_job_seconds(report->job, report->job->end_ns);
}

static double total_rss_of(const struct mw_report *report)
{
	return (double)report->max_total_rss_kib;
}

static double total_pss_of(const struct mw_report *report)
{
	return (double)report->job->totals.max_pss_kib;
}

static double cgroup_of(const struct mw_report *report)
{
	return (double)report->job->cgroup_peak_kib;
}

static double largest_of(const struct mw_report *report)
{
	return report->processes.count ? (double)report->processes.items[0]->max_rss_kib : 0;
}

json_t *mw_json_runs_summary(struct mw_report *const *reports, size_t count)
{
	static const struct {
		const char *key;
		double (*value)(const struct mw_report *report);
	} numbers[] = {
		{"duration_seconds", duration_of},   {"max_total_rss_kib", total_rss_of},
		{"max_total_pss_kib", total_pss_of}, {"cgroup_kib", cgroup_of},
		{"largest_process_kib", largest_of},
	};
	json_t *object = json_pack("{s:I}", "count", (json_int_t)count);
	double *values = calloc(count, sizeof(*values));

	for (size_t i = 0; values && i < mw_array_size(numbers); i++) {
		bool known = true;

		for (size_t run = 0; run < count; run++) {
			values[run] = numbers[i].value(reports[run]);
			known &= values[run] >= 0;
		}
		json_object_set_new(object, numbers[i].key,
				    known ? spread_object(values, count) : json_null());
	}
	free(values);
	return object;
}
