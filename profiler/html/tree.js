// SPDX-License-Identifier: MIT
// The processes in the order of their tree, oldest first, without those under a collapsed one.

function treeRows(report, collapsed) {
	const byStart = (a, b) => startOf(b) - startOf(a) || b.pid - a.pid;
	const rows = [];
	// A stack instead of recursion: a chain of processes can be as deep as there are processes.
	const stack = report.processes.filter((process) => !report.processes[process.parent])
		.sort(byStart).map((process) => ({ process, depth: 0 }));
	while (stack.length) {
		const row = stack.pop();
		rows.push(row);
		if (collapsed.has(row.process))
			continue;
		for (const child of row.process.children.slice().sort(byStart))
			stack.push({ process: child, depth: row.depth + 1 });
	}
	return rows;
}
