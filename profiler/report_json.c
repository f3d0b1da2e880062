// SPDX-License-Identifier: MIT
/** The JSON report: version 0.1's keys and more, pretty, in alphabetical order. One process at a
 * time goes through jansson, so that a report of 100,000 processes needs no memory of its own. */
#include <jansson.h>
#include <math.h>

#include "profiler/json_values.h"

#define SCHEMA_VERSION 1

struct writer {
	FILE *file;
	const struct mw_json_parts *parts;
	/** Of the value being written. */
	int depth;
	/** Several runs, while the top level is written. */
	struct mw_report *const *runs;
	size_t run_count;
};

static void write_report(struct writer *writer, const struct mw_report *report);

static int write_indented(const char *bytes, size_t size_, void *arg)
{
	const struct writer *writer = arg;

	/* Strings hold no raw newline in JSON, so each one here is layout. */
	for (size_t i = 0; i < size_; i++) {
		fputc(bytes[i], writer->file);
		if (bytes[i] == '\n')
			fprintf(writer->file, "%*s", writer->depth * 2, "");
	}
	return 0;
}

static void write_value(struct writer *writer, json_t *value)
{
	json_dump_callback(value, write_indented, writer,
			   JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY |
				   JSON_REAL_PRECISION(15));
	json_decref(value);
}

/** Writes "[", one element after the other, "]". */
static void write_array(struct writer *writer, size_t count,
			json_t *(*element)(const void *, size_t), const void *arg)
{
	bool any = false;

	fputc('[', writer->file);
	writer->depth++;
	for (size_t i = 0; i < count; i++) {
		json_t *value = element(arg, i);

		if (!value)
			continue;
		fprintf(writer->file, "%s\n%*s", any ? "," : "", writer->depth * 2, "");
		write_value(writer, value);
		any = true;
	}
	writer->depth--;
	if (any)
		fprintf(writer->file, "\n%*s", writer->depth * 2, "");
	fputc(']', writer->file);
}

static json_t *process_element(const void *arg, size_t index)
{
	const struct mw_report *report = arg;

	return mw_json_process(report->job, report->processes.items[index]);
}

static void write_processes(struct writer *writer, const struct mw_report *report)
{
	write_array(writer, report->processes.count, process_element, report);
}

/** The sum of PSS taken with this point's samples, or -1. Both series are in order of time. */
static int64_t pss_at(const struct mw_job *job, uint64_t from_ns, uint64_t to_ns)
{
	const struct mw_series *pss = &job->totals.pss_timeline;
	size_t low = 0;
	size_t high = pss->points.count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (pss->points.items[middle].ns < from_ns)
			low = middle + 1;
		else
			high = middle;
	}
	if (low >= pss->points.count || pss->points.items[low].ns >= to_ns)
		return -1;
	return (int64_t)pss->points.items[low].max;
}

static json_t *timeline_element(const void *arg, size_t index)
{
	const struct mw_job *job = ((const struct mw_report *)arg)->job;
	const struct mw_series *timeline = &job->totals.timeline;
	const struct mw_point *point = &timeline->points.items[index];
	uint64_t next_ns = index + 1 < timeline->points.count ? point[1].ns : UINT64_MAX;
	json_t *object = json_object();

	json_object_set_new(object, "elapsed_seconds",
			    mw_json_seconds(mw_job_seconds(job, point->ns)));
	json_object_set_new(object, "timestamp", mw_json_time(job, point->ns));
	json_object_set_new(object, "process_count", mw_json_size(point->extra));
	json_object_set_new(object, "total_rss_kib", mw_json_size(point->max));
	json_object_set_new(object, "min_total_rss_kib", mw_json_size(point->min));
	json_object_set_new(object, "total_pss_kib",
			    mw_json_optional_size(pss_at(job, point->ns, next_ns)));
	return object;
}

static void write_timeline(struct writer *writer, const struct mw_report *report)
{
	write_array(writer, report->job->totals.timeline.points.count, timeline_element, report);
}

static json_t *series_element(const void *arg, size_t index)
{
	const struct mw_report *report = arg;
	const struct mw_process *process = report->processes.items[index];
	json_t *object;
	json_t *points;

	if (!process->series.points.count)
		return NULL;
	object = json_object();
	points = json_array();
	for (size_t i = 0; i < process->series.points.count; i++) {
		const struct mw_point *point = &process->series.points.items[i];

		json_array_append_new(
			points,
			json_pack("[o, I]", mw_json_seconds(mw_job_seconds(report->job, point->ns)),
				  (json_int_t)point->max));
	}
	json_object_set_new(object, "key", mw_json_key(process));
	json_object_set_new(object, "points", points);
	return object;
}

static void write_series(struct writer *writer, const struct mw_report *report)
{
	write_array(writer, report->processes.count, series_element, report);
}

static bool wants_timeline(const struct writer *writer)
{
	return writer->parts->timeline;
}

static bool wants_series(const struct writer *writer)
{
	return writer->parts->series;
}

static bool wants_runs(const struct writer *writer)
{
	return writer->run_count > 0;
}

static void write_runs(struct writer *writer, const struct mw_report *report)
{
	struct writer inner = {
		.file = writer->file, .parts = writer->parts, .depth = writer->depth + 1};

	(void)report;
	fputc('[', writer->file);
	for (size_t i = 0; i < writer->run_count; i++) {
		fprintf(writer->file, "%s\n%*s", i ? "," : "", inner.depth * 2, "");
		write_report(&inner, writer->runs[i]);
	}
	fprintf(writer->file, "\n%*s]", writer->depth * 2, "");
}

static void write_runs_summary(struct writer *writer, const struct mw_report *report)
{
	(void)report;
	write_value(writer, mw_json_runs_summary(writer->runs, writer->run_count));
}

static json_t *duration(const struct mw_report *report)
{
	double value = mw_job_seconds(report->job, report->job->end_ns);

	return json_real(round(value * 1000) / 1000);
}

static json_t *start_time(const struct mw_report *report)
{
	return mw_json_time(report->job, report->job->start_ns);
}

static json_t *end_time(const struct mw_report *report)
{
	return mw_json_time(report->job, report->job->end_ns);
}

/** Absent when a signal killed the command: a reader of version 0.1 knows it so. */
static json_t *exit_code(const struct mw_report *report)
{
	int code;
	int signal;

	return mw_report_exit(report, &code, &signal) && !signal ? json_integer(code) : NULL;
}

static bool has_filter(const struct mw_report *report)
{
	return report->job->settings->include || report->job->settings->exclude;
}

static json_t *filter(const struct mw_report *report)
{
	return has_filter(report) ? mw_json_filter(report) : NULL;
}

static json_t *filtered_count(const struct mw_report *report)
{
	return has_filter(report) ? mw_json_size(report->filtered_count) : NULL;
}

static json_t *filtered_kib(const struct mw_report *report)
{
	return has_filter(report) ? mw_json_size(report->filtered_kib) : NULL;
}

static json_t *complete(const struct mw_report *report)
{
	return json_boolean(report->job->complete);
}

static json_t *group_by(const struct mw_report *report)
{
	return json_string(mw_group_by_name(report->job->settings->group_by));
}

static json_t *host(const struct mw_report *report)
{
	(void)report;
	return mw_json_host();
}

static json_t *interval(const struct mw_report *report)
{
	return mw_json_size(report->job->settings->interval_ms);
}

static json_t *max_total_pss(const struct mw_report *report)
{
	return mw_json_optional_size(report->job->totals.max_pss_kib);
}

static json_t *max_total_rss(const struct mw_report *report)
{
	return mw_json_size(report->max_total_rss_kib);
}

static json_t *own_cpu(const struct mw_report *report)
{
	return mw_json_seconds((double)report->job->own_cpu_ns / 1e9);
}

static json_t *version(const struct mw_report *report)
{
	return mw_json_text(report->job->settings->version);
}

static json_t *schema_version(const struct mw_report *report)
{
	(void)report;
	return json_integer(SCHEMA_VERSION);
}

static json_t *samples(const struct mw_report *report)
{
	return mw_json_size(report->job->totals.samples);
}

static json_t *tracker(const struct mw_report *report)
{
	return json_string(report->job->tracker_name);
}

static json_t *verdict(const struct mw_report *report)
{
	return json_string(mw_job_verdict_name(report->verdict));
}

/** The keys of a report, in the order they are written: alphabetical. */
static const struct {
	const char *key;
	/** NULL for arrays written piece by piece. @return NULL to leave the key out. */
	json_t *(*value)(const struct mw_report *report);
	void (*write)(struct writer *writer, const struct mw_report *report);
	/** The part that must be asked for, or NULL. */
	bool (*wanted)(const struct writer *writer);
} keys[] = {
	{"child_exit", mw_json_child_exit, NULL, NULL},
	{"command", mw_json_argv, NULL, NULL},
	{"complete", complete, NULL, NULL},
	{"completeness", mw_json_completeness, NULL, NULL},
	{"duration_seconds", duration, NULL, NULL},
	{"end_time", end_time, NULL, NULL},
	{"exit_code", exit_code, NULL, NULL},
	{"filter", filter, NULL, NULL},
	{"filtered_process_count", filtered_count, NULL, NULL},
	{"filtered_total_rss_kib", filtered_kib, NULL, NULL},
	{"group_by", group_by, NULL, NULL},
	{"groups", mw_json_groups, NULL, NULL},
	{"host", host, NULL, NULL},
	{"interval_ms", interval, NULL, NULL},
	{"leaks", mw_json_leaks, NULL, NULL},
	{"left_running", mw_json_left_running, NULL, NULL},
	{"limits", mw_json_limits, NULL, NULL},
	{"max_total_pss_kib", max_total_pss, NULL, NULL},
	{"max_total_rss_kib", max_total_rss, NULL, NULL},
	{"memwatch_version", version, NULL, NULL},
	{"oom", mw_json_oom, NULL, NULL},
	{"own_cpu_seconds", own_cpu, NULL, NULL},
	{"peak", mw_json_peak, NULL, NULL},
	{"processes", NULL, write_processes, NULL},
	{"runs", NULL, write_runs, wants_runs},
	{"runs_summary", NULL, write_runs_summary, wants_runs},
	{"samples", samples, NULL, NULL},
	{"schema_version", schema_version, NULL, NULL},
	{"series", NULL, write_series, wants_series},
	{"start_time", start_time, NULL, NULL},
	{"timeline", NULL, write_timeline, wants_timeline},
	{"tracker", tracker, NULL, NULL},
	{"tracker_notes", mw_json_notes, NULL, NULL},
	{"verdict", verdict, NULL, NULL},
};

static bool write_key(struct writer *writer, const struct mw_report *report, size_t index,
		      const char *separator)
{
	json_t *value = NULL;

	if (keys[index].wanted && !keys[index].wanted(writer))
		return false;
	if (keys[index].value) {
		value = keys[index].value(report);
		if (!value)
			return false;
	}
	fprintf(writer->file, "%s\n%*s\"%s\": ", separator, writer->depth * 2, "", keys[index].key);
	if (value)
		write_value(writer, value);
	else
		keys[index].write(writer, report);
	return true;
}

static void write_report(struct writer *writer, const struct mw_report *report)
{
	bool any = false;

	fputc('{', writer->file);
	writer->depth++;
	for (size_t i = 0; i < mw_array_size(keys); i++)
		any |= write_key(writer, report, i, any ? "," : "");
	writer->depth--;
	fprintf(writer->file, "\n%*s}", writer->depth * 2, "");
}

void mw_report_write_json(struct mw_report *const *reports, size_t count,
			  const struct mw_json_parts *parts, FILE *file)
{
	struct writer writer = {.file = file, .parts = parts};

	if (count > 1) {
		writer.runs = reports;
		writer.run_count = count;
	}
	write_report(&writer, reports[mw_median_run(reports, count)]);
	fputc('\n', file);
}
