// SPDX-License-Identifier: MIT
// Elements are built, never parsed: no text of the report is ever read as HTML.

function element(name, attributes, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes || {})) {
		if (key === "class")
			made.className = value;
		else if (key.startsWith("on"))
			made.addEventListener(key.slice(2), value);
		else if (value !== undefined && value !== null && value !== false)
			made.setAttribute(key, value === true ? "" : value);
	}
	for (const child of children) {
		if (child !== null && child !== undefined)
			made.append(child);
	}
	return made;
}

function section(id, title, hint, ...children) {
	const heading = element("h2", { id: id + "-title" }, title);
	return element("section", { id: id, "aria-labelledby": id + "-title" }, heading,
		hint ? element("p", { class: "hint" }, hint) : null, ...children);
}

// The value of a colour of page.css, in the theme shown now.
function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

const GROUP_COLOURS = 8;

function groupColour(index) {
	return colour(index < GROUP_COLOURS ? "group-" + index : "group-rest");
}

// Black or white, whichever reads better on "#rrggbb", by its relative luminance (WCAG 2).
function textOn(ground) {
	const [red, green, blue] = [1, 3, 5].map((at) => {
		const share = parseInt(ground.slice(at, at + 2), 16) / 255;
		return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 ? "#10151c" : "#ffffff";
}

// A canvas as wide as its parent, sharp on every screen. draw(context, width, height) is called
// again whenever width or theme change; @height is a function.
function canvasView(label, height, draw) {
	const canvas = element("canvas", { tabindex: "0", role: "img", "aria-label": label });
	function redraw() {
		const width = canvas.parentElement ? canvas.parentElement.clientWidth : 0;
		if (width <= 0)
			return;
		const tall = height();
		const ratio = window.devicePixelRatio || 1;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(tall * ratio);
		canvas.style.width = width + "px";
		canvas.style.height = tall + "px";
		const context = canvas.getContext("2d");
		context.scale(ratio, ratio);
		draw(context, width, tall);
	}
	onRedraw(redraw);
	return { canvas, redraw };
}

const redraws = [];

function onRedraw(callback) {
	redraws.push(callback);
}

function redrawAll() {
	for (const callback of redraws)
		callback();
}

// One tooltip for everything drawn on a canvas.
const tooltip = element("div", { class: "tooltip", role: "status", hidden: true });

function showTooltip(event, lines) {
	tooltip.replaceChildren(...lines.map((line, index) =>
		element("div", { class: index ? "" : "tooltip-title" }, element("bdi", {}, line))));
	tooltip.hidden = false;
	const box = tooltip.getBoundingClientRect();
	const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
	const top = event.clientY + 18 + box.height > window.innerHeight
		? event.clientY - box.height - 10 : event.clientY + 18;
	tooltip.style.left = Math.max(4, left) + "px";
	tooltip.style.top = Math.max(4, top) + "px";
}

function hideTooltip() {
	tooltip.hidden = true;
}
