// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "profiler/compare_amount.h"
#include "profiler/view.h"
#include "profiler/view_escape.h"

#define NAME_COLUMNS 16
#define SIZE_COLUMNS 10
#define SPARK_MIN 16
#define PROCESSES 15
/** Columns of the process table in front of the command, and of life and exit among them. */
#define TABLE_COLUMNS 52
#define DETAIL_COLUMNS 22
/** A terminal with less than this goes without life and exit. */
#define DETAIL_FROM 72
/** The band number that stands for the sum of all. */
#define ALL_BANDS MW_VIEW_BANDS_MAX

static double value_of(const struct mw_view_series *series, size_t moment, size_t band)
{
	const struct mw_view_moment *at = &series->moments.items[moment];

	return band == ALL_BANDS ? mw_view_moment_total(series, at) : at->kib[band];
}

static double largest_of(const struct mw_view_series *series, size_t band)
{
	double largest = 0;

	for (size_t i = 0; i < series->moments.count; i++)
		largest = fmax(largest, value_of(series, i, band));
	return largest;
}

/** The largest value between two moments in time; what was there before goes on. */
static double largest_between(const struct mw_view_series *series, size_t band, double from,
			      double to, size_t *cursor)
{
	double largest = 0;

	// Everything up to the cursor is before @from; the cursor itself still holds there.
	while (*cursor + 1 < series->moments.count &&
	       series->moments.items[*cursor + 1].seconds <= from)
		++*cursor;
	for (size_t i = *cursor; i < series->moments.count; i++) {
		if (series->moments.items[i].seconds >= to)
			break;
		largest = fmax(largest, value_of(series, i, band));
	}
	return largest;
}

static void write_spark(FILE *out, const struct mw_view_series *series, size_t band, double most,
			size_t columns)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t cursor = 0, last = mw_array_size(blocks) - 1;

	for (size_t i = 0; i < columns; i++) {
		double width = series->duration / (double)columns;
		double kib = largest_between(series, band, width * (double)i,
					     width * (double)(i + 1), &cursor);
		size_t step = most > 0 ? (size_t)ceil(kib / most * (double)last) : 0;

		fputs(blocks[mw_min(step, last)], out);
	}
}

static void write_padded(FILE *out, const char *text, size_t columns)
{
	size_t used = mw_escape_write(out, MW_ESCAPE_TERMINAL, text, columns);

	fprintf(out, "%*s", used < columns ? (int)(columns - used) : 0, "");
}

static void write_band(FILE *out, const struct mw_view_series *series, size_t band, double most,
		       size_t columns)
{
	write_padded(out, band == ALL_BANDS ? "all" : series->bands[band], NAME_COLUMNS);
	fprintf(out, "%*s  ", SIZE_COLUMNS,
		mw_amount_format(MW_UNIT_KIB, largest_of(series, band)).text);
	write_spark(out, series, band, most, columns);
	fputc('\n', out);
}

static void write_bands(FILE *out, const struct mw_view_series *series, size_t columns)
{
	size_t head = NAME_COLUMNS + SIZE_COLUMNS + 2;
	size_t spark = columns > head + SPARK_MIN ? columns - head : SPARK_MIN;
	double most = largest_of(series, ALL_BANDS);

	if (!series->moments.count)
		return;
	fputc('\n', out);
	write_band(out, series, ALL_BANDS, most, spark);
	for (size_t band = 0; series->band_count > 1 && band < series->band_count; band++)
		write_band(out, series, band, most, spark);
	fprintf(out, "%*s0 s%*s\n", (int)head, "", (int)spark - 3,
		mw_amount_format(MW_UNIT_SECONDS, series->duration).text);
}

static void write_metric(FILE *out, const struct mw_saved_report *report, enum mw_metric metric)
{
	if (!isnan(report->metrics[metric]))
		fprintf(out, "%-16s %s\n", mw_metrics[metric].label,
			mw_amount_format(mw_metrics[metric].unit, report->metrics[metric]).text);
}

static void write_line(FILE *out, const char *label, const json_t *text, size_t columns)
{
	if (!json_is_string(text))
		return;
	fprintf(out, "%-16s ", label);
	mw_escape_write(out, MW_ESCAPE_TERMINAL, json_string_value(text), columns - 17);
	fputc('\n', out);
}

static void write_bounds(FILE *out, const struct mw_saved_report *report)
{
	const json_t *peak = json_object_get(report->json, "peak");
	const json_t *low = json_object_get(peak, "bound_low_kib");
	const json_t *high = json_object_get(peak, "bound_high_kib");

	if (json_is_number(low) && json_is_number(high))
		fprintf(out, "%-16s between %s and %s\n", "true peak",
			mw_amount_format(MW_UNIT_KIB, json_number_value(low)).text,
			mw_amount_format(MW_UNIT_KIB, json_number_value(high)).text);
}

static void write_detail(FILE *out, const struct mw_saved_process *process)
{
	double life = process->end - process->start;
	const json_t *code = json_object_get(process->json, "exit_code");
	const json_t *signal = json_object_get(process->json, "signal");
	char ended[24] = "";

	if (json_is_integer(signal))
		snprintf(ended, sizeof(ended), "signal %" JSON_INTEGER_FORMAT,
			 json_integer_value(signal));
	else if (json_is_integer(code))
		snprintf(ended, sizeof(ended), "%" JSON_INTEGER_FORMAT, json_integer_value(code));
	fprintf(out, "%12s%10s", mw_amount_format(MW_UNIT_SECONDS, life).text, ended);
}

static void write_process(FILE *out, const struct mw_saved_process *process, bool detailed,
			  size_t columns)
{
	fprintf(out, "%9" PRId64 "%*s  %-7s", process->pid, SIZE_COLUMNS,
		mw_amount_format(MW_UNIT_KIB, process->rss_kib).text,
		process->exact ? "exact" : "sampled");
	if (detailed)
		write_detail(out, process);
	fputs("  ", out);
	mw_escape_write(out, MW_ESCAPE_TERMINAL, process->command, columns);
	fputc('\n', out);
}

static void write_processes(FILE *out, const struct mw_saved_report *report, size_t columns)
{
	bool detailed = columns >= DETAIL_FROM;
	size_t head = detailed ? TABLE_COLUMNS : TABLE_COLUMNS - DETAIL_COLUMNS;
	size_t count = report->processes.count;

	if (!count)
		return;
	fprintf(out, "\n%9s%*s  %-7s%s  command\n", "pid", SIZE_COLUMNS, "peak", "",
		detailed ? "        life      exit" : "");
	for (size_t i = 0; i < mw_min(count, (size_t)PROCESSES); i++)
		write_process(out, &report->processes.items[i], detailed, columns - head);
	if (count > PROCESSES)
		fprintf(out, "%9s and %zu smaller ones\n", "", count - PROCESSES);
}

void mw_view_write_text(FILE *out, const struct mw_saved_report *report,
			const struct mw_view_series *series, size_t columns)
{
	const json_t *completeness = json_object_get(report->json, "completeness");

	mw_escape_write(out, MW_ESCAPE_TERMINAL, report->command, columns);
	fputs("\n\n", out);
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		write_metric(out, report, i);
		if (i == MW_METRIC_RSS)
			write_bounds(out, report);
	}
	write_line(out, "completeness", json_object_get(completeness, "line"), columns);
	write_line(out, "verdict", json_object_get(report->json, "verdict"), columns);
	write_bands(out, series, columns);
	write_processes(out, report, columns);
}
