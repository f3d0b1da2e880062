// SPDX-License-Identifier: MIT
// Memory over time: stacked areas by program, drawn by uPlot.

const CHART_HEIGHT = 340;

// uPlot paints in order, so the sum of all comes first and the lowest band last, over it.
function stackData(report, hidden) {
	const series = report.series;
	const end = Math.max(report.duration, series.times[series.times.length - 1] || 0);
	const times = series.times.concat([end]);
	const sums = new Array(times.length).fill(0);
	const stacked = series.bands.map((band, index) => {
		if (!hidden.has(index)) {
			for (let at = 0; at < times.length; at++)
				sums[at] += band.values[Math.min(at, band.values.length - 1)];
		}
		return sums.slice();
	});
	return [times].concat(stacked.reverse());
}

// A limit of a single process has no place among sums.
function totalLimits(report) {
	return (report.limits || []).filter((limit) => String(limit.name).startsWith("max-total"));
}

function chartLines(report) {
	const lines = totalLimits(report).map((limit) => ({
		kib: limit.limit_kib, text: limit.name + " " + formatKib(limit.limit_kib), colour: "limit",
	}));
	if (known(report.metrics.total_rss))
		lines.push({ kib: report.metrics.total_rss, colour: "peak",
			text: "peak " + formatKib(report.metrics.total_rss) });
	return lines;
}

function chartTop(report, other) {
	let top = Math.max(1024, report.metrics.total_rss || 0, ...extremes(report.totals));
	if (other)
		top = Math.max(top, ...extremes(other.totals));
	// A limit far above would press the areas flat.
	for (const limit of totalLimits(report)) {
		if (limit.limit_kib <= 2 * top)
			top = Math.max(top, limit.limit_kib);
	}
	return top * 1.06;
}

function extremes(values) {
	return [values.reduce((most, value) => Math.max(most, value), 0)];
}

function drawSteps(plot, times, values, name) {
	const context = plot.ctx;
	context.save();
	context.beginPath();
	context.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
	context.clip();
	context.beginPath();
	for (let at = 0; at < times.length; at++) {
		const x = plot.valToPos(times[at], "x", true);
		if (at)
			context.lineTo(x, plot.valToPos(values[at - 1], "y", true));
		context.lineTo(x, plot.valToPos(values[at], "y", true));
	}
	// A rim in the colour of the ground, so that the line is seen on every area.
	context.lineWidth = 4 * devicePixelRatio;
	context.strokeStyle = colour("panel");
	context.stroke();
	context.lineWidth = 1.5 * devicePixelRatio;
	context.strokeStyle = colour(name);
	context.stroke();
	context.restore();
}

// PSS is dear to measure, so it is known for a few moments only and nothing is known between them.
function drawDots(plot, points, name) {
	const context = plot.ctx;
	context.save();
	context.fillStyle = colour(name);
	context.strokeStyle = colour("panel");
	context.lineWidth = devicePixelRatio;
	for (const [seconds, kib] of points) {
		const x = plot.valToPos(seconds, "x", true);
		if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width)
			continue;
		context.beginPath();
		context.arc(x, plot.valToPos(kib, "y", true), 3 * devicePixelRatio, 0, 2 * Math.PI);
		context.fill();
		context.stroke();
	}
	context.restore();
}

function drawLine(plot, line) {
	const context = plot.ctx;
	const y = plot.valToPos(line.kib, "y", true);
	if (y < plot.bbox.top || y > plot.bbox.top + plot.bbox.height)
		return;
	context.save();
	context.strokeStyle = context.fillStyle = colour(line.colour);
	context.lineWidth = devicePixelRatio;
	context.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
	context.beginPath();
	context.moveTo(plot.bbox.left, y);
	context.lineTo(plot.bbox.left + plot.bbox.width, y);
	context.stroke();
	context.font = 12 * devicePixelRatio + "px system-ui, sans-serif";
	context.textAlign = "right";
	context.textBaseline = "alphabetic";
	const right = plot.bbox.left + plot.bbox.width - 6 * devicePixelRatio;
	context.setLineDash([]);
	context.lineWidth = 4 * devicePixelRatio;
	context.strokeStyle = colour("panel");
	context.strokeText(line.text, right, y - 5 * devicePixelRatio);
	context.fillText(line.text, right, y - 5 * devicePixelRatio);
	context.restore();
}

function drawOverlays(plot, report, other) {
	if (report.pss.length && !other)
		drawDots(plot, report.pss, "peak");
	if (other && other.series.times.length)
		drawSteps(plot, other.series.times, other.totals, "other");
	chartLines(report).forEach((line) => drawLine(plot, line));
}

function chartOptions(report, other, viewport, width, hooks) {
	const bands = report.series.bands;
	const axis = {
		stroke: colour("muted"),
		grid: { stroke: colour("grid"), width: 1 },
		ticks: { stroke: colour("grid"), width: 1 },
	};
	const binary = Array.from({ length: 34 }, (unused, power) => 2 ** power);
	return {
		width: width,
		height: CHART_HEIGHT,
		padding: [null, 28, null, null],
		legend: { show: false },
		cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
		scales: {
			x: { time: false, range: () => [viewport.from, viewport.to] },
			y: { range: () => [0, chartTop(report, other)] },
		},
		axes: [
			Object.assign({ values: (plot, ticks) => ticks.map(formatTick) }, axis),
			Object.assign({ size: 84, incrs: binary,
				values: (plot, ticks) => ticks.map(formatSizeTick) }, axis),
		],
		series: [{}].concat(bands.map((band, index) => index).reverse().map((index) => ({
			fill: groupColour(colourOf(report, report.series.bands[index].name)),
			width: 0,
			points: { show: false },
			paths: uPlot.paths.stepped({ align: 1 }),
		}))),
		hooks: hooks,
	};
}

function formatSizeTick(kib) {
	return formatKib(kib).replace(/\.0+ /, " ");
}

function formatTick(seconds) {
	if (seconds >= 60)
		return formatClock(seconds);
	return Number(seconds.toPrecision(6)) + " s";
}

// The legend is the hover table as well: each entry shows its value where the pointer is.
function chartLegend(report, hidden, rebuild) {
	const entries = report.series.bands.map((band, index) => {
		const value = element("span", { class: "number" });
		const swatch = element("span", { class: "swatch" });
		const button = element("button", { "aria-pressed": "true", title: "show or hide",
			onclick: () => {
				hidden.has(index) ? hidden.delete(index) : hidden.add(index);
				button.setAttribute("aria-pressed", String(!hidden.has(index)));
				rebuild();
			} }, swatch, element("bdi", {}, shorten(visible(band.name), 32)), " ", value);
		return { button, value, swatch, band, index };
	});
	const when = element("span", { class: "entry total" });
	const list = element("div", { class: "hover", "aria-live": "off" }, when,
		...entries.map((entry) => element("span", { class: "entry" }, entry.button)));
	function show(at) {
		const hovering = known(at) && at < report.series.times.length;
		when.textContent = hovering
			? "at " + formatSeconds(report.series.times[at]) + ": " + formatKib(report.totals[at])
			: "peak of each:";
		for (const entry of entries) {
			const values = entry.band.values;
			entry.value.textContent = formatKib(hovering ? values[at] : extremes(values)[0]);
			entry.swatch.style.background = groupColour(colourOf(report, entry.band.name));
			entry.button.style.opacity = hidden.has(entry.index) ? "0.45" : "1";
		}
	}
	show();
	return { list, show };
}

function selectRange(plot, viewport) {
	if (plot.select.width < 4)
		return;
	const from = plot.posToVal(plot.select.left, "x");
	const to = plot.posToVal(plot.select.left + plot.select.width, "x");
	plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	viewport.set(from, to);
}

function attachPointer(plot, viewport) {
	const over = plot.over;
	over.addEventListener("dblclick", () => viewport.reset());
	over.addEventListener("wheel", (event) => {
		if (!event.ctrlKey && !event.metaKey && !event.shiftKey)
			return;
		event.preventDefault();
		const delta = event.deltaY || event.deltaX;
		if (event.shiftKey)
			viewport.pan(delta > 0 ? 0.1 : -0.1);
		else
			viewport.zoom(delta > 0 ? 1.25 : 0.8, plot.posToVal(event.offsetX, "x"));
	}, { passive: false });
}

function chartNotes(report, other) {
	const notes = ["Drag to zoom, double-click to see all; Ctrl and wheel zooms, Shift and wheel pans.",
		"Areas are samples: what ended between two of them may lie above."];
	if (report.pss.length && !other)
		notes.push("Dots are sums of PSS, where shared pages count once.");
	if (other)
		notes.push("The pink line is the total of " + other.label + ".");
	return notes.join(" ");
}

function chartSection(report, other, viewport) {
	if (!report.series.times.length)
		return section("chart", "Memory over time", null, element("p", { class: "empty" },
			"This report has no timeline. memwatch run --json=FILE always writes one."));
	if (typeof uPlot === "undefined")
		return section("chart", "Memory over time", null,
			document.querySelector("#picture svg").cloneNode(true));
	const holder = element("div", { class: "chart", tabindex: "0", role: "group",
		"aria-label": "memory over time; arrow keys pan, plus and minus zoom, 0 shows all" });
	const hidden = new Set();
	let plot = null;
	const legend = chartLegend(report, hidden, rebuild);
	function rebuild() {
		if (plot)
			plot.destroy();
		const data = stackData(report, hidden);
		plot = new uPlot(chartOptions(report, other, viewport, holder.clientWidth, {
			draw: [(drawn) => drawOverlays(drawn, report, other)],
			setSelect: [(drawn) => selectRange(drawn, viewport)],
			setCursor: [(drawn) => legend.show(drawn.cursor.idx)],
		}), data, holder);
		attachPointer(plot, viewport);
		legend.show();
	}
	holder.addEventListener("keydown", (event) => viewportKey(viewport, event));
	viewport.listeners.push(() => plot && plot.setScale("x", { min: viewport.from, max: viewport.to }));
	onRedraw(rebuild);
	return section("chart", "Memory over time", chartNotes(report, other), zoomBar(viewport), holder,
		legend.list);
}

function zoomBar(viewport) {
	const actions = [
		["Zoom in", () => viewport.zoom(0.5)], ["Zoom out", () => viewport.zoom(2)],
		["←", () => viewport.pan(-0.2)], ["→", () => viewport.pan(0.2)],
		["All", () => viewport.reset()],
	];
	const range = element("span", { class: "count" });
	const show = () => {
		range.textContent = formatSeconds(viewport.from) + " to " + formatSeconds(viewport.to);
	};
	viewport.listeners.push(show);
	show();
	return element("div", { class: "bar", role: "group", "aria-label": "time axis" },
		...actions.map(([text, action]) => element("button", { onclick: action }, text)), range);
}
