// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include "profiler/compare_amount.h"
#include "profiler/view.h"
#include "profiler/view_escape.h"

#define WIDTH 960
#define PLOT_LEFT 76
#define PLOT_RIGHT (WIDTH - 32)
#define PLOT_TOP 64
#define PLOT_HEIGHT 300
#define PLOT_BOTTOM (PLOT_TOP + PLOT_HEIGHT)
#define LEGEND_TOP (PLOT_BOTTOM + 52)
#define LEGEND_COLUMNS 3
#define LEGEND_ROW 20
#define TICKS 6

static const char *const band_colours[MW_VIEW_BANDS_MAX] = {
	"#3b78c4", "#e08a2e", "#45a06b", "#b85c9e", "#7d6bd0",
	"#c9a227", "#3aa6b9", "#cf5c5c", "#9aa4b2",
};

/** What the axes reach. */
struct scale {
	double seconds, kib;
};

static double x_of(const struct scale *scale, double seconds)
{
	return PLOT_LEFT + seconds / scale->seconds * (PLOT_RIGHT - PLOT_LEFT);
}

static double y_of(const struct scale *scale, double kib)
{
	return PLOT_BOTTOM - kib / scale->kib * PLOT_HEIGHT;
}

/** The limit on the sum of the job's memory that @limit is; 0 for one on a single process. */
static double total_limit_kib(const json_t *limit)
{
	const char *name = json_string_value(json_object_get(limit, "name"));

	if (!name || strncmp(name, "max-total", strlen("max-total")))
		return 0;
	return json_number_value(json_object_get(limit, "limit_kib"));
}

static double largest_limit(const struct mw_saved_report *report, double most)
{
	const json_t *limits = json_object_get(report->json, "limits"), *limit;
	double largest = 0;
	size_t index;

	json_array_foreach(limits, index, limit)
	{
		double kib = total_limit_kib(limit);

		// A limit far above would press the areas flat.
		if (kib <= most)
			largest = fmax(largest, kib);
	}
	return largest;
}

static struct scale make_scale(const struct mw_saved_report *report,
			       const struct mw_view_series *series)
{
	struct scale scale = {.seconds = fmax(series->duration, 0.001)};

	scale.kib = fmax(0, report->metrics[MW_METRIC_RSS]);
	for (size_t i = 0; i < series->moments.count; i++)
		scale.kib =
			fmax(scale.kib, mw_view_moment_total(series, &series->moments.items[i]));
	scale.kib = fmax(scale.kib, largest_limit(report, 2 * scale.kib));
	scale.kib = scale.kib > 0 ? scale.kib * 1.05 : 1024;
	return scale;
}

/** The sum of the first @bands bands. */
static double stacked(const struct mw_view_moment *moment, size_t bands)
{
	double sum = 0;

	for (size_t i = 0; i < bands; i++)
		sum += moment->kib[i];
	return sum;
}

/** The first moment in a later pixel column than that of @from. */
static size_t next_column(const struct scale *scale, const struct mw_view_series *series,
			  size_t from)
{
	double column = floor(x_of(scale, series->moments.items[from].seconds));

	while (++from < series->moments.count) {
		if (floor(x_of(scale, series->moments.items[from].seconds)) > column)
			break;
	}
	return from;
}

static double largest_stacked(const struct mw_view_series *series, size_t from, size_t to,
			      size_t bands)
{
	double largest = 0;

	for (; from < to; from++)
		largest = fmax(largest, stacked(&series->moments.items[from], bands));
	return largest;
}

// The area from the axis to the top of band @bands - 1; those below it are painted over it later.
static void write_area(FILE *out, const struct scale *scale, const struct mw_view_series *series,
		       size_t bands)
{
	double last_y = PLOT_BOTTOM, x = PLOT_LEFT;

	fprintf(out, "<path fill=\"%s\" d=\"M%d %d", band_colours[bands - 1], PLOT_LEFT,
		PLOT_BOTTOM);
	for (size_t at = 0, next; at < series->moments.count; at = next) {
		double y;

		next = next_column(scale, series, at);
		x = x_of(scale, series->moments.items[at].seconds);
		y = y_of(scale, largest_stacked(series, at, next, bands));
		if (fabs(y - last_y) >= 0.05)
			fprintf(out, "H%.1fV%.1f", x, y);
		last_y = y;
		// What a column ends with holds up to the next one.
		y = y_of(scale, stacked(&series->moments.items[next - 1], bands));
		if (fabs(y - last_y) >= 0.05)
			fprintf(out, "H%.1fV%.1f", x + 1, y);
		last_y = y;
	}
	fprintf(out, "H%.1fV%dZ\"/>\n", fmax(x, x_of(scale, series->duration)), PLOT_BOTTOM);
}

/** A power of two, so that the axis reads 64 MiB, 128 MiB. */
static double size_step(double kib)
{
	double step = 1;

	while (kib / step > TICKS)
		step *= 2;
	return step;
}

/** 1, 2 or 5 of a decimal unit; from ten seconds on what clocks count in. */
static double time_step(double seconds)
{
	static const double steps[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600};
	double step = 3600;

	if (seconds <= TICKS) {
		double decade = pow(10, floor(log10(seconds / TICKS)));
		double rest = seconds / TICKS / decade;

		return decade * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
	}
	for (size_t i = 0; i < mw_array_size(steps); i++) {
		if (seconds / steps[i] <= TICKS)
			return steps[i];
	}
	while (seconds / step > TICKS)
		step *= 2;
	return step;
}

static void write_size_axis(FILE *out, const struct scale *scale)
{
	double step = size_step(scale->kib);

	for (int i = 0; i * step <= scale->kib; i++) {
		double kib = i * step;

		fprintf(out,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e1e5ea\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			PLOT_LEFT, PLOT_RIGHT, y_of(scale, kib), y_of(scale, kib), PLOT_LEFT - 8,
			y_of(scale, kib) + 4, mw_amount_format(MW_UNIT_KIB, kib).text);
	}
}

static void write_time_axis(FILE *out, const struct scale *scale)
{
	double step = time_step(scale->seconds);

	for (int i = 0; i * step <= scale->seconds * 1.001; i++)
		fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x_of(scale, i * step), PLOT_BOTTOM + 20,
			mw_amount_format(MW_UNIT_SECONDS, i * step).text);
}

static void write_line(FILE *out, const struct scale *scale, double kib, const char *colour,
		       const char *label)
{
	fprintf(out,
		"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-dasharray=\"5 4\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" "
		"fill=\"%s\">%s %s</text>\n",
		PLOT_LEFT, PLOT_RIGHT, y_of(scale, kib), y_of(scale, kib), colour, PLOT_RIGHT - 4,
		y_of(scale, kib) - 5, colour, label, mw_amount_format(MW_UNIT_KIB, kib).text);
}

static void write_lines(FILE *out, const struct scale *scale, const struct mw_saved_report *report)
{
	const json_t *limits = json_object_get(report->json, "limits"), *limit;
	size_t index;

	if (report->metrics[MW_METRIC_RSS] > 0)
		write_line(out, scale, report->metrics[MW_METRIC_RSS], "#1b2430", "peak");
	json_array_foreach(limits, index, limit)
	{
		double kib = total_limit_kib(limit);

		if (kib > 0 && kib <= scale->kib)
			write_line(out, scale, kib, "#b42318", "limit");
	}
}

static void write_legend(FILE *out, const struct mw_view_series *series)
{
	for (size_t i = 0; i < series->band_count; i++) {
		int x = PLOT_LEFT + (int)(i % LEGEND_COLUMNS) * 280;
		int y = LEGEND_TOP + (int)(i / LEGEND_COLUMNS) * LEGEND_ROW;

		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"11\" height=\"11\" fill=\"%s\"/>"
			"<text x=\"%d\" y=\"%d\">",
			x, y - 10, band_colours[i], x + 17, y);
		mw_escape_write(out, MW_ESCAPE_XML, series->bands[i], 36);
		fputs("</text>\n", out);
	}
}

static void write_heading(FILE *out, const struct mw_saved_report *report)
{
	const double *metrics = report->metrics;

	fprintf(out, "<text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"600\">");
	mw_escape_write(out, MW_ESCAPE_XML, report->command, 100);
	fprintf(out, "</text>\n<text x=\"16\" y=\"46\" fill=\"#5b6675\">peak total RSS %s",
		mw_amount_format(MW_UNIT_KIB, metrics[MW_METRIC_RSS]).text);
	if (!isnan(metrics[MW_METRIC_PSS]))
		fprintf(out, " · PSS %s",
			mw_amount_format(MW_UNIT_KIB, metrics[MW_METRIC_PSS]).text);
	fprintf(out, " · largest process %s · %s · %s processes</text>\n",
		mw_amount_format(MW_UNIT_KIB, metrics[MW_METRIC_PROCESS]).text,
		mw_amount_format(MW_UNIT_SECONDS, metrics[MW_METRIC_DURATION]).text,
		mw_amount_format(MW_UNIT_COUNT, metrics[MW_METRIC_PROCESSES]).text);
}

void mw_view_write_svg(FILE *out, const struct mw_saved_report *report,
		       const struct mw_view_series *series)
{
	struct scale scale = make_scale(report, series);
	size_t rows = (series->band_count + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
	int height = LEGEND_TOP + (int)rows * LEGEND_ROW;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" role=\"img\" aria-label=\"memory over time\" font-size=\"12\" "
		"font-family=\"system-ui, sans-serif\" fill=\"#1b2430\">\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height, WIDTH, height);
	write_heading(out, report);
	write_size_axis(out, &scale);
	write_time_axis(out, &scale);
	for (size_t bands = series->band_count; bands && series->moments.count; bands--)
		write_area(out, &scale, series, bands);
	if (!series->moments.count)
		fprintf(out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" fill=\"#5b6675\">"
			"this report has no timeline</text>\n",
			WIDTH / 2, PLOT_TOP + PLOT_HEIGHT / 2);
	write_lines(out, &scale, report);
	write_legend(out, series);
	fputs("</svg>\n", out);
}
