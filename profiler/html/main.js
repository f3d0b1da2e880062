// SPDX-License-Identifier: MIT

const THEME_KEY = "memwatch-theme";

// A page of file:// may have no storage.
function rememberTheme(theme) {
	try {
		localStorage.setItem(THEME_KEY, theme);
	} catch (error) {
		return;
	}
}

function rememberedTheme() {
	try {
		return localStorage.getItem(THEME_KEY);
	} catch (error) {
		return null;
	}
}

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function applyTheme(theme) {
	document.documentElement.dataset.theme = theme || (systemDark.matches ? "dark" : "light");
}

function themeButton() {
	return element("button", { onclick: () => {
		const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
		rememberTheme(theme);
		applyTheme(theme);
		redrawAll();
	} }, "Light / dark");
}

function labelsOf(count) {
	return count === 2 ? ["base", "candidate"] : [""];
}

function header(reports, shown, choose) {
	const report = reports[shown];
	const choice = reports.length < 2 ? null : element("span", { role: "group", "aria-label": "which run" },
		...reports.map((one, index) => element("button", { "aria-pressed": String(index === shown),
			onclick: () => choose(index) }, one.label)));
	return element("header", {},
		element("div", { class: "names" },
			element("h1", {}, "Memory of ", element("bdi", {}, shorten(visible(commandName(report)), 60))),
			element("div", { class: "command" }, element("bdi", {}, visible(report.command)))),
		choice, themeButton());
}

function commandName(report) {
	const first = report.command.split(" ")[0];
	return first.slice(first.lastIndexOf("/") + 1) || "a job";
}

function show(reports, comparison, index) {
	const report = reports[index];
	const other = reports.length === 2 ? reports[1 - index] : null;
	const viewport = viewportOf(Math.max(report.duration, other ? other.duration : 0));
	const page = document.getElementById("page");
	redraws.length = 0;
	const parts = [
		header(reports, index, (chosen) => show(reports, comparison, chosen)),
		tiles(report), comparisonSection(comparison),
		chartSection(report, other, viewport), lanesSection(report, viewport),
		treemapSection(report), limitsSection(report), leaksSection(report), processesSection(report),
		groupsSection(report), runsSection(report), provenanceSection(report), tooltip,
	];
	page.replaceChildren(...parts.filter((part) => part));
	page.hidden = false;
	document.getElementById("picture").hidden = true;
	redrawAll();
}

function onKey(event) {
	const typing = event.target.matches && event.target.matches("input, select, textarea");
	const search = document.getElementById("search");
	if (event.key === "/" && !typing && search) {
		event.preventDefault();
		search.focus();
	} else if (event.key === "Escape" && typing) {
		event.target.blur();
	}
}

function listen() {
	let waiting = 0;
	window.addEventListener("resize", () => {
		clearTimeout(waiting);
		waiting = setTimeout(redrawAll, 100);
	});
	systemDark.addEventListener("change", () => {
		applyTheme(rememberedTheme());
		redrawAll();
	});
	document.addEventListener("keydown", onKey);
	window.addEventListener("beforeprint", () => {
		document.documentElement.dataset.printing = "yes";
		applyTheme("light");
		redrawAll();
	});
	window.addEventListener("afterprint", () => {
		delete document.documentElement.dataset.printing;
		applyTheme(rememberedTheme());
		redrawAll();
	});
}

function main() {
	const began = performance.now();
	const data = JSON.parse(document.getElementById("report").textContent);
	const labels = labelsOf(data.reports.length);
	const reports = data.reports.map((raw, index) => reportOf(raw, labels[index]));
	if (reports.length === 2)
		shareColours(reports[1], reports[0]);
	applyTheme(rememberedTheme());
	listen();
	show(reports, data.comparison, reports.length - 1);
	document.documentElement.dataset.rendered = "yes";
	document.documentElement.dataset.renderMilliseconds = String(Math.round(performance.now() - began));
}

main();
