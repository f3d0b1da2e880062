// SPDX-License-Identifier: MIT
#include "profiler/view_escape.h"
#include "repl/compare_output.h"

#define NAME_COLUMNS 60
#define COMMAND_COLUMNS 160
#define ROWS_MAX 20

static void write_heading(const char *first, FILE *out)
{
	fprintf(out, "| %s | base | candidate | change | |\n|:--|--:|--:|--:|:--|\n", first);
}

static void write_row(const struct mw_comparison_row *row, FILE *out)
{
	const char *mark = row->regression ? "**" : "";

	fputs("| ", out);
	mw_escape_write(out, MW_ESCAPE_MARKDOWN, row->label, NAME_COLUMNS);
	fprintf(out, " | %s | %s | %s | %s%s%s |\n",
		mw_compare_stats_cell(&row->base, row->unit).text,
		mw_compare_stats_cell(&row->candidate, row->unit).text,
		mw_compare_change_cell(row).text, mark, mw_compare_verdict_text(row), mark);
}

static void write_metrics(const struct mw_comparison *comparison, FILE *out)
{
	write_heading("job", out);
	for (size_t i = 0; i < MW_METRIC_COUNT; i++) {
		if (mw_compare_row_known(&comparison->metrics[i]))
			write_row(&comparison->metrics[i], out);
	}
}

static void write_groups(const struct mw_comparison *comparison, FILE *out)
{
	size_t shown = 0;

	for (size_t i = 0; i < comparison->groups.count; i++) {
		const struct mw_comparison_row *row = &comparison->groups.items[i];

		if (!mw_compare_row_stands_out(row) || (!row->regression && shown >= ROWS_MAX))
			continue;
		if (!shown++) {
			fputc('\n', out);
			write_heading("group", out);
		}
		write_row(row, out);
	}
}

static void write_processes(const struct mw_comparison *comparison, FILE *out)
{
	size_t shown = 0;

	if (!comparison->processes.count)
		return;
	fprintf(out, "\n<details><summary>%zu command lines on one side only</summary>\n\n",
		comparison->processes.count);
	fputs("| | size | command |\n|:--|--:|:--|\n", out);
	for (size_t i = 0; i < comparison->processes.count && shown < ROWS_MAX; i++, shown++) {
		const struct mw_comparison_row *row = &comparison->processes.items[i];
		const struct mw_run_stats *stats = row->base.runs ? &row->base : &row->candidate;

		fprintf(out, "| %s | %s | ", mw_compare_verdict_text(row),
			mw_amount_format(MW_UNIT_KIB, stats->median).text);
		mw_escape_write(out, MW_ESCAPE_MARKDOWN, row->label, COMMAND_COLUMNS);
		fputs(" |\n", out);
	}
	fputs("\n</details>\n", out);
}

static void write_budget(const struct mw_comparison *comparison, FILE *out)
{
	static const char *const states[MW_BUDGET_STATE_COUNT] = {
		[MW_BUDGET_KEPT] = "kept",
		[MW_BUDGET_BROKEN] = "**OVER BUDGET**",
		[MW_BUDGET_UNKNOWN] = "not checked",
	};

	if (comparison->budget.count)
		fputs("\n| budget | limit | largest run | |\n|:--|--:|--:|:--|\n", out);
	for (size_t i = 0; i < comparison->budget.count; i++) {
		const struct mw_budget_result *result = &comparison->budget.items[i];
		enum mw_metric_unit unit = result->line->unit;

		fputs("| ", out);
		mw_escape_write(out, MW_ESCAPE_MARKDOWN, result->line->name, NAME_COLUMNS);
		fprintf(out, " | %s | %s | %s |\n",
			mw_amount_format(unit, result->line->limit).text,
			mw_amount_format(unit, result->value).text, states[result->state]);
	}
}

void mw_compare_write_markdown(const struct mw_comparison *comparison, FILE *out)
{
	const char *verdict = mw_comparison_has_regression(comparison)  ? "regression"
			      : mw_comparison_breaks_budget(comparison) ? "over budget"
			      : comparison->base.reports.count          ? "no regression"
									: "within budget";

	fprintf(out, "### Memory: %s\n\n", verdict);
	if (comparison->base.reports.count) {
		write_metrics(comparison, out);
		write_groups(comparison, out);
		write_processes(comparison, out);
	}
	write_budget(comparison, out);
}
