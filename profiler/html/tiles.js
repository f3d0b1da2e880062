// SPDX-License-Identifier: MIT
// The numbers that answer most questions.

const VERDICTS = {
	ok: ["finished", "good"],
	running: ["still running: a checkpoint", "warn"],
	"exit-nonzero": ["failed", "bad"],
	"killed-by-signal": ["killed by a signal", "bad"],
	"oom-killed": ["killed: out of memory", "bad"],
	"limit-exceeded": ["limit exceeded", "bad"],
	"leak-suspected": ["leak suspected", "warn"],
	interrupted: ["interrupted", "warn"],
	"not-started": ["not started", "bad"],
};

function tile(name, value, note, kind) {
	return element("div", { class: "tile" },
		element("div", { class: "name" }, name),
		element("div", { class: "value " + (kind || "") }, value),
		note ? element("div", { class: "note" }, element("bdi", {}, note)) : null);
}

function boundsNote(peak) {
	if (!peak || !known(peak.bound_high_kib))
		return peak && known(peak.elapsed_seconds)
			? "sampled, at " + formatSeconds(peak.elapsed_seconds) : null;
	return "true peak " + formatKib(peak.bound_low_kib) + " to " +
		formatKib(peak.bound_high_kib) + ", at " + formatSeconds(peak.elapsed_seconds);
}

// PSS is measured now and then: say so when no measurement was near the peak.
function pssNote(report) {
	const near = report.pss.some(([, kib]) => kib >= 0.5 * report.metrics.total_rss);
	const text = "shared pages counted once, the largest of " + report.pss.length +
		(report.pss.length === 1 ? " measurement" : " measurements");
	if (!report.pss.length)
		return "shared pages counted once";
	return near ? text : text + "; none at the peak";
}

function processesTile(report) {
	const complete = report.completeness;
	if (!complete)
		return tile("Processes", formatCount(report.metrics.processes), null);
	const inexact = complete.processes - complete.exact;
	const note = complete.line + (complete.events_lost
		? "; " + formatCount(complete.events_lost) + " events lost" : "");
	return tile("Processes", formatCount(complete.processes), note, inexact ? "warn" : "");
}

function verdictTile(report) {
	const [text, kind] = lookUp(VERDICTS, report.verdict, [report.verdict || UNKNOWN, ""]);
	const ended = report.child_exit || { code: report.exit_code };
	const note = known(ended.signal) ? "signal " + ended.signal
		: known(ended.code) ? "exit code " + ended.code : null;
	return tile("Verdict", visible(text), note, kind);
}

function limitsTile(report) {
	const limits = report.limits || [];
	if (!limits.length)
		return null;
	const broken = limits.filter((limit) => limit.exceeded);
	return tile("Limits", broken.length ? broken.length + " exceeded" : "all kept",
		limits.map((limit) => limit.name + " " + formatKib(limit.limit_kib)).join(", "),
		broken.length ? "bad" : "good");
}

function tiles(report) {
	const metrics = report.metrics;
	const largest = report.processes.reduce((best, process) =>
		!best || process.rss > best.rss ? process : best, null);
	const made = [];
	if (known(metrics.total_rss))
		made.push(tile("Peak total RSS", formatKib(metrics.total_rss), boundsNote(report.peak)));
	if (known(metrics.total_pss))
		made.push(tile("Peak total PSS", formatKib(metrics.total_pss), pssNote(report)));
	if (known(metrics.cgroup))
		made.push(tile("Control group peak", formatKib(metrics.cgroup), "page cache included"));
	if (known(metrics.swap) && metrics.swap > 0)
		made.push(tile("Peak swap", formatKib(metrics.swap), null, "warn"));
	made.push(tile("Largest process", formatKib(metrics.max_process), largest
		? shorten(visible(largest.name), 40) + ", pid " + largest.pid : null));
	if (known(metrics.processes))
		made.push(processesTile(report));
	made.push(tile("Duration", formatSeconds(metrics.duration), report.runs.length > 1
		? "the median of " + report.runs.length + " runs" : null));
	if (report.verdict || known(report.exit_code))
		made.push(verdictTile(report));
	made.push(limitsTile(report));
	return element("div", { class: "tiles" }, ...made);
}
