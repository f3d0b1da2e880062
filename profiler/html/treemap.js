// SPDX-License-Identifier: MIT
// Who held what at the peak: an area for each process.

const TREEMAP_HEIGHT = 260;

// How far the worst rectangle of a row is from a square.
function worstRatio(row, sum, side) {
	const thickness = sum / side;
	return row.reduce((worst, item) => {
		const length = item.area / thickness;
		return Math.max(worst, length / thickness, thickness / length);
	}, 0);
}

function placeRow(row, sum, box, placed) {
	const wide = box.width >= box.height;
	const thickness = sum / (wide ? box.height : box.width);
	let offset = 0;
	for (const item of row) {
		const length = item.area / thickness;
		placed.push(wide
			? { item, x: box.x, y: box.y + offset, width: thickness, height: length }
			: { item, x: box.x + offset, y: box.y, width: length, height: thickness });
		offset += length;
	}
	return wide
		? { x: box.x + thickness, y: box.y, width: box.width - thickness, height: box.height }
		: { x: box.x, y: box.y + thickness, width: box.width, height: box.height - thickness };
}

// Squarified, after Bruls, Huizing and van Wijk: a row grows for as long as its rectangles get
// nearer to squares. @items: largest first.
function squarify(items, width, height) {
	const total = items.reduce((sum, item) => sum + item.kib, 0);
	const placed = [];
	let box = { x: 0, y: 0, width, height };
	let row = [], sum = 0;
	for (const item of items) {
		item.area = (item.kib / total) * width * height;
		const side = Math.min(box.width, box.height);
		if (row.length && worstRatio(row.concat([item]), sum + item.area, side) > worstRatio(row, sum, side)) {
			box = placeRow(row, sum, box, placed);
			row = [];
			sum = 0;
		}
		row.push(item);
		sum += item.area;
	}
	if (row.length)
		placeRow(row, sum, box, placed);
	return placed;
}

function peakItems(report) {
	const listed = (report.peak && report.peak.processes) || [];
	return listed.filter((entry) => entry.rss_kib > 0).map((entry) => {
		const process = report.byPid.get(entry.pid);
		const command = textOrNull(entry.command) || "";
		const name = process ? process.name : command.split(" ")[0];
		return { kib: entry.rss_kib, pss: entry.pss_kib, pid: entry.pid, name,
			command, colour: colourOf(report, name) };
	}).sort((a, b) => b.kib - a.kib);
}

function peakLines(item, total) {
	const lines = [shorten(visible(item.name), 60) + ", pid " + item.pid,
		formatKib(item.kib) + ", " + ((item.kib / total) * 100).toFixed(1) + " % of the total"];
	if (known(item.pss))
		lines.push("PSS " + formatKib(item.pss));
	lines.push(shorten(visible(item.command), 300));
	return lines;
}

function paintTreemap(context, placed, chosen) {
	context.font = "12px system-ui, sans-serif";
	context.textBaseline = "top";
	for (const { item, x, y, width, height } of placed) {
		context.fillStyle = groupColour(item.colour);
		context.fillRect(x, y, Math.max(1, width - 1), Math.max(1, height - 1));
		if (item === chosen) {
			context.strokeStyle = colour("text");
			context.lineWidth = 3;
			context.strokeRect(x + 1.5, y + 1.5, width - 4, height - 4);
		}
		if (width < 48 || height < 18)
			continue;
		context.save();
		context.beginPath();
		context.rect(x, y, width - 4, height - 2);
		context.clip();
		context.fillStyle = textOn(groupColour(item.colour));
		context.fillText(shorten(visible(item.name), 40), x + 5, y + 4);
		if (height > 34)
			context.fillText(formatKib(item.kib), x + 5, y + 19);
		context.restore();
	}
}

function peakTable(items, total) {
	return makeTable("at the peak", [
		{ title: "RSS", number: true, sort: (item) => item.kib, text: (item) => formatKib(item.kib) },
		{ title: "Share", number: true, sort: (item) => item.kib,
			text: (item) => ((item.kib / total) * 100).toFixed(1) + " %" },
		{ title: "PSS", number: true, sort: (item) => item.pss, text: (item) => formatKib(item.pss) },
		{ title: "pid", number: true, sort: (item) => item.pid, text: (item) => String(item.pid) },
		{ title: "Command", class: "command", sort: (item) => item.command, cell: (item) => commandCell(item.command) },
	], items, { first: 10, sorted: 0 }).node;
}

function treemapSection(report) {
	const items = peakItems(report);
	if (!items.length)
		return null;
	const total = items.reduce((sum, item) => sum + item.kib, 0);
	let placed = [];
	let chosen = -1;
	const live = element("p", { class: "hint", "aria-live": "polite" });
	const view = canvasView("who held what at the peak; left and right choose", () => TREEMAP_HEIGHT,
		(context, width, height) => {
			placed = squarify(items, width, height);
			paintTreemap(context, placed, items[chosen]);
		});
	view.canvas.addEventListener("mousemove", (event) => {
		const hit = placed.find(({ x, y, width, height }) => event.offsetX >= x &&
			event.offsetX < x + width && event.offsetY >= y && event.offsetY < y + height);
		hit ? showTooltip(event, peakLines(hit.item, total)) : hideTooltip();
	});
	view.canvas.addEventListener("mouseleave", hideTooltip);
	view.canvas.addEventListener("keydown", (event) => {
		const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
		if (!step)
			return;
		event.preventDefault();
		chosen = Math.max(0, Math.min(items.length - 1, chosen + step));
		live.replaceChildren(element("bdi", {}, peakLines(items[chosen], total).join(" · ")));
		view.redraw();
	});
	return section("peak", "At the peak",
		(items.length === 1 ? "The only process" : "The " + formatCount(items.length) + " processes") +
			" alive at " + formatSeconds(report.peak.elapsed_seconds) + ", when the total was largest.",
		element("div", {}, view.canvas), live, peakTable(items, total));
}
