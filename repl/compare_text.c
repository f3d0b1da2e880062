// SPDX-License-Identifier: MIT
#include <string.h>

#include "profiler/view_escape.h"
#include "repl/compare_output.h"

#define NAME_COLUMNS 26
#define CELL_COLUMNS 18
#define COMMAND_COLUMNS 90
#define ROWS_MAX 20

/** Pads by characters: "±" is one column, but two bytes. */
static void print_cell(FILE *out, const char *text)
{
	int columns = 0;

	for (const char *at = text; *at; at++)
		columns += (*at & 0xc0) != 0x80;
	fprintf(out, "%*s%s", CELL_COLUMNS > columns ? CELL_COLUMNS - columns : 1, "", text);
}

static void print_row(const struct mw_comparison_row *row, FILE *out)
{
	const char *verdict = mw_compare_verdict_text(row);
	size_t used;

	fputs("  ", out);
	used = mw_escape_write(out, MW_ESCAPE_TERMINAL, row->label, NAME_COLUMNS);
	fprintf(out, "%*s", used < NAME_COLUMNS ? (int)(NAME_COLUMNS - used) : 0, "");
	print_cell(out, mw_compare_stats_cell(&row->base, row->unit).text);
	print_cell(out, mw_compare_stats_cell(&row->candidate, row->unit).text);
	fprintf(out, "%10s%s%s\n", mw_compare_change_cell(row).text, *verdict ? "  " : "", verdict);
}

static void print_heading(const char *name, FILE *out)
{
	fprintf(out, "%-*s", NAME_COLUMNS + 2, name);
	print_cell(out, "base");
	print_cell(out, "candidate");
	fprintf(out, "%10s\n", "change");
}

static void print_metrics(const struct mw_comparison *comparison, FILE *out)
{
	print_heading("job", out);
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		if (mw_compare_row_known(&comparison->metrics[i]))
			print_row(&comparison->metrics[i], out);
	}
}

static void print_groups(const struct mw_comparison *comparison, FILE *out)
{
	size_t quiet = 0, shown = 0, hidden = 0;

	for (size_t i = 0; i < comparison->groups.count; i++) {
		const struct mw_comparison_row *row = &comparison->groups.items[i];

		if (!mw_compare_row_stands_out(row)) {
			quiet++;
		} else if (!row->regression && shown >= ROWS_MAX) {
			hidden++;
		} else {
			if (!shown++)
				print_heading("\ngroups", out);
			print_row(row, out);
		}
	}
	if (hidden)
		fprintf(out, "  and %zu more that are new, vanished or changed\n", hidden);
	if (quiet)
		fprintf(out, "%s%zu group%s within the threshold\n", shown ? "  " : "\n", quiet,
			quiet == 1 ? "" : "s");
}

static void print_processes(const struct mw_comparison *comparison, enum mw_verdict verdict,
			    const char *heading, FILE *out)
{
	size_t found = 0;

	for (size_t i = 0; i < comparison->processes.count; i++) {
		const struct mw_comparison_row *row = &comparison->processes.items[i];
		const struct mw_run_stats *stats = row->base.runs ? &row->base : &row->candidate;

		if (row->verdict != verdict || found++ >= ROWS_MAX)
			continue;
		if (found == 1)
			fprintf(out, "\n%s\n", heading);
		fprintf(out, "  %10s  ", mw_amount_format(MW_UNIT_KIB, stats->median).text);
		mw_escape_write(out, MW_ESCAPE_TERMINAL, row->label, COMMAND_COLUMNS);
		fputc('\n', out);
	}
	if (found > ROWS_MAX)
		fprintf(out, "  and %zu smaller ones\n", found - ROWS_MAX);
}

static void print_budget(const struct mw_comparison *comparison, FILE *out)
{
	static const char *const states[MW_BUDGET_STATE_COUNT] = {
		[MW_BUDGET_KEPT] = "",
		[MW_BUDGET_BROKEN] = "  OVER BUDGET",
		[MW_BUDGET_UNKNOWN] = "  not checked: no run says",
	};

	if (comparison->budget.count)
		fprintf(out, "\n%-*s%*s%*s\n", NAME_COLUMNS + 2, "budget", CELL_COLUMNS, "limit",
			CELL_COLUMNS, "largest run");
	for (size_t i = 0; i < comparison->budget.count; i++) {
		const struct mw_budget_result *result = &comparison->budget.items[i];
		enum mw_metric_unit unit = result->line->unit;

		fprintf(out, "  %-*s%*s%*s%s\n", NAME_COLUMNS, result->line->name, CELL_COLUMNS,
			mw_amount_format(unit, result->line->limit).text, CELL_COLUMNS,
			mw_amount_format(unit, result->value).text, states[result->state]);
	}
}

static void print_names(const struct mw_comparison_row *rows, size_t count, const char **separator,
			FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].regression)
			continue;
		fputs(*separator, out);
		mw_escape_write(out, MW_ESCAPE_TERMINAL, rows[i].label, NAME_COLUMNS);
		*separator = ", ";
	}
}

static void print_verdict(const struct mw_comparison *comparison, FILE *out)
{
	const char *separator = ": ";
	bool regression = mw_comparison_has_regression(comparison);

	fputc('\n', out);
	if (regression) {
		fputs("regression", out);
		print_names(comparison->metrics, MW_METRIC_COUNT, &separator, out);
		print_names(comparison->groups.items, comparison->groups.count, &separator, out);
		fputc('\n', out);
	}
	if (mw_comparison_breaks_budget(comparison))
		fputs("over budget\n", out);
	else if (!regression)
		fputs(comparison->base.reports.count ? "no regression\n" : "within budget\n", out);
}

void mw_compare_write_text(const struct mw_comparison *comparison, FILE *out)
{
	if (comparison->base.reports.count) {
		fprintf(out, "base: %zu run%s, candidate: %zu run%s\n\n",
			comparison->base.reports.count,
			comparison->base.reports.count == 1 ? "" : "s",
			comparison->candidate.reports.count,
			comparison->candidate.reports.count == 1 ? "" : "s");
		print_metrics(comparison, out);
		print_groups(comparison, out);
		print_processes(comparison, MW_VERDICT_NEW, "new processes", out);
		print_processes(comparison, MW_VERDICT_VANISHED, "vanished processes", out);
	}
	print_budget(comparison, out);
	print_verdict(comparison, out);
}
