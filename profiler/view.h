// SPDX-License-Identifier: MIT
/** One or two reports as a page, a picture or a terminal's text. */
#ifndef MW_PROFILER_VIEW_H
#define MW_PROFILER_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include "base/compiler.h"
#include "profiler/report_read.h"
#include "profiler/view_series.h"

/** Which of the runs of @list to show: the one with the median peak, as run --runs does. */
const struct mw_saved_report *mw_view_choose(const struct mw_saved_list *list);

/**
 * Makes what the page's script reads. Long command lines are cut, series thinned out.
 *
 * @param list the file's runs; @shown is one of them.
 * @param ret a new reference.
 */
struct mw_error *mw_view_report_to_json(const struct mw_saved_list *list,
					const struct mw_saved_report *shown,
					const struct mw_view_series *series,
					json_t **ret) MW_MUST_CHECK;

/**
 * Writes a whole HTML file that needs nothing else.
 *
 * @param data {"reports": [...], "comparison": object or null}
 * @param shown the run whose picture is there for where scripts don't run.
 */
struct mw_error *mw_view_write_page(FILE *out, const struct mw_saved_report *shown,
				    const struct mw_view_series *series,
				    const json_t *data) MW_MUST_CHECK;

/** Writes an SVG image: stacked areas, the peak, the limits and a legend. */
void mw_view_write_svg(FILE *out, const struct mw_saved_report *report,
		       const struct mw_view_series *series);

/** Writes sparklines and the largest processes, @columns (48 or more) wide. */
void mw_view_write_text(FILE *out, const struct mw_saved_report *report,
			const struct mw_view_series *series, size_t columns);

#endif
