# SPDX-License-Identifier: MIT
"""What memwatch aims at, and whether a run of the benchmark says that it gets there."""

PAGE = "memwatch page"
PAGES_OF_BUFFER = 256
MET, MISSED, UNKNOWN = "yes", "**no**", "not measured"


def find(rows, **names):
    """The row with these names that has figures."""
    for row in rows or ():
        if "missing" not in row and all(row[key] == value for key, value in names.items()):
            return row
    return None


def hit_us(result, tool, case="store"):
    row = find(result.get("hits"), tool=tool, case=case)
    return row["us"]["median"] if row else None


def part_of(peer, case="store"):
    def measure(result):
        own, other = hit_us(result, PAGE, case), hit_us(result, peer, case)
        return own / other if own and other else None
    return measure


def added_per_page(case):
    def measure(result):
        row = find(result.get("hits"), tool=PAGE, case=case)
        return row and (row["us"]["median"] - row["native_us"]["median"]) / PAGES_OF_BUFFER
    return measure


def work_ratio(tool):
    def measure(result):
        row = find(result.get("unhit"), tool=tool)
        return row and row["work"]["ratio"]["median"]
    return measure


def lost_stores(result):
    """Of memwatch's exact back ends, all cases together."""
    rows = [row for row in result.get("hits") or () if "missing" not in row and
            row["tool"].startswith("memwatch") and "poll" not in row["tool"]]
    if not rows:
        return None
    return sum(abs(row["made"] - row["reported"]) + row["damaged"] for row in rows)


def large(key, factor=1):
    def measure(result):
        row = find(result.get("regions"), size=1 << 30)
        return row and row[key] * factor
    return measure


def growth(key):
    """Bytes that each further region takes, with the back end that takes most."""
    def measure(result):
        rows = [row for row in result.get("regions") or () if "missing" not in row and
                row["count"] > 1]
        found = []
        for backend in {row["backend"] for row in rows}:
            of_backend = sorted((row for row in rows if row["backend"] == backend),
                                key=lambda row: row["count"])
            least, most = of_backend[0], of_backend[-1]
            if most is not least:
                found.append((most[key] - least[key]) / (most["count"] - least["count"]))
        return max(found, default=None)
    return measure


# Looks in a second, of the idle target with 1 GiB.
LOOKS = 100
# What is aimed at; how it is measured; at most how much; how to write it.
TARGETS = [
    ("no store lost, no memory wrong, with page, hw and uffd, in every row", lost_stores, 0,
     "{:,} lost"),
    ("a page hit costs at most 1/20 of one with gdb hw", part_of("gdb hw"), 1 / 20, "{:.4f}"),
    ("the same, with gdb and its target kept to one CPU", part_of("gdb hw, one CPU"), 1 / 20,
     "{:.4f}"),
    ("a page hit costs less than one with perf record", part_of("perf record"), 1, "{:.2f}"),
    ("a page hit in which memwatch finds nothing ahead costs at most 1/20 of one with gdb hw",
     part_of("gdb hw", "apart"), 1 / 20, "{:.4f}"),
    ("the same, with perf record", part_of("perf record", "apart"), 1, "{:.2f}"),
    ("own work of an unhit target takes at most 1.01 × as long, page", work_ratio(PAGE), 1.01,
     "{:.3f} ×"),
    ("own work of an unhit target takes at most 1.01 × as long, hw", work_ratio("memwatch hw"),
     1.01, "{:.3f} ×"),
    ("a 1 MiB memset() into a watched buffer takes at most 50 µs more per page",
     added_per_page("memset"), 50, "{:.1f} µs"),
    ("1 GiB is armed within 50 ms", large("last_armed_ms"), 50, "{:.2f} ms"),
    ("looking at a clean 1 GiB takes about 1 ms (idle CPU by 100 looks a second)",
     large("idle_cpu", 1e3 / LOOKS), 1.5, "{:.2f} ms"),
    ("the engine keeps at most 96 bytes of a further region beside its snapshot",
     growth("metadata_bytes"), 96, "{:,.1f} bytes"),
    ("a further region takes at most 400 bytes in all: engine, snapshot, watch, name",
     growth("memory_bytes"), 400, "{:,.0f} bytes"),
]


def judge(result):
    """[aim, measured, met] of each."""
    for name, measure, most, text in TARGETS:
        value = measure(result)
        if value is None:
            yield [name, "–", UNKNOWN]
        else:
            yield [name, text.format(value), MET if value <= most else MISSED]
