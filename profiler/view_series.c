// SPDX-License-Identifier: MIT
#include "profiler/view_series.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "profiler/view_group.h"

#define STRETCHES 1024

/** One value that changes: that of a process, or of the whole job (source 0). */
struct event {
	double seconds;
	size_t source;
	double kib;
};

struct events {
	MW_VEC(struct event) list;
};

/** Where a walk along the events stands. */
struct walk {
	/** Band of each source, and its value now. */
	const size_t *band;
	double *value;
	struct mw_view_moment now;
	double total;
};

static int compare_events(const void *a, const void *b)
{
	const struct event *left = a, *right = b;

	if (left->seconds != right->seconds)
		return left->seconds < right->seconds ? -1 : 1;
	if (left->source != right->source)
		return left->source < right->source ? -1 : 1;
	// The end of a process comes after the last that was seen of it.
	return (left->kib < right->kib) - (left->kib > right->kib);
}

static double bounded(double amount)
{
	return fmin(fmax(amount, 0), MW_SAVED_AMOUNT_MAX);
}

static struct mw_error *add_event(struct events *events, size_t source, const json_t *seconds,
				  const json_t *kib)
{
	struct event event = {
		.seconds = bounded(json_number_value(seconds)),
		.source = source,
		.kib = bounded(json_number_value(kib)),
	};

	if (!json_is_number(seconds) || !json_is_number(kib))
		return NULL;
	return mw_vec_push(&events->list, event) ? NULL : mw_err_nomem;
}

static struct mw_error *add_process(struct events *events, size_t source,
				    const struct mw_saved_process *process)
{
	struct mw_error *err = NULL;
	const json_t *point;
	size_t index;

	json_array_foreach(process->points, index, point)
	{
		err = add_event(events, source, json_array_get(point, 0), json_array_get(point, 1));
		if (err)
			return err;
	}
	if (!json_array_size(process->points) || isnan(process->end))
		return NULL;
	if (!mw_vec_push(&events->list,
			 (struct event){.seconds = bounded(process->end), .source = source}))
		return mw_err_nomem;
	return NULL;
}

static struct mw_error *add_timeline(struct events *events, const struct mw_saved_report *report)
{
	const json_t *timeline = json_object_get(report->json, "timeline"), *point;
	struct mw_error *err = NULL;
	size_t index;

	json_array_foreach(timeline, index, point)
	{
		err = add_event(events, 0, json_object_get(point, "elapsed_seconds"),
				json_object_get(point, "total_rss_kib"));
		if (err)
			return err;
	}
	return NULL;
}

/** Carries out every event of one moment. @return the first one of the next moment. */
static size_t walk_on(struct walk *walk, const struct events *events, size_t next)
{
	const struct event *event = &events->list.items[next];

	walk->now.seconds = event->seconds;
	for (; next < events->list.count; next++) {
		event = &events->list.items[next];
		if (event->seconds > walk->now.seconds)
			break;
		walk->now.kib[walk->band[event->source]] += event->kib - walk->value[event->source];
		walk->total += event->kib - walk->value[event->source];
		walk->value[event->source] = event->kib;
	}
	return next;
}

/** Puts the largest moment of a stretch into the series, and the last one when it is another. */
static struct mw_error *end_stretch(struct mw_view_series *series,
				    const struct mw_view_moment *largest,
				    const struct mw_view_moment *last)
{
	if (!mw_vec_push(&series->moments, *largest))
		return mw_err_nomem;
	if (last->seconds > largest->seconds && !mw_vec_push(&series->moments, *last))
		return mw_err_nomem;
	return NULL;
}

static struct mw_error *walk_all(struct walk *walk, const struct events *events,
				 struct mw_view_series *series)
{
	double width = fmax(series->duration, 1e-6) / STRETCHES, largest_total = -1;
	struct mw_view_moment largest = {0}, last = {0};
	struct mw_error *err;
	double stretch = -1;

	for (size_t next = 0; next < events->list.count;) {
		next = walk_on(walk, events, next);
		if (floor(walk->now.seconds / width) != stretch) {
			err = stretch < 0 ? NULL : end_stretch(series, &largest, &last);
			if (err)
				return err;
			stretch = floor(walk->now.seconds / width);
			largest_total = -1;
		}
		last = walk->now;
		if (walk->total > largest_total) {
			largest = last;
			largest_total = walk->total;
		}
	}
	return events->list.count ? end_stretch(series, &largest, &last) : NULL;
}

/** The largest sum that each group reaches. */
static void find_peaks(const struct events *events, const struct mw_view_groups *groups,
		       double *value, double *sum, double *peak)
{
	for (size_t i = 0; i < events->list.count; i++) {
		const struct event *event = &events->list.items[i];
		size_t group = groups->of_process[event->source];

		sum[group] += event->kib - value[event->source];
		value[event->source] = event->kib;
		peak[group] = fmax(peak[group], sum[group]);
	}
}

/** Gives the groups with the largest peaks bands of their own, the others the last one. */
static void choose_bands(const struct mw_view_groups *groups, double *peak, size_t *band_of_group,
			 struct mw_view_series *series)
{
	for (size_t i = 0; i < groups->count; i++)
		band_of_group[i] = MW_VIEW_BANDS;
	while (series->band_count < MW_VIEW_BANDS && series->band_count < groups->count) {
		size_t largest = 0;

		for (size_t i = 1; i < groups->count; i++)
			largest = peak[i] > peak[largest] ? i : largest;
		if (peak[largest] <= 0)
			break;
		band_of_group[largest] = series->band_count;
		series->bands[series->band_count++] = groups->names[largest];
		peak[largest] = -1;
	}
	for (size_t i = 0; i < groups->count; i++) {
		if (peak[i] > 0) {
			series->bands[MW_VIEW_BANDS] = "others";
			series->band_count = MW_VIEW_BANDS_MAX;
		}
	}
}

static struct mw_error *band_processes(const struct mw_saved_report *report,
				       const struct events *events, size_t *band,
				       struct mw_view_series *series)
{
	struct mw_view_groups groups;
	size_t count = report->processes.count, *band_of_group;
	struct mw_error *err = mw_view_groups_create(report, &groups);
	double *scratch;

	if (err)
		return err;
	band_of_group = calloc(count + 1, sizeof(*band_of_group));
	scratch = calloc(3 * count + 1, sizeof(*scratch));
	if (band_of_group && scratch) {
		find_peaks(events, &groups, scratch, scratch + count, scratch + 2 * count);
		choose_bands(&groups, scratch + 2 * count, band_of_group, series);
		for (size_t i = 0; i < count; i++)
			band[i] = band_of_group[groups.of_process[i]];
	} else {
		err = mw_err_nomem;
	}
	free(band_of_group);
	free(scratch);
	mw_view_groups_deinit(&groups);
	return err;
}

/** @param ret_by_process whether the events are those of processes, not of the whole job. */
static struct mw_error *collect_events(const struct mw_saved_report *report, struct events *events,
				       bool *ret_by_process)
{
	struct mw_error *err;

	for (size_t i = 0; i < report->processes.count; i++) {
		err = add_process(events, i, &report->processes.items[i]);
		if (err)
			return err;
	}
	*ret_by_process = events->list.count > 0;
	err = *ret_by_process ? NULL : add_timeline(events, report);
	if (!err && events->list.count)
		qsort(events->list.items, events->list.count, sizeof(*events->list.items),
		      compare_events);
	return err;
}

static struct mw_error *fill(const struct mw_saved_report *report, struct events *events,
			     size_t *band, double *value, struct mw_view_series *series)
{
	struct walk walk = {.band = band, .value = value};
	struct mw_error *err;
	bool by_process;

	err = collect_events(report, events, &by_process);
	if (err)
		return err;
	if (events->list.count)
		series->duration =
			fmax(series->duration, events->list.items[events->list.count - 1].seconds);
	if (by_process)
		err = band_processes(report, events, band, series);
	else
		series->bands[series->band_count++] = "all processes";
	return err ? err : walk_all(&walk, events, series);
}

struct mw_error *mw_view_series_create(const struct mw_saved_report *report,
				       struct mw_view_series *ret)
{
	size_t sources = report->processes.count + 1;
	struct mw_view_series series = {.duration = fmax(0, report->metrics[MW_METRIC_DURATION])};
	size_t *band = calloc(sources, sizeof(*band));
	double *value = calloc(sources, sizeof(*value));
	struct events events = {0};
	struct mw_error *err = mw_err_nomem;

	if (band && value)
		err = fill(report, &events, band, value, &series);
	mw_vec_deinit(&events.list);
	free(value);
	free(band);
	if (err)
		mw_view_series_deinit(&series);
	else
		*ret = series;
	return err;
}

void mw_view_series_deinit(struct mw_view_series *series)
{
	mw_vec_deinit(&series->moments);
}

double mw_view_moment_total(const struct mw_view_series *series,
			    const struct mw_view_moment *moment)
{
	double total = 0;

	for (size_t i = 0; i < series->band_count; i++)
		total += moment->kib[i];
	return total;
}
