// SPDX-License-Identifier: MIT
// One lane for each process: a bar for its life, coloured by its size.

const LANE_ROOMY = 16;
const LANE_DENSE = 5;
const LANES_HEIGHT = 28 * LANE_ROOMY;
const LABEL_SHARE = 0.24;
const LABEL_MAX = 300;
const AXIS = 20;

// Logarithmic: a process of a tenth of the largest one is still of another colour.
function heatColour(kib, most) {
	if (!known(kib) || kib <= 0)
		return colour("heat-0");
	const share = Math.log2(1 + kib) / Math.log2(1 + most);
	const step = share > 0.97 ? 4 : share > 0.88 ? 3 : share > 0.76 ? 2 : share > 0.6 ? 1 : 0;
	return colour("heat-" + step);
}


function lanePainter(report, viewport, state) {
	const most = Math.max(1, report.metrics.max_process || 1);
	const xOf = (seconds, left, width) =>
		left + ((seconds - viewport.from) / (viewport.to - viewport.from)) * width;

	function paintLabel(context, row, y, left) {
		const indent = 6 + Math.min(row.depth, 12) * 9;
		if (state.lane < LANE_ROOMY)
			return;
		context.fillStyle = colour("text");
		if (row.process.children.length)
			context.fillText(state.collapsed.has(row.process) ? "▸" : "▾", indent, y + state.lane - 4);
		context.save();
		context.beginPath();
		context.rect(0, y, left - 8, state.lane);
		context.clip();
		context.fillText(shorten(visible(row.process.name), 30), indent + 12, y + state.lane - 4);
		context.fillStyle = colour("muted");
		context.textAlign = "right";
		context.fillText(String(row.process.pid), left - 10, y + state.lane - 4);
		context.restore();
	}

	function paintBar(context, process, y, left, width) {
		const from = xOf(startOf(process), left, width);
		const to = xOf(endOf(report, process), left, width);
		if (to < left || from > left + width)
			return;
		context.fillStyle = heatColour(process.rss, most);
		// Shorter than a pixel: a tick, higher than a bar, so that it is seen.
		if (to - from < 2)
			context.fillRect(Math.max(left, from), y + 1, 2, state.lane - 1);
		else
			paintLife(context, process, y, Math.max(left, from), Math.min(left + width, to),
				(seconds) => xOf(seconds, left, width));
	}

	function paintLife(context, process, y, from, to, x) {
		const margin = state.lane < LANE_ROOMY ? 1 : 3;
		const tall = state.lane - 2 * margin;
		context.fillRect(from, y + margin, to - from, tall);
		const points = process.points || [];
		for (let at = 0; at + 1 < points.length; at += 2) {
			const begin = Math.max(from, x(points[at]));
			const end = Math.min(to, at + 2 < points.length ? x(points[at + 2]) : to);
			context.fillStyle = heatColour(points[at + 1], most);
			if (end > begin)
				context.fillRect(begin, y + margin, end - begin, tall);
		}
	}

	function paintAxis(context, left, width, height) {
		context.fillStyle = colour("muted");
		context.strokeStyle = colour("grid");
		for (let tick = 0; tick <= 4; tick++) {
			const seconds = viewport.from + ((viewport.to - viewport.from) * tick) / 4;
			const x = left + (width * tick) / 4;
			context.textAlign = tick === 0 ? "left" : tick === 4 ? "right" : "center";
			context.fillText(formatSeconds(seconds), x, 13);
			context.beginPath();
			context.moveTo(Math.round(x) + 0.5, AXIS);
			context.lineTo(Math.round(x) + 0.5, height);
			context.stroke();
		}
		context.textAlign = "left";
	}

	return { paintLabel, paintBar, paintAxis };
}

function laneLines(report, process) {
	const lines = [
		shorten(visible(process.name), 60) + ", pid " + process.pid,
		formatKib(process.rss) + (process.exact ? " exactly" : " at least"),
		formatSeconds(startOf(process)) + " to " +
			(known(process.end) ? formatSeconds(process.end) : "the end of the report") +
			" (" + formatSeconds(endOf(report, process) - startOf(process)) + ")",
	];
	if (exitText(process))
		lines.push((known(process.signal) ? "" : "exit code ") + exitText(process));
	lines.push(shorten(visible(process.command), 300));
	return lines;
}

function attachLanePointer(view, report, state, rowAt) {
	view.canvas.addEventListener("mousemove", (event) => {
		const at = rowAt(event);
		const row = state.rows[at];
		row ? showTooltip(event, laneLines(report, row.process)) : hideTooltip();
	});
	view.canvas.addEventListener("mouseleave", hideTooltip);
	view.canvas.addEventListener("click", (event) => {
		const row = state.rows[rowAt(event)];
		if (!row)
			return;
		const label = Math.min(LABEL_MAX, view.canvas.clientWidth * LABEL_SHARE);
		if (event.offsetX < label && row.process.children.length)
			state.toggle(row.process);
		state.choose(state.rows.indexOf(row));
	});
}

function laneKey(state, viewport, event) {
	const row = state.rows[state.chosen];
	const moves = { ArrowUp: -1, ArrowDown: 1, PageUp: -state.page(), PageDown: state.page(),
		Home: -state.rows.length, End: state.rows.length };
	if (event.key in moves) {
		state.choose(state.chosen + moves[event.key]);
	} else if (row && row.process.children.length && (event.key === "Enter" || event.key === " " ||
		(event.key === "ArrowLeft" && !state.collapsed.has(row.process)) ||
		(event.key === "ArrowRight" && state.collapsed.has(row.process)))) {
		state.toggle(row.process);
	} else {
		viewportKey(viewport, event);
		return;
	}
	event.preventDefault();
}

function laneState(report, scroll, changed) {
	const state = { collapsed: new Set(), rows: [], chosen: 0, lane: LANE_ROOMY };
	state.page = () => Math.floor(LANES_HEIGHT / state.lane);
	state.resize = () => {
		state.lane = state.lane === LANE_ROOMY ? LANE_DENSE : LANE_ROOMY;
		changed(true);
	};
	state.refresh = () => {
		state.rows = treeRows(report, state.collapsed);
		state.chosen = Math.min(state.chosen, state.rows.length - 1);
		changed(true);
	};
	state.toggle = (process) => {
		state.collapsed.has(process) ? state.collapsed.delete(process) : state.collapsed.add(process);
		state.refresh();
	};
	state.choose = (index) => {
		state.chosen = Math.max(0, Math.min(index, state.rows.length - 1));
		const top = state.chosen * state.lane;
		const room = scroll.clientHeight - AXIS - state.lane;
		if (top < scroll.scrollTop)
			scroll.scrollTop = top;
		else if (top > scroll.scrollTop + room)
			scroll.scrollTop = top - room;
		changed(false);
	};
	state.collapseAll = () => {
		report.processes.filter((process) => process.children.length && report.processes[process.parent])
			.forEach((process) => state.collapsed.add(process));
		state.refresh();
	};
	state.expandAll = () => {
		state.collapsed.clear();
		state.refresh();
	};
	return state;
}

// The canvas is as high as the window on the lanes and stays in it; a spacer makes the scroll bar.
function lanesSection(report, viewport) {
	if (!report.processes.length)
		return null;
	const scroll = element("div", { class: "scroll lanes" });
	const spacer = element("div", {});
	const details = element("p", { class: "hint", "aria-live": "polite" });
	const state = laneState(report, scroll, (resized) => {
		if (resized)
			view.redraw();
		paint();
		const row = state.rows[state.chosen];
		details.replaceChildren(element("bdi", {}, row ? laneLines(report, row.process).join(" · ") : ""));
	});
	const painter = lanePainter(report, viewport, state);
	let size = null;
	const view = canvasView("processes over time; up and down choose, left and right fold",
		() => AXIS + Math.min(state.rows.length, state.page()) * state.lane,
		(context, width, height) => {
			size = { context, width, height };
			spacer.style.height = Math.max(0, state.rows.length * state.lane + AXIS - height) + "px";
			paint();
		});
	function paint() {
		if (!size)
			return;
		const { context, width, height } = size;
		const left = Math.min(LABEL_MAX, width * LABEL_SHARE);
		const first = Math.floor(scroll.scrollTop / state.lane);
		const shift = scroll.scrollTop - first * state.lane;
		context.clearRect(0, 0, width, height);
		context.font = "11px system-ui, sans-serif";
		painter.paintAxis(context, left, width - left - 8, height);
		context.save();
		context.beginPath();
		context.rect(0, AXIS, width, height);
		context.clip();
		for (let at = first; at < Math.min(state.rows.length, first + state.page() + 2); at++) {
			const y = AXIS + (at - first) * state.lane - shift;
			if (at === state.chosen) {
				context.fillStyle = colour("grid");
				context.fillRect(0, y, width, state.lane);
			}
			painter.paintLabel(context, state.rows[at], y, left);
			painter.paintBar(context, state.rows[at].process, y, left, width - left - 8);
		}
		context.restore();
	}
	const rowAt = (event) => event.offsetY < AXIS ? -1
		: Math.floor((event.offsetY - AXIS + scroll.scrollTop) / state.lane);
	view.canvas.classList.add("pinned");
	attachLanePointer(view, report, state, rowAt);
	view.canvas.addEventListener("keydown", (event) => laneKey(state, viewport, event));
	scroll.addEventListener("scroll", paint);
	viewport.listeners.push(paint);
	scroll.append(view.canvas, spacer);
	state.rows = treeRows(report, state.collapsed);
	const bar = element("div", { class: "bar" },
		element("button", { onclick: state.collapseAll }, "Fold all"),
		element("button", { onclick: state.expandAll }, "Unfold all"),
		element("button", { onclick: state.resize }, "Dense / roomy"),
		element("span", { class: "count" }, formatCount(report.processes.length) + " processes" +
			(report.processes_left_out ? ", " + formatCount(report.processes_left_out) + " smaller ones left out" : "")));
	return section("lanes", "Processes over time",
		"One lane for each process: the stronger its colour the larger, red the largest. Ticks lived too short for a bar.",
		bar, scroll, details);
}
