// SPDX-License-Identifier: MIT
/** Results of `compare` for people. */
#ifndef MW_REPL_COMPARE_OUTPUT_H
#define MW_REPL_COMPARE_OUTPUT_H

#include <stdio.h>

#include "profiler/compare.h"

/** How one cell of a table reads; the caller frees nothing. */
struct mw_compare_cell {
	char text[64];
};

/** "1.21 GiB" of one run, "1.21 GiB ±0.8%" of several, "-" when unknown. */
struct mw_compare_cell mw_compare_stats_cell(const struct mw_run_stats *stats,
					     enum mw_metric_unit unit);

/** "+12.3%", or "-" when there is nothing to divide by. */
struct mw_compare_cell mw_compare_change_cell(const struct mw_comparison_row *row);

/** What a verdict means, in words; "" when there is nothing to say. */
const char *mw_compare_verdict_text(const struct mw_comparison_row *row);

/** Whether a group is worth a line: something is beyond the threshold. */
bool mw_compare_row_stands_out(const struct mw_comparison_row *row);

/** Whether a row has anything on either side. */
bool mw_compare_row_known(const struct mw_comparison_row *row);

void mw_compare_write_text(const struct mw_comparison *comparison, FILE *out);
void mw_compare_write_markdown(const struct mw_comparison *comparison, FILE *out);

#endif
