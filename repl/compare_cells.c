// SPDX-License-Identifier: MIT
#include <string.h>

#include "repl/compare_output.h"

struct mw_compare_cell mw_compare_stats_cell(const struct mw_run_stats *stats,
					     enum mw_metric_unit unit)
{
	struct mw_compare_cell cell = {"-"};
	double half = (stats->high - stats->low) / 2;

	if (!stats->runs)
		return cell;
	if (stats->runs == 1 || stats->median == 0)
		snprintf(cell.text, sizeof(cell.text), "%s",
			 mw_amount_format(unit, stats->median).text);
	else
		snprintf(cell.text, sizeof(cell.text), "%s ±%.1f%%",
			 mw_amount_format(unit, stats->median).text, half / stats->median * 100);
	return cell;
}

struct mw_compare_cell mw_compare_change_cell(const struct mw_comparison_row *row)
{
	struct mw_compare_cell cell = {"-"};

	if (row->base.runs && row->candidate.runs && row->base.median != 0)
		snprintf(cell.text, sizeof(cell.text), "%+.1f%%",
			 (row->candidate.median - row->base.median) / row->base.median * 100);
	return cell;
}

const char *mw_compare_verdict_text(const struct mw_comparison_row *row)
{
	static const char *const texts[MW_VERDICT_COUNT] = {
		[MW_VERDICT_SAME] = "",
		[MW_VERDICT_NOISE] = "within the noise",
		[MW_VERDICT_BETTER] = "better",
		[MW_VERDICT_WORSE] = "worse (not judged)",
		[MW_VERDICT_UNSURE] = "one run can't tell",
		[MW_VERDICT_UNKNOWN] = "on one side only",
		[MW_VERDICT_NEW] = "new",
		[MW_VERDICT_VANISHED] = "vanished",
	};

	if (row->regression)
		return "REGRESSION";
	if (row->unit == MW_UNIT_COUNT && row->verdict == MW_VERDICT_WORSE)
		return "more";
	if (row->unit == MW_UNIT_COUNT && row->verdict == MW_VERDICT_BETTER)
		return "fewer";
	return texts[row->verdict];
}

bool mw_compare_row_stands_out(const struct mw_comparison_row *row)
{
	return row->verdict != MW_VERDICT_SAME;
}

bool mw_compare_row_known(const struct mw_comparison_row *row)
{
	return row->base.runs || row->candidate.runs;
}
