# SPDX-License-Identifier: MIT
# The page that `memwatch view` writes, as one file in the binary. uPlot, which draws its chart, is
# fetched through npm and must have exactly this hash (the `integrity` npm publishes for it).
# Without npm or a network: UPLOT_TARBALL=FILE takes a tarball fetched elsewhere; UPLOT=no builds
# pages with a still picture in place of the chart, which is also what a failed fetch falls back to.

UPLOT ?= yes
UPLOT_TARBALL ?=
UPLOT_VERSION := 1.6.32
UPLOT_SHA512 := KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==

VIEW_HTML := $(BUILD)/html
VIEW_SCRIPTS := $(addprefix profiler/html/, format.js model.js dom.js tiles.js chart.js tree.js lanes.js \
	treemap.js table.js sections.js compare.js main.js)

$(VIEW_HTML)/uplot/package/LICENSE: profiler/html/fetch_uplot.sh
	@mkdir -p $(VIEW_HTML)/uplot
	sh profiler/html/fetch_uplot.sh '$(VIEW_HTML)/uplot' '$(UPLOT_VERSION)' '$(UPLOT_SHA512)' \
		'$(UPLOT)' '$(UPLOT_TARBALL)'

$(VIEW_HTML)/page.html: profiler/html/assemble.sh profiler/html/page.html profiler/html/page.css \
		$(VIEW_SCRIPTS) $(VIEW_HTML)/uplot/package/LICENSE
	sh profiler/html/assemble.sh '$(VIEW_HTML)/uplot/package' $(VIEW_SCRIPTS) >$@.new
	mv $@.new $@

$(BUILD)/profiler/view_page.o: $(VIEW_HTML)/page.html
$(BUILD)/profiler/view_page.o: MW_CFLAGS += -DMW_VIEW_PAGE='"$(VIEW_HTML)/page.html"'
