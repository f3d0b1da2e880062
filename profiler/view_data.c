// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "profiler/view.h"
#include "profiler/view_escape.h"

/** Bytes of a string that reach the page. */
#define STRING_MAX 4096
/** Processes that reach the page; a report lists the largest first. */
#define PROCESSES_MAX 20000
/** Points of all processes together, and the bounds for one. */
#define POINTS_MAX 200000
#define POINTS_MIN_EACH 16
#define POINTS_MAX_EACH 400

/** What is passed on as it is. */
static const char *const passed_keys[] = {
	"child_exit",
	"complete",
	"completeness",
	"end_time",
	"filter",
	"groups",
	"host",
	"interval_ms",
	"leaks",
	"left_running",
	"limits",
	"oom",
	"peak",
	"runs_summary",
	"samples",
	"start_time",
	"tracker",
	"tracker_notes",
	"verdict",
	"memwatch_version",
	"own_cpu_seconds",
	"exit_code",
	"filtered_process_count",
	"filtered_total_rss_kib",
};

/** Numbers of a process that are passed on, null where they aren't known. */
static const char *const process_numbers[] = {
	"exit_code",     "signal",        "pss_peak_kib",   "swap_kib",
	"anon_kib",      "file_kib",      "shmem_kib",      "utime_seconds",
	"stime_seconds", "io_read_bytes", "io_write_bytes",
};

/** A string of the file, cut between two characters when it is long. */
static json_t *cut_string(const char *text)
{
	size_t size = strlen(text), kept = STRING_MAX;

	if (size <= STRING_MAX)
		return mw_escape_to_json(text);
	while (kept && (text[kept] & 0xc0) == 0x80)
		kept--;
	return json_sprintf("%.*s… (%zu more bytes)", (int)kept, text, size - kept);
}

static json_t *string_or_null(const char *text)
{
	return text ? cut_string(text) : json_null();
}

static json_t *copy_cut(const json_t *value);

static json_t *copy_object(const json_t *value)
{
	json_t *copy = json_object(), *item;
	const char *key;

	json_object_foreach((json_t *)value, key, item)
		json_object_set_new(copy, key, copy_cut(item));
	return copy;
}

static json_t *copy_array(const json_t *value)
{
	json_t *copy = json_array(), *item;
	size_t index;

	json_array_foreach(value, index, item) json_array_append_new(copy, copy_cut(item));
	return copy;
}

/** A copy with every string cut. The parser has bounded the depth. */
static json_t *copy_cut(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return copy_object(value);
	case JSON_ARRAY:
		return copy_array(value);
	case JSON_STRING:
		return cut_string(json_string_value(value));
	default:
		return json_deep_copy(value);
	}
}

static json_t *seconds_to_json(double seconds)
{
	if (isnan(seconds) || fabs(seconds) > MW_SAVED_AMOUNT_MAX)
		return json_null();
	return json_real(round(seconds * 1000) / 1000);
}

static json_t *kib_to_json(double kib)
{
	// Sums over many processes may be above the largest single amount.
	if (isnan(kib) || fabs(kib) > MW_SAVED_AMOUNT_MAX * PROCESSES_MAX)
		return json_null();
	return json_integer((json_int_t)round(kib));
}

static json_t *metric_to_json(const struct mw_saved_report *report, enum mw_metric metric)
{
	return mw_metrics[metric].unit == MW_UNIT_SECONDS ? seconds_to_json(report->metrics[metric])
							  : kib_to_json(report->metrics[metric]);
}

static json_t *metrics_to_json(const struct mw_saved_report *report)
{
	json_t *metrics = json_object();

	for (size_t i = 0; i < MW_METRIC_COUNT; i++)
		json_object_set_new(metrics, mw_metrics[i].name, metric_to_json(report, i));
	return metrics;
}

static json_t *runs_to_json(const struct mw_saved_list *list)
{
	json_t *runs = json_array();

	for (size_t i = 0; i < list->reports.count; i++)
		json_array_append_new(runs, metrics_to_json(list->reports.items[i]));
	return runs;
}

/** How many points every process may have, so that all together stay within POINTS_MAX. */
static size_t points_each(const struct mw_saved_report *report)
{
	size_t with_points = 1, each;

	for (size_t i = 0; i < report->processes.count; i++)
		with_points += json_array_size(report->processes.items[i].points) > 0;
	each = mw_min(POINTS_MAX / with_points, (size_t)POINTS_MAX_EACH);
	return mw_max(each, (size_t)POINTS_MIN_EACH);
}

static double point_kib(const json_t *points, size_t index)
{
	return json_number_value(json_array_get(json_array_get(points, index), 1));
}

/** The index of the largest of the points from @from to before @to. */
static size_t largest_point(const json_t *points, size_t from, size_t to)
{
	size_t largest = from;

	for (size_t i = from + 1; i < to; i++)
		largest = point_kib(points, i) > point_kib(points, largest) ? i : largest;
	return largest;
}

/** [seconds, KiB, seconds, KiB, ...]: of every stretch the largest point. */
static json_t *points_to_json(const json_t *points, size_t most)
{
	size_t count = json_array_size(points), kept = mw_min(count, most);
	json_t *flat;

	if (!count)
		return json_null();
	flat = json_array();
	for (size_t i = 0; i < kept; i++) {
		size_t at = largest_point(points, i * count / kept, (i + 1) * count / kept);
		const json_t *seconds = json_array_get(json_array_get(points, at), 0);

		json_array_append_new(flat, seconds_to_json(json_number_value(seconds)));
		json_array_append_new(flat, kib_to_json(point_kib(points, at)));
	}
	return flat;
}

static json_t *number_or_null(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_deep_copy(value) : json_null();
}

// A row for each process, its columns named once: half the size of an object for each.
static json_t *process_fields(void)
{
	json_t *fields =
		json_pack("[s, s, s, s, s, s, s, s, s, s, s]", "pid", "parent", "name", "command",
			  "exe", "start", "end", "rss", "exact", "source", "points");

	for (size_t i = 0; i < mw_array_size(process_numbers); i++)
		json_array_append_new(fields, json_string(process_numbers[i]));
	return fields;
}

static json_t *process_to_json(const struct mw_saved_process *process, size_t points)
{
	const json_t *source = json_object_get(process->json, "hwm_source");
	json_t *row = json_array();

	json_array_append_new(row, json_integer(process->pid));
	json_array_append_new(row, process->parent < PROCESSES_MAX
					   ? json_integer((json_int_t)process->parent)
					   : json_null());
	json_array_append_new(row, cut_string(process->name));
	json_array_append_new(row, cut_string(process->command));
	json_array_append_new(row, string_or_null(process->exe));
	json_array_append_new(row, seconds_to_json(process->start));
	json_array_append_new(row, seconds_to_json(process->end));
	json_array_append_new(row, kib_to_json(process->rss_kib));
	json_array_append_new(row, json_boolean(process->exact));
	json_array_append_new(row, string_or_null(json_string_value(source)));
	json_array_append_new(row, points_to_json(process->points, points));
	for (size_t i = 0; i < mw_array_size(process_numbers); i++)
		json_array_append_new(row, number_or_null(process->json, process_numbers[i]));
	return row;
}

static json_t *processes_to_json(const struct mw_saved_report *report)
{
	size_t points = points_each(report);
	json_t *rows = json_array();

	for (size_t i = 0; i < mw_min(report->processes.count, (size_t)PROCESSES_MAX); i++)
		json_array_append_new(rows, process_to_json(&report->processes.items[i], points));
	return rows;
}

static json_t *bands_to_json(const struct mw_view_series *series)
{
	json_t *bands = json_array();

	for (size_t band = 0; band < series->band_count; band++) {
		json_t *values = json_array();

		for (size_t i = 0; i < series->moments.count; i++)
			json_array_append_new(values,
					      kib_to_json(series->moments.items[i].kib[band]));
		json_array_append_new(bands,
				      json_pack("{s:o, s:o}", "name",
						cut_string(series->bands[band]), "values", values));
	}
	return bands;
}

static json_t *series_to_json(const struct mw_view_series *series)
{
	json_t *times = json_array();

	for (size_t i = 0; i < series->moments.count; i++)
		json_array_append_new(times, seconds_to_json(series->moments.items[i].seconds));
	return json_pack("{s:o, s:o, s:o}", "duration", seconds_to_json(series->duration), "times",
			 times, "bands", bands_to_json(series));
}

/** [[seconds, KiB], ...] of the moments at which the sum of PSS was measured. */
static json_t *pss_to_json(const struct mw_saved_report *report)
{
	const json_t *timeline = json_object_get(report->json, "timeline"), *point;
	json_t *pss = json_array();
	size_t index;

	json_array_foreach(timeline, index, point)
	{
		const json_t *kib = json_object_get(point, "total_pss_kib");
		const json_t *seconds = json_object_get(point, "elapsed_seconds");

		if (json_is_number(kib) && json_is_number(seconds))
			json_array_append_new(pss,
					      json_pack("[o, o]",
							seconds_to_json(json_number_value(seconds)),
							kib_to_json(json_number_value(kib))));
	}
	return pss;
}

static void pass_on(const struct mw_saved_report *report, json_t *object)
{
	// hyperfine and time -v have none of these keys.
	for (size_t i = 0; i < mw_array_size(passed_keys); i++) {
		const json_t *value = json_object_get(report->json, passed_keys[i]);

		if (value)
			json_object_set_new(object, passed_keys[i], copy_cut(value));
	}
}

const struct mw_saved_report *mw_view_choose(const struct mw_saved_list *list)
{
	size_t count = list->reports.count;

	// The median without sorting: the run that has no more than half below and above it.
	for (size_t i = 0; i < count; i++) {
		size_t below = 0, above = 0;

		for (size_t j = 0; j < count; j++) {
			double other = list->reports.items[j]->metrics[MW_METRIC_RSS];

			below += other < list->reports.items[i]->metrics[MW_METRIC_RSS];
			above += other > list->reports.items[i]->metrics[MW_METRIC_RSS];
		}
		if (2 * below <= count && 2 * above <= count)
			return list->reports.items[i];
	}
	return list->reports.items[0];
}

struct mw_error *mw_view_report_to_json(const struct mw_saved_list *list,
					const struct mw_saved_report *shown,
					const struct mw_view_series *series, json_t **ret)
{
	size_t left_out =
		shown->processes.count - mw_min(shown->processes.count, (size_t)PROCESSES_MAX);
	json_t *object = json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "path",
		cut_string(shown->path), "format", shown->format, "command",
		cut_string(shown->command), "metrics", metrics_to_json(shown), "runs",
		runs_to_json(list), "series", series_to_json(series), "pss", pss_to_json(shown),
		"group_by", string_or_null(shown->group_by), "fields", process_fields(),
		"processes", processes_to_json(shown), "processes_left_out", (json_int_t)left_out);

	if (!object)
		return mw_err_nomem;
	pass_on(shown, object);
	*ret = object;
	return NULL;
}
