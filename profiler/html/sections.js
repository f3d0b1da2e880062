// SPDX-License-Identifier: MIT
// The tables below the pictures.

const SVG = "http://www.w3.org/2000/svg";
const SPARK_WIDTH = 90;
const SPARK_HEIGHT = 16;

function sparkline(report, process) {
	const points = process.points || [];
	if (points.length < 4)
		return element("span", {});
	const from = startOf(process);
	const width = Math.max(endOf(report, process) - from, 1e-3);
	const path = [];
	for (let at = 0; at < points.length; at += 2) {
		const x = (((points[at] - from) / width) * SPARK_WIDTH).toFixed(1);
		const y = (SPARK_HEIGHT - Math.min(1, points[at + 1] / (process.rss || 1)) * (SPARK_HEIGHT - 1)).toFixed(1);
		path.push(path.length ? "H" + x + "V" + y : "M" + x + " " + y);
	}
	const drawn = document.createElementNS(SVG, "svg");
	drawn.setAttribute("width", SPARK_WIDTH);
	drawn.setAttribute("height", SPARK_HEIGHT + 1);
	drawn.setAttribute("aria-hidden", "true");
	const line = document.createElementNS(SVG, "path");
	line.setAttribute("d", path.join("") + "H" + SPARK_WIDTH);
	line.setAttribute("fill", "none");
	line.setAttribute("stroke", "currentColor");
	drawn.append(line);
	return drawn;
}

function exactMark(process) {
	const source = process.source || "";
	return element("span", { class: process.exact ? "mark exact" : "mark",
		title: lookUp(SOURCES, source, "the largest sample: a lower bound") },
		process.exact ? "exact" : source === "none" ? "counted" : "sampled");
}

function cpuOf(process) {
	return known(process.utime_seconds) ? process.utime_seconds + (process.stime_seconds || 0) : null;
}

function processColumns(report) {
	const columns = [
		{ title: "Peak RSS", number: true, sort: (row) => row.rss, text: (row) => formatKib(row.rss) },
		{ title: "Known", sort: (row) => row.source || String(row.exact), cell: exactMark },
		{ title: "Over its life", sort: (row) => (row.points || []).length,
			cell: (row) => sparkline(report, row), optional: (row) => row.points },
		{ title: "PSS", number: true, sort: (row) => row.pss_peak_kib,
			text: (row) => formatKib(row.pss_peak_kib), optional: (row) => known(row.pss_peak_kib) },
		{ title: "Start", number: true, sort: (row) => row.start, text: (row) => formatSeconds(row.start) },
		{ title: "Life", number: true, sort: (row) => endOf(report, row) - startOf(row),
			text: (row) => formatSeconds(endOf(report, row) - startOf(row)) },
		{ title: "CPU", number: true, sort: cpuOf, text: (row) => formatSeconds(cpuOf(row)),
			optional: (row) => known(cpuOf(row)) },
		{ title: "Exit", sort: exitText, cell: (row) => element("span",
			{ class: known(row.signal) || row.exit_code ? "bad" : "" }, exitText(row)),
			optional: (row) => exitText(row) },
		{ title: "pid", number: true, sort: (row) => row.pid, text: (row) => String(row.pid) },
		{ title: "Command", class: "command", sort: (row) => row.command,
			cell: (row) => commandCell(row.command) },
	];
	return columns.filter((column) => !column.optional || report.processes.some(column.optional));
}

function processesSection(report) {
	if (!report.processes.length)
		return null;
	const table = makeTable("processes", processColumns(report), report.processes, {
		sorted: 0, searchId: "search",
		search: (row) => row.command + " " + row.name + " " + row.pid + " " + (row.exe || ""),
	});
	const made = section("processes", "Processes",
		"Exact: the kernel's own high-water mark. Sampled: at least this much.", table.node);
	made.classList.add("long");
	return made;
}

function groupSwatch(report, name) {
	const swatch = element("span", { class: "swatch" });
	const paint = () => { swatch.style.background = groupColour(colourOf(report, name)); };
	onRedraw(paint);
	paint();
	return element("span", {}, report.colours.has(name) ? swatch : null,
		element("bdi", {}, shorten(visible(name), 80)));
}

// Reports of other tools have no groups: make them of the processes.
function groupsOf(report) {
	if (report.groups && report.groups.length)
		return report.groups;
	const groups = new Map();
	for (const process of report.processes) {
		const group = groups.get(process.name) ||
			{ name: process.name, processes: 0, max_rss_kib: 0, peak_total_rss_kib: null };
		group.processes++;
		group.max_rss_kib = Math.max(group.max_rss_kib, process.rss);
		groups.set(process.name, group);
	}
	return Array.from(groups.values());
}

function groupsSection(report) {
	const groups = groupsOf(report);
	if (!groups.length)
		return null;
	const summed = groups.some((group) => known(group.peak_total_rss_kib));
	const columns = [
		{ title: "Group", sort: (row) => row.name, cell: (row) => groupSwatch(report, row.name) },
		{ title: "Largest sum", number: true, sort: (row) => row.peak_total_rss_kib,
			text: (row) => formatKib(row.peak_total_rss_kib) },
		{ title: "Largest process", number: true, sort: (row) => row.max_rss_kib,
			text: (row) => formatKib(row.max_rss_kib) },
		{ title: "Processes", number: true, sort: (row) => row.processes,
			text: (row) => formatCount(row.processes) },
	].filter((column) => summed || column.title !== "Largest sum");
	return section("groups", "Groups", "By " + (report.group_by || "command") + ".",
		makeTable("groups", columns, groups, { sorted: 1, first: 20 }).node);
}

function leaksSection(report) {
	if (!report.leaks)
		return null;
	if (!report.leaks.length)
		return section("leaks", "Leaks", null, element("p", { class: "empty" },
			"No process grew for long enough to be suspected."));
	return section("leaks", "Leaks", "Processes that kept growing.", makeTable("leaks", [
		{ title: "Growth", number: true, sort: (row) => row.growth_kib, text: (row) => formatKib(row.growth_kib) },
		{ title: "", number: true, sort: (row) => row.growth_percent,
			text: (row) => known(row.growth_percent) ? "+" + row.growth_percent.toFixed(0) + " %" : UNKNOWN },
		{ title: "Per hour", number: true, sort: (row) => row.slope_mib_per_hour,
			text: (row) => known(row.slope_mib_per_hour) ? formatKib(row.slope_mib_per_hour * 1024) : UNKNOWN },
		{ title: "Over", number: true, sort: (row) => row.duration_seconds, text: (row) => formatSeconds(row.duration_seconds) },
		{ title: "Limit in", number: true, sort: (row) => row.seconds_to_limit, text: (row) => formatSeconds(row.seconds_to_limit) },
		{ title: "pid", number: true, sort: (row) => row.pid, text: (row) => String(row.pid) },
		{ title: "Command", class: "command", sort: (row) => row.command, cell: (row) => commandCell(row.command) },
	], report.leaks, { sorted: 0 }).node);
}

function limitsSection(report) {
	if (!report.limits || !report.limits.length)
		return null;
	return section("limits", "Limits", null, makeTable("limits", [
		{ title: "Limit", sort: (row) => row.name, text: (row) => visible(row.name) },
		{ title: "Allowed", number: true, sort: (row) => row.limit_kib, text: (row) => formatKib(row.limit_kib) },
		{ title: "Largest", number: true, sort: (row) => row.value_kib, text: (row) => formatKib(row.value_kib) },
		{ title: "", sort: (row) => String(row.exceeded), cell: (row) => element("span",
			{ class: row.exceeded ? "bad" : "good" }, row.exceeded ? "exceeded" : "kept") },
		{ title: "At", number: true, sort: (row) => row.elapsed_seconds, text: (row) => formatSeconds(row.elapsed_seconds) },
		{ title: "Culprit", class: "command", sort: (row) => row.command,
			cell: (row) => row.command ? commandCell(row.command + " (pid " + row.pid + ")") : "" },
	], report.limits, {}).node);
}

function runsSection(report) {
	if (report.runs.length < 2)
		return null;
	const rows = report.runs.map((run, index) => Object.assign({ number: index + 1 }, run));
	const size = (title, key) => ({ title, number: true, sort: (row) => row[key], text: (row) => formatKib(row[key]) });
	return section("runs", "Runs", "This page shows the run with the median peak.", makeTable("runs", [
		{ title: "Run", number: true, sort: (row) => row.number, text: (row) => String(row.number) },
		size("Total RSS", "total_rss"), size("Total PSS", "total_pss"), size("Control group", "cgroup"),
		size("Largest process", "max_process"),
		{ title: "Duration", number: true, sort: (row) => row.duration, text: (row) => formatSeconds(row.duration) },
		{ title: "Processes", number: true, sort: (row) => row.processes, text: (row) => formatCount(row.processes) },
	], rows, {}).node);
}

function provenanceFacts(report) {
	const host = report.host || {};
	const complete = report.completeness || {};
	return [
		["File", report.path],
		["Written by", report.format + (report.memwatch_version ? " " + report.memwatch_version : "")],
		["Started", report.start_time], ["Ended", report.end_time],
		["Host", host.hostname],
		["Machine", host.machine && [host.machine, host.cpus + " CPUs", formatKib(host.memory_kib)].join(", ")],
		["Kernel", host.kernel],
		["Followed by", report.tracker],
		["Notes", report.tracker_notes.join("; ")],
		["Interval", known(report.interval_ms) ? report.interval_ms + " ms" : null],
		["Samples", known(report.samples) ? formatCount(report.samples) : null],
		["memwatch took", report.own_cpu_seconds > 0 ? formatSeconds(report.own_cpu_seconds) + " of CPU" : null],
		["Completeness", complete.line],
		["Events lost", known(complete.events_lost) ? formatCount(complete.events_lost) : null],
		["Left running", report.left_running.length
			? report.left_running.length + " processes outlived the report" : null],
		["Out of memory", report.oom ? report.oom.command + " (pid " + report.oom.pid + "), " +
			formatKib(report.oom.rss_kib) + ", says " + report.oom.source : null],
		["Left out", known(report.filtered_process_count)
			? report.filtered_process_count + " processes by a filter, " + formatKib(report.filtered_total_rss_kib) : null],
		["Complete", report.complete === false ? "no: a checkpoint of a running job" : null],
	].filter(([, value]) => value);
}

function provenanceSection(report) {
	const list = element("dl", { class: "facts" });
	for (const [name, value] of provenanceFacts(report))
		list.append(element("dt", {}, name), element("dd", {}, element("bdi", {}, visible(value))));
	return section("provenance", "Where this comes from", null, list);
}
