// SPDX-License-Identifier: MIT
// What changed between two reports, as `memwatch compare` judges it.

const VERDICT_TEXTS = {
	same: ["", ""], noise: ["within the noise", ""], better: ["better", "good"],
	worse: ["worse", "bad"], unsure: ["one run can't tell", "warn"],
	unknown: ["on one side only", ""], "new": ["new", "warn"], vanished: ["vanished", ""],
};

const COUNT_TEXTS = { better: ["fewer", ""], worse: ["more", ""] };

function formatUnit(unit, value) {
	return unit === "KiB" ? formatKib(value) : unit === "s" ? formatSeconds(value) : formatCount(value);
}

function medianOf(side) {
	return side ? side.median : null;
}

function deltaTable(label, title, rows, options) {
	return makeTable(label, [
		{ title, class: options.commands ? "command" : "", sort: (row) => row.label, cell: (row) => commandCell(row.label) },
		{ title: "Base", number: true, sort: (row) => medianOf(row.base),
			text: (row) => formatUnit(row.unit, medianOf(row.base)) },
		{ title: "Candidate", number: true, sort: (row) => medianOf(row.candidate),
			text: (row) => formatUnit(row.unit, medianOf(row.candidate)) },
		{ title: "Change", number: true, sort: (row) => row.change_percent,
			text: (row) => formatChange(medianOf(row.base), medianOf(row.candidate)) },
		{ title: "", sort: (row) => row.verdict, cell: (row) => {
			const usual = lookUp(VERDICT_TEXTS, row.verdict, [row.verdict, ""]);
			const [text, kind] = row.unit === "1" ? lookUp(COUNT_TEXTS, row.verdict, usual) : usual;
			return element("span", { class: kind }, row.regression ? "regression" : text);
		} },
	], rows, options).node;
}

function comparisonSection(comparison) {
	if (!comparison)
		return null;
	const metrics = comparison.metrics.filter((row) => row.base || row.candidate);
	const parts = [deltaTable("the whole job", "Job", metrics, {})];
	if (comparison.groups.length)
		parts.push(element("h3", {}, "Groups"), deltaTable("groups compared", "Group", comparison.groups, { first: 15 }));
	if (comparison.processes.length)
		parts.push(element("h3", {}, "Command lines on one side only"),
			deltaTable("new and vanished processes", "Command", comparison.processes, { first: 10, commands: true }));
	return section("comparison", "What changed",
		comparison.regression ? "Regression." : "No regression.", ...parts);
}
