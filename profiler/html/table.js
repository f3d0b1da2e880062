// SPDX-License-Identifier: MIT
// Tables that sort, search, and show more rows when asked: twenty thousand at once are too many.

const ROWS_FIRST = 100;
const ROWS_MORE = 1000;

function commandCell(command) {
	const shown = visible(command);
	if (shown.length <= 160)
		return element("bdi", {}, shown);
	return element("details", {}, element("summary", {}, element("bdi", {}, shorten(shown, 140))),
		element("bdi", {}, shown));
}

function compareValues(a, b) {
	// What isn't known comes last, whichever way the rest goes.
	if (a === null || a === undefined || b === null || b === undefined)
		return 0;
	if (typeof a === "number" && typeof b === "number")
		return a - b;
	return String(a).localeCompare(String(b));
}

function isMissing(value) {
	return value === null || value === undefined || value === "" || Number.isNaN(value);
}

function sortRows(rows, column, descending) {
	const keyed = rows.map((row, index) => ({ row, index, key: column.sort(row) }));
	keyed.sort((a, b) => {
		if (isMissing(a.key) !== isMissing(b.key))
			return isMissing(a.key) ? 1 : -1;
		const order = compareValues(a.key, b.key);
		return (descending ? -order : order) || a.index - b.index;
	});
	return keyed.map(({ row }) => row);
}

function tableCell(column, row) {
	const content = column.cell ? column.cell(row) : element("bdi", {}, column.text(row));
	return element("td", { class: column.number ? "number" : column.class || "" }, content);
}

// columns: title, sort(row), text(row) or cell(row), number, class. options: first (rows shown at
// once), sorted (column, descending), search(row) for a search box.
function makeTable(label, columns, rows, options) {
	const state = { column: options.sorted, descending: true, query: "", shown: options.first || ROWS_FIRST };
	const body = element("tbody", {});
	const count = element("span", { class: "count", "aria-live": "polite" });
	const more = element("button", { onclick: () => { state.shown += ROWS_MORE; fill(); } }, "Show more");
	const heads = columns.map((column, index) => {
		const button = element("button", { onclick: () => {
			state.descending = state.column === index ? !state.descending : Boolean(column.number);
			state.column = index;
			fill();
		} }, column.title);
		return element("th", { scope: "col", class: column.number ? "number" : "" }, button);
	});
	function fill() {
		const found = state.query
			? rows.filter((row) => options.search(row).toLowerCase().includes(state.query)) : rows;
		const sorted = state.column === undefined
			? found : sortRows(found, columns[state.column], state.descending);
		heads.forEach((head, index) => head.setAttribute("aria-sort", index !== state.column
			? "none" : state.descending ? "descending" : "ascending"));
		body.replaceChildren(...sorted.slice(0, state.shown).map((row) =>
			element("tr", {}, ...columns.map((column) => tableCell(column, row)))));
		count.textContent = formatCount(found.length) + (state.query ? " of " + formatCount(rows.length) : "");
		more.hidden = sorted.length <= state.shown;
	}
	const search = options.search ? element("input", { type: "search", id: options.searchId,
		placeholder: "search ( / )", "aria-label": "search " + label, oninput: (event) => {
			state.query = event.target.value.trim().toLowerCase();
			fill();
		} }) : null;
	fill();
	const table = element("table", {}, element("caption", { class: "hidden" }, label),
		element("thead", {}, element("tr", {}, ...heads)), body);
	const bar = search ? element("div", { class: "bar" }, search, count) : null;
	return { node: element("div", {}, bar,
		element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table), more), search };
}
