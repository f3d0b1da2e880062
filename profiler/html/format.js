// SPDX-License-Identifier: MIT
// Numbers and foreign text as people should see them.

const UNKNOWN = "–";

function known(value) {
	return typeof value === "number" && isFinite(value);
}

function formatKib(kib) {
	if (!known(kib))
		return UNKNOWN;
	const units = ["KiB", "MiB", "GiB", "TiB"];
	let unit = 0;
	while (Math.abs(kib) >= 1024 && unit < units.length - 1) {
		kib /= 1024;
		unit++;
	}
	const digits = unit === 0 || Math.abs(kib) >= 100 ? 0 : Math.abs(kib) >= 10 ? 1 : 2;
	return kib.toFixed(digits) + " " + units[unit];
}

function formatSeconds(seconds) {
	if (!known(seconds))
		return UNKNOWN;
	if (seconds === 0)
		return "0 s";
	if (seconds < 1)
		return Math.round(seconds * 1000) + " ms";
	if (seconds < 60)
		return seconds.toFixed(seconds < 10 ? 2 : 1) + " s";
	const minutes = Math.floor(seconds / 60);
	const rest = Math.floor(seconds % 60);
	if (minutes < 60)
		return minutes + " min " + rest + " s";
	return Math.floor(minutes / 60) + " h " + (minutes % 60) + " min";
}

// "1:05" or "2:03:20", for axes.
function formatClock(seconds) {
	const pad = (number) => String(number).padStart(2, "0");
	const whole = Math.floor(seconds);
	const rest = pad(Math.floor(whole / 60) % 60) + ":" + pad(whole % 60);
	return whole >= 3600 ? Math.floor(whole / 3600) + ":" + rest : rest.replace(/^0/, "");
}

function formatCount(count) {
	return known(count) ? String(count).replace(/\B(?=(\d{3})+$)/g, "\u2009") : UNKNOWN;
}

function formatChange(base, candidate) {
	if (!known(base) || !known(candidate) || base === 0)
		return UNKNOWN;
	const percent = ((candidate - base) / base) * 100;
	return (percent > 0 ? "+" : "") + percent.toFixed(1) + " %";
}

// What a table says about a key that comes from the report: "constructor" is in no table of ours.
function lookUp(table, key, otherwise) {
	return Object.prototype.hasOwnProperty.call(table, key) ? table[key] : otherwise;
}

// Command lines come from the job: control characters and those that turn the direction of text
// around are shown by their number, so that a line can't pass for another one.
const DECEIVING = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function visible(text) {
	return String(text).replace(DECEIVING, (character) => {
		const number = character.codePointAt(0).toString(16).padStart(4, "0");
		return "\\u{" + number + "}";
	});
}

function shorten(text, length) {
	const characters = Array.from(text.slice(0, 2 * length + 2));
	return characters.length > length ? characters.slice(0, length - 1).join("") + "…" : text;
}
