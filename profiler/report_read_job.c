// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/intmap.h"
#include "profiler/report_read_format.h"

#define NEWEST_SCHEMA 1

/** Sizes, times and counts that are neither negative nor beyond everything that exists. */
static double amount_or_nan(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	double amount = json_is_number(value) ? json_number_value(value) : NAN;

	return amount >= 0 && amount <= MW_SAVED_AMOUNT_MAX ? amount : NAN;
}

static const char *string_or_null(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/** Seconds since the epoch of an RFC 3339 time in UTC; NAN when it isn't one. */
static double parse_time(const char *text)
{
	struct tm parts = {0};
	char *fraction, *end;
	double rest = 0;

	fraction = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	if (!fraction)
		return NAN;
	if (*fraction == '.')
		rest = strtod(fraction, &end);
	return (double)timegm(&parts) + rest;
}

static double seconds_after(const json_t *object, const char *key, const char *time_key,
			    double start)
{
	const json_t *value = json_object_get(object, key);

	// Negative for what was there before the job was attached to.
	if (value)
		return json_is_number(value)
			       ? fmax(-MW_SAVED_AMOUNT_MAX,
				      fmin(json_number_value(value), MW_SAVED_AMOUNT_MAX))
			       : NAN;
	return parse_time(string_or_null(object, time_key)) - start;
}

static struct mw_error *join_command(struct mw_saved_report *report)
{
	const json_t *words = json_object_get(report->json, "command"), *word;
	mw_auto_free char *line = NULL;
	size_t size, index;
	FILE *stream = open_memstream(&line, &size);

	if (!stream)
		return mw_err_nomem;
	json_array_foreach(words, index, word)
	{
		const char *text = json_string_value(word);

		fprintf(stream, "%s%s", index ? " " : "", text ? text : "");
	}
	fclose(stream);
	report->command = mw_saved_keep(report, line, size);
	return report->command ? NULL : mw_err_nomem;
}

static struct mw_error *name_process(struct mw_saved_report *report,
				     struct mw_saved_process *process)
{
	const char *program;
	size_t size;

	process->name = string_or_null(process->json, "name");
	if (process->name)
		return NULL;
	program = mw_saved_program(process->command, &size);
	process->name = mw_saved_keep(report, program, size);
	return process->name ? NULL : mw_err_nomem;
}

static struct mw_error *read_process(struct mw_saved_report *report, const json_t *json,
				     double start)
{
	struct mw_saved_process process = {
		.pid = json_integer_value(json_object_get(json, "pid")),
		.parent = MW_SAVED_NO_PARENT,
		.command = string_or_null(json, "command"),
		.exe = string_or_null(json, "exe"),
		.start = seconds_after(json, "start_seconds", "first_seen", start),
		.end = seconds_after(json, "end_seconds", "last_seen", start),
		.rss_kib = amount_or_nan(json, "max_rss_kib"),
		.exact = json_is_true(json_object_get(json, "exact")),
		.json = json,
	};
	struct mw_error *err;

	if (!process.command || isnan(process.rss_kib))
		return mw_error_create(MW_ERROR_OTHER,
				       "%s is not a report of memwatch run: process %zu has no "
				       "command or max_rss_kib",
				       report->path, report->processes.count);
	err = name_process(report, &process);
	if (err)
		return err;
	return mw_vec_push(&report->processes, process) ? NULL : mw_err_nomem;
}

static const json_t *find_key(const json_t *keys, const json_t *key)
{
	const char *text = json_string_value(key);

	return text ? json_object_get(keys, text) : NULL;
}

/** Maps each process's key to its index. */
static json_t *index_keys(const struct mw_saved_report *report)
{
	json_t *keys = json_object();

	for (size_t i = 0; i < report->processes.count; i++) {
		const char *key = string_or_null(report->processes.items[i].json, "key");

		if (key)
			json_object_set_new(keys, key, json_integer((json_int_t)i));
	}
	return keys;
}

static void link_by_key(struct mw_saved_report *report, const json_t *keys)
{
	mw_vec_foreach (process, &report->processes) {
		const json_t *parent = find_key(keys, json_object_get(process->json, "parent_key"));

		if (parent)
			process->parent = (size_t)json_integer_value(parent);
	}
}

// memwatch 0.1 knows processes by pid only.
static struct mw_error *link_by_pid(struct mw_saved_report *report)
{
	struct mw_intmap pids = {0};
	struct mw_error *err = NULL;

	mw_vec_foreach (process, &report->processes) {
		if (!err && process->pid > 0)
			err = mw_intmap_set(&pids, (uint64_t)process->pid, process);
	}
	mw_vec_foreach (process, &report->processes) {
		json_int_t ppid = json_integer_value(json_object_get(process->json, "ppid"));
		struct mw_saved_process *parent =
			ppid > 0 ? mw_intmap_get(&pids, (uint64_t)ppid) : NULL;

		if (parent && parent != process)
			process->parent = (size_t)(parent - report->processes.items);
	}
	mw_intmap_deinit(&pids);
	return err;
}

static void attach_series(struct mw_saved_report *report, const json_t *keys)
{
	const json_t *series = json_object_get(report->json, "series"), *one;
	size_t index;

	json_array_foreach(series, index, one)
	{
		const json_t *found = find_key(keys, json_object_get(one, "key"));
		const json_t *points = json_object_get(one, "points");

		if (found && json_is_array(points))
			report->processes.items[json_integer_value(found)].points = points;
	}
}

static struct mw_error *read_processes(struct mw_saved_report *report)
{
	const json_t *processes = json_object_get(report->json, "processes"), *process;
	double start = parse_time(string_or_null(report->json, "start_time"));
	struct mw_error *err = NULL;
	json_t *keys;
	size_t index;

	json_array_foreach(processes, index, process)
	{
		err = read_process(report, process, start);
		if (err)
			return err;
	}
	keys = index_keys(report);
	if (json_object_size(keys))
		link_by_key(report, keys);
	else
		err = link_by_pid(report);
	attach_series(report, keys);
	json_decref(keys);
	return err;
}

static struct mw_error *read_groups(struct mw_saved_report *report)
{
	const json_t *groups = json_object_get(report->json, "groups"), *group;
	size_t index;

	report->group_by = string_or_null(report->json, "group_by");
	json_array_foreach(groups, index, group)
	{
		const char *name = string_or_null(group, "name");
		double sum = amount_or_nan(group, "peak_total_rss_kib");
		double largest = amount_or_nan(group, "max_rss_kib");

		if (!name)
			continue;
		if (!mw_vec_push(&report->groups,
				 (struct mw_saved_group){
					 .name = name,
					 .kib = fmax(sum, largest),
					 .processes = amount_or_nan(group, "processes"),
				 }))
			return mw_err_nomem;
	}
	return NULL;
}

static void read_metrics(struct mw_saved_report *report)
{
	const json_t *peak = json_object_get(report->json, "peak");
	const json_t *completeness = json_object_get(report->json, "completeness");
	double *metrics = report->metrics, counted = amount_or_nan(completeness, "processes");

	metrics[MW_METRIC_RSS] = amount_or_nan(report->json, "max_total_rss_kib");
	metrics[MW_METRIC_PSS] = amount_or_nan(report->json, "max_total_pss_kib");
	metrics[MW_METRIC_CGROUP] = amount_or_nan(peak, "cgroup_kib");
	metrics[MW_METRIC_SWAP] = amount_or_nan(peak, "swap_kib");
	metrics[MW_METRIC_DURATION] = amount_or_nan(report->json, "duration_seconds");
	metrics[MW_METRIC_PROCESSES] = isnan(counted) ? (double)report->processes.count : counted;
	mw_vec_foreach (process, &report->processes)
		metrics[MW_METRIC_PROCESS] = fmax(metrics[MW_METRIC_PROCESS], process->rss_kib);
}

static struct mw_error *check_schema(const char *path, const json_t *root)
{
	json_int_t version = json_integer_value(json_object_get(root, "schema_version"));

	if (version > NEWEST_SCHEMA)
		return mw_error_create(MW_ERROR_OTHER,
				       "%s has schema version %lld, this memwatch reads up to %d: "
				       "use the memwatch that wrote it",
				       path, (long long)version, NEWEST_SCHEMA);
	return NULL;
}

static struct mw_error *fill_report(struct mw_saved_report *report)
{
	struct mw_error *err;

	err = join_command(report);
	if (!err)
		err = read_processes(report);
	if (!err)
		err = read_groups(report);
	if (!err)
		read_metrics(report);
	return err;
}

static struct mw_error *read_run(const char *path, json_t *root, struct mw_saved_list *list)
{
	bool seed = !json_object_get(root, "schema_version");
	struct mw_saved_report *report;
	struct mw_error *err;

	err = mw_saved_create(path, seed ? "memwatch 0.1" : "memwatch", &report);
	if (err)
		return err;
	report->json = json_incref(root);
	err = fill_report(report);
	if (err) {
		mw_saved_destroy(report);
		return err;
	}
	return mw_saved_list_add(list, report);
}

struct mw_error *mw_saved_read_job(const char *path, json_t *root, struct mw_saved_list *list)
{
	json_t *runs = json_object_get(root, "runs"), *run;
	struct mw_error *err = check_schema(path, root);
	size_t index;

	if (err || !json_array_size(runs))
		return err ? err : read_run(path, root, list);
	json_array_foreach(runs, index, run)
	{
		err = read_run(path, run, list);
		if (err)
			return mw_error_prefix(err, "run %zu", index + 1);
	}
	return NULL;
}
