#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes docs/performance.md of what bench.py measured.

    render.py build/bench.json docs/performance.md"""

import json
import pathlib
import sys

from hits import CASES
from targets import PAGES_OF_BUFFER, judge

# Load for each CPU above which other work disturbs.
BUSY = 0.75
PEERS = ("gdb hw", "perf record")
HIT_HEAD = ["", "µs per hit", "gdb hw costs", "perf costs", "stores made", "reported", "lost"]
BUFFER_HEAD = ["", "µs per MiB", "bare", "added µs per page", "bytes written", "reported", "lost"]


def number(value):
    """With three digits that mean something."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.01 or value == 0 else f"{value:.5f}"


def range_of(figure, factor=1):
    return (f"{number(figure['median'] * factor)} "
            f"({number(figure['low'] * factor)}–{number(figure['high'] * factor)})")


def table(head, rows):
    """A Markdown table; every column but the first is right-aligned."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
                     for line in lines)


def gap(head, name, why):
    """A row that says why it has no figures."""
    return [name, why] + [""] * (len(head) - 2)


def rows_with(head, rows, name_of, cells_of):
    return [gap(head, name_of(row), row["missing"]) if "missing" in row else
            [name_of(row), *cells_of(row)] for row in rows]


def sees(row):
    """The row has figures, and they are of stores that the tool has noticed, most of them."""
    return "us" in row and row["reported"] * 2 > row["made"]


def times_as_costly(row, rows, peer):
    """How many times as much a hit costs with the peer, in the same case."""
    for other in rows:
        if other["tool"] == peer and sees(other) and sees(row):
            return f"{number(other['us']['median'] / row['us']['median'])} ×"
    return "–"


def lost(row):
    part = row["reported"] / row["made"]
    text = ("0" if part == 1 else f"{(1 - part) * 100:.2f} %" if part < 1 else
            f"{number(part)} × as many")
    return text + (", **memory wrong**" if row["damaged"] else "")


def hit_cells(row, rows):
    return [range_of(row["us"]), *(times_as_costly(row, rows, peer) for peer in PEERS),
            f"{row['made']:,}", f"{row['reported']:,}", lost(row)]


def buffer_cells(row, _rows):
    added = (row["us"]["median"] - row["native_us"]["median"]) / PAGES_OF_BUFFER
    return [range_of(row["us"]), number(row["native_us"]["median"]), number(added),
            f"{row['made']:,}", f"{row['reported']:,}", lost(row)]


def case_section(case, rows):
    head, cells_of = (BUFFER_HEAD, buffer_cells) if case.buffer else (HIT_HEAD, hit_cells)
    body = rows_with(head, rows, lambda row: row["tool"], lambda row: cells_of(row, rows))
    return f"### {case.title}\n\n{table(head, body)}\n"


def overview(rows):
    """Tools by kinds of store: microseconds."""
    cases = [case for case in CASES if any(row["case"] == case.name for row in rows)]
    tools = list(dict.fromkeys(row["tool"] for row in rows))
    cells = {(row["tool"], row["case"]): number(row["us"]["median"]) if sees(row) else
             "loses" if "us" in row else "–" for row in rows}
    return table(["µs"] + [case.name for case in cases],
                 [[tool] + [cells.get((tool, case.name), "") for case in cases] for tool in tools])


def hits_section(rows):
    text = ["## A store that is watched\n", HITS, overview(rows), ""]
    for case in CASES:
        of_case = [row for row in rows if row["case"] == case.name]
        if of_case:
            text.append(case_section(case, of_case))
    return "\n".join(text)


def fine(ratio):
    """With digits enough to tell one from no difference."""
    return f"{ratio:.3f}" if ratio < 10 else number(ratio)


def unhit_cells(row):
    beside = (row["beside"]["ns"]["median"] - row["beside"]["native_ns"]["median"]) / 1e3
    calls = (row["calls"]["ns"]["median"] - row["calls"]["native_ns"]["median"]) / 1e3
    ratio = row["work"]["ratio"]
    return [f"{fine(ratio['median'])} × ({fine(ratio['low'])}–{fine(ratio['high'])})",
            f"{max(beside, 0):.2f}", f"{max(calls, 0):.2f}", number(row["armed_ms"])]


def unhit_section(rows):
    head = ["", "own work", "added µs per store beside", "added µs per system call",
            "ms until armed"]
    return "\n".join(["## A target that is watched and not hit\n", UNHIT,
                      table(head, rows_with(head, rows, lambda row: row["tool"], unhit_cells)),
                      ""])


def region_name(row):
    size = f"{row['size'] >> 30} GiB" if row["size"] >= 1 << 30 else f"{row['size']} bytes"
    return f"{row['backend']}, {row['count']:,} × {size}"


def region_cells(row):
    memory = row["memory_bytes"]
    each = f"{memory / row['count']:,.0f} B" if row["count"] > 1 else f"{memory / 2**20:,.0f} MiB"
    return [f"{row['armed_s'] * 1e3:,.0f}", f"{row['last_armed_ms']:.3f}", each,
            f"{row['metadata_bytes'] / row['count']:,.1f} B",
            f"{row['mappings']:,}", f"{row['idle_cpu'] * 100:.2f} %", number(row["store_us"]),
            f"{row['reported']:,} of {row['stores']:,}"]


def regions_section(rows):
    head = ["", "ms from start to armed", "last one, ms", "memory for each", "engine's part",
            "mappings added", "CPU when idle", "µs per store", "reported"]
    return "\n".join(["## Many regions, and a large one\n", REGIONS,
                      table(head, rows_with(head, rows, region_name, region_cells)), ""])


def percent(figure, offset=0):
    low, middle, high = ((figure[key] - offset) * 100 for key in ("low", "median", "high"))
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


def run_rows(head, rows):
    for row in rows:
        if "missing" in row:
            yield gap(head, row["job"], row["missing"])
            continue
        for tracker, figures in row["trackers"].items():
            yield [f"{row['title']}, {row['bare_s']['median']:.2f} s", tracker,
                   percent(figures["ratio"], 1), f"{figures['own_cpu']['median'] * 100:.2f} %"]


def run_section(rows):
    head = ["job", "tracker", "longer by", "memwatch's own CPU"]
    return "\n".join(["## `memwatch run`\n", RUN, table(head, list(run_rows(head, rows))), ""])


def warning(machine):
    if machine["load_before"] <= BUSY * machine["cpus"]:
        return ""
    return ("**The machine was busy with other work: these times say little, and the ratios not "
            "much more.\nThe counts of stores hold.**\n")


def machine_section(result):
    machine, settings = result["machine"], result["settings"]
    versions = ", ".join(f"{name} {version or '(not installed)'}"
                         for name, version in machine["versions"].items())
    kind = "virtual" if machine["virtualised"] else "physical"
    return (f"Measured on {machine['date']}: {machine['cpus']} CPUs of a {kind} machine "
            f"({machine['cpu']}), {machine['memory_gib']} GiB, Linux {machine['kernel']}; load "
            f"{machine['load_before']:.2f}\nbefore it began; {settings['rounds']} rounds of "
            f"{settings['sample_ms']:.0f} ms{' (quick)' if settings['quick'] else ''}, "
            f"{result.get('took_s', 0) / 60:.0f} minutes.\n\nVersions: {versions}.\n\n"
            + warning(machine))


def targets_section(result):
    head = ["aim", "measured", "met"]
    return "\n".join(["## Aims\n", AIMS, table(head, list(judge(result))), ""])


INTRO = """# What watching costs

This page is made by `make bench bench-page`; no figure in it is typed by hand. `make bench` alone
prints it for your machine, `make bench-deps` installs the tools that memwatch is measured beside.
Figures are medians, with quartiles in brackets.
"""

AIMS = """Measured in the same run as everything below.
"""

# About what is measured and how; lines of the page as they are.
HITS = """One program, `bench/target.c`, does every store, takes the time of it, and counts its
stores itself: that count is the oracle for *lost*. It also checks that its memory holds what it
must. Each row has a start of the tool and of the target of its own. µs per hit is the wall time of
a round by its number of stores, with several threads (lock2, lock8) the number of all of them. The
watched word changes with each store, so a tool that reports changes has to report all.

* **memwatch** (with `--on=write`) writes a line of JSON with old and new value, thread, function
  and line for each store. hw learns of a store when it is done: with several threads its values may
  be those of a later one.
* **gdb**, **valgrind and gdb** and **lldb** stop, run the commands `silent` and `continue` (lldb:
  `continue`) and go on, without printing a value.
* **perf record** and **bpftrace** note or count that there was a store, without values; of a system
  call they count each byte that the kernel copies.
* **unpinned**: memwatch brings itself and a thread that stores often onto one CPU while the burst
  lasts. There is no option against it, but it can't when memwatch may run on one CPU only and the
  target on another only (`taskset`); that is what the unpinned rows are. **one CPU** is gdb and its
  target kept to one CPU, which is kinder to gdb than what it does by itself.
* **poll** looks every 10 ms and reports the last of several values: what it loses is by design.
  A tool that loses more than half of the stores has no ratios, and *loses* in the first table.
* In **store** and **lock** nothing but instructions on general registers stands between two stores:
  memwatch's page carries the next ones out together with the one it stopped at. In **apart** a store
  that nobody watches comes between, and in **vector** a vector instruction, so that each hit is a
  stop of its own.
* **sustained** is 100,000 stores in one go, more than fit into memwatch's ring: what a hit costs
  when the analysis of the earlier ones has to keep up.
* **gdb software** steps through everything, and is measured with the plain store only.
"""

UNHIT = """The watched word is never written. *Own work* is arithmetic and stores on other pages,
as a ratio to a bare target; each round runs both, in random order. *No tool* pairs two bare
targets: what it differs from 1 by is noise. A *store beside* goes to the same page, 248 bytes off.
The *system call* is a `pread()` of 8 bytes into memory that nobody watches; page guards cost it two
stops, so that it doesn't fail when it hits one. *Armed* is the time from the start of the tool.
"""

REGIONS = """Words on every other page, each a watch of its own, from one script. *Memory* is
memwatch's resident set by the number of regions, all of it: watches, expressions, snapshots and the
program itself. *Engine's part* is what the tracer keeps of a region beside its snapshot, counted
by itself (`info stats`); page guards are noted in the target as well, in 64 bytes each, for the
case that memwatch is killed. *CPU when idle* is of one CPU, over two seconds in which
the target sleeps. Each of the stores hits another region, at most 1,000 of them in one go; the
median of 5 goes.
"""

RUN = """Each round runs the job bare and with each tracker, in random order; *longer by* is the
median of the ratios. Jobs that only sleep show memwatch's start and end.
"""

SECTIONS = {
    "hits": hits_section,
    "unhit": unhit_section,
    "regions": regions_section,
    "run": run_section,
}


def page_of(result):
    parts = [INTRO, machine_section(result), targets_section(result)]
    parts += [section(result[name]) for name, section in SECTIONS.items() if result.get(name)]
    return "\n".join(parts).rstrip() + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    result = json.loads(pathlib.Path(sys.argv[1]).read_text())
    pathlib.Path(sys.argv[2]).write_text(page_of(result))


if __name__ == "__main__":
    main()
