// SPDX-License-Identifier: MIT
// The report as objects. Nothing is taken for granted: reports of other tools lack most keys.

function processOf(fields, row, index) {
	const process = { index: index };
	fields.forEach((field, column) => { process[field] = row[column]; });
	process.children = [];
	return process;
}

// Parents as the file has them; a file that makes somebody their own ancestor is cut there.
function linkChildren(processes) {
	const checked = new Set();
	for (const process of processes) {
		const path = new Set();
		let at = process;
		while (at && !checked.has(at) && !path.has(at)) {
			path.add(at);
			at = processes[at.parent];
		}
		if (at && path.has(at))
			at.parent = null;
		path.forEach((one) => checked.add(one));
	}
	for (const process of processes) {
		const parent = processes[process.parent];
		if (parent)
			parent.children.push(process);
	}
}

function totalsOf(series) {
	return series.times.map((time, at) =>
		series.bands.reduce((sum, band) => sum + band.values[at], 0));
}

function listOf(value, type) {
	return Array.isArray(value) ? value.filter((one) => one && typeof one === type) : [];
}

// What is passed on from the file has the types it should have, or is not there.
function checkTypes(report) {
	for (const key of ["limits", "leaks", "groups"]) {
		if (report[key] !== undefined)
			report[key] = listOf(report[key], "object").map((one) =>
				Object.assign({}, one, { command: textOrNull(one.command), name: textOrNull(one.name) }));
	}
	for (const key of ["host", "completeness", "peak", "oom", "child_exit"]) {
		if (report[key] !== null && typeof report[key] !== "object")
			report[key] = undefined;
	}
	report.tracker_notes = listOf(report.tracker_notes, "string");
	report.left_running = listOf(report.left_running, "string");
	if (report.peak)
		report.peak.processes = listOf(report.peak.processes, "object");
}

function textOrNull(value) {
	return value === null || value === undefined ? null : String(value);
}

function reportOf(raw, label) {
	const report = Object.assign({}, raw);
	checkTypes(report);
	report.label = label;
	report.processes = raw.processes.map((row, index) => processOf(raw.fields, row, index));
	linkChildren(report.processes);
	report.colours = new Map(raw.series.bands.slice(0, GROUP_COLOURS)
		.map((band, index) => [band.name, index]));
	report.totals = totalsOf(raw.series);
	report.duration = raw.series.duration || raw.metrics.duration || 1;
	report.byPid = new Map(report.processes.map((process) => [process.pid, process]));
	return report;
}

// The number of a program's colour.
function colourOf(report, name) {
	const index = report.colours.get(name);
	return index === undefined ? GROUP_COLOURS : index;
}

// A program that both reports show has the same colour in both.
function shareColours(from, to) {
	const free = new Set(Array.from({ length: GROUP_COLOURS }, (unused, index) => index));
	const names = Array.from(to.colours.keys());
	const shared = names.filter((name) => from.colours.has(name));
	shared.forEach((name) => free.delete(from.colours.get(name)));
	const rest = Array.from(free);
	to.colours = new Map(names.map((name) =>
		[name, from.colours.has(name) ? from.colours.get(name) : rest.shift()]));
}

function endOf(report, process) {
	return known(process.end) ? process.end : report.duration;
}

function startOf(process) {
	return known(process.start) ? process.start : 0;
}

function exitText(process) {
	if (known(process.signal))
		return "signal " + process.signal;
	return known(process.exit_code) ? String(process.exit_code) : "";
}

const SOURCES = {
	vmhwm: "the kernel's high-water mark, read when it exited",
	taskstats: "the kernel's high-water mark, from its exit record",
	shared: "ran only in its parent's memory, counted there",
	rusage: "ru_maxrss when it was reaped",
	vmhwm_sampled: "high-water mark when last looked at: a lower bound",
	sampled: "the largest sample: a lower bound",
	none: "seen, but never measured",
};

// The part of the time axis that is shown: chart and lanes share it.
function viewportOf(duration) {
	const viewport = { from: 0, to: duration, duration: duration, listeners: [] };
	viewport.set = (from, to) => {
		const width = Math.min(Math.max(to - from, duration / 20000), duration);
		viewport.from = Math.max(0, Math.min(from, duration - width));
		viewport.to = viewport.from + width;
		viewport.listeners.forEach((listener) => listener());
	};
	viewport.zoom = (factor, centre) => {
		const width = viewport.to - viewport.from;
		const middle = centre === undefined ? viewport.from + width / 2 : centre;
		const share = (middle - viewport.from) / width;
		viewport.set(middle - width * factor * share, middle + width * factor * (1 - share));
	};
	viewport.pan = (share) => {
		const step = (viewport.to - viewport.from) * share;
		viewport.set(viewport.from + step, viewport.to + step);
	};
	viewport.reset = () => viewport.set(0, duration);
	return viewport;
}

// True when the key was for the time axis.
function viewportKey(viewport, event) {
	const actions = {
		ArrowLeft: () => viewport.pan(-0.2),
		ArrowRight: () => viewport.pan(0.2),
		"+": () => viewport.zoom(0.5),
		"=": () => viewport.zoom(0.5),
		"-": () => viewport.zoom(2),
		"0": () => viewport.reset(),
	};
	const action = lookUp(actions, event.key, null);
	if (!action || event.ctrlKey || event.metaKey || event.altKey)
		return false;
	action();
	event.preventDefault();
	return true;
}
