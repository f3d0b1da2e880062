#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures memwatch beside gdb and perf on one program that measures itself: the cost of a store
that is watched, of one beside it on the same page, and of one elsewhere; and the time from start to
armed. Each round of a tool is paired with a round of the bare program; figures are medians. Prints
a table and writes JSON. It judges nothing: a slow tool is a figure, not a failure.

Usage: bench.py [--build FOLDER] [--output FILE] [--rounds N] [TOOL…]"""

import argparse
import json
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 300
KINDS = ("hit", "nearby", "quiet")
EVERY_STORE = {"hit": 1000000, "nearby": 1000000, "quiet": 20000000}


class Target:
    """The program under measurement."""

    def __init__(self, program, cpu=None):
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      bufsize=0, preexec_fn=pin_to(cpu))
        self.pid = self.child.pid
        self.address = int(self.read_word("address"), 16)

    def read_word(self, key):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
                raise RuntimeError(f"the target prints no {key}")
            piece = os.read(self.child.stdout.fileno(), 1)
            if not piece:
                raise RuntimeError(f"the target died: {self.child.wait()}")
            line += piece
        return line.decode().split()[1]

    def measure(self, kind, n):
        """Nanoseconds for one store of the kind."""
        self.child.stdin.write(f"{kind} {n}\n".encode())
        return int(self.read_word("ns")) / n

    def end(self):
        self.child.stdin.close()
        end_or_kill(self.child)


def end_or_kill(child):
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def pin_to(cpu):
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


class Tool:
    """Something that watches a target. `counts` says how many stores a round has."""

    program = None
    counts = EVERY_STORE
    cpu = None
    # Seconds to wait once it looks armed, for tools that do not say when they are.
    settle = 0

    def __init__(self, name, **settings):
        self.name = name
        self.__dict__.update(settings)

    def available(self):
        return shutil.which(self.program) is not None

    def command(self, target, folder):
        raise NotImplementedError

    def armed(self, target, output, child):
        raise NotImplementedError

    def reported(self, folder):
        """How many stores the tool has written down, or None."""
        return None

    def start(self, target, folder):
        """Returns (process, ms until armed)."""
        output = open(folder / "output", "w+b")
        began = time.monotonic()
        child = subprocess.Popen(self.command(target, folder), stdin=subprocess.DEVNULL,
                                 stdout=output, stderr=output, preexec_fn=pin_to(self.cpu))
        while not self.armed(target, (folder / "output").read_bytes(), child):
            if child.poll() is not None or time.monotonic() - began > PATIENCE:
                raise RuntimeError((folder / "output").read_text(errors="replace")[-300:])
            time.sleep(0.001)
        armed_ms = (time.monotonic() - began) * 1e3
        time.sleep(self.settle)
        return child, armed_ms


class Memwatch(Tool):
    counts = {"hit": 10000, "nearby": 10000, "quiet": EVERY_STORE["quiet"]}

    def available(self):
        return os.access(self.program, os.X_OK)

    def command(self, target, folder):
        return [self.program, "attach", "--batch", f"--json={folder}/events",
                f"--backend={self.backend}", "-w", "page.watched", str(target.pid)]

    def armed(self, target, output, child):
        return b"memwatch: watch 1: " in output

    def reported(self, folder):
        with open(folder / "events", encoding="utf-8") as events:
            return sum('"seq"' in line for line in events)


class Gdb(Tool):
    program = "gdb"

    def command(self, target, folder):
        script = folder / "script"
        script.write_text("set pagination off\nset confirm off\n"
                          f"set can-use-hw-watchpoints {self.hardware}\n"
                          "watch page.watched\ncommands\nsilent\ncontinue\nend\n"
                          "echo armed\\n\ncontinue\n")
        return ["gdb", "-nx", "-q", "-batch", "-p", str(target.pid), "-x", str(script)]

    def armed(self, target, output, child):
        status = pathlib.Path(f"/proc/{target.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return b"armed" in output and status not in "tT"


class Perf(Tool):
    program = "perf"
    settle = 0.5
    counts = {"hit": 20000, "nearby": EVERY_STORE["nearby"], "quiet": EVERY_STORE["quiet"]}

    def available(self):
        return super().available() and subprocess.run(
            ["perf", "record", "-q", "-o", "/dev/null", "-e", "mem:0x1000:w", "true"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def command(self, target, folder):
        return ["perf", "record", "-e", f"mem:{target.address:#x}/8:w", "-c", "1", "-p",
                str(target.pid), "-o", str(folder / "data")]

    def armed(self, target, output, child):
        # perf says nothing, but its event is a file.
        return any("perf_event" in name for name in open_files(child.pid))

    def reported(self, folder):
        listed = subprocess.run(["perf", "script", "-i", str(folder / "data"), "-F", "ip"],
                                capture_output=True, text=True)
        return sum(bool(line.strip()) for line in listed.stdout.splitlines())


def open_files(pid):
    folder = f"/proc/{pid}/fd"
    names = []
    try:
        for name in os.listdir(folder):
            names.append(os.readlink(f"{folder}/{name}"))
    except OSError:
        pass
    return names


def tools_of(build):
    memwatch = str(build / "memwatch")
    few = {"hit": 500, "nearby": EVERY_STORE["nearby"], "quiet": EVERY_STORE["quiet"]}
    stepped = {"hit": 100, "nearby": 100, "quiet": 100}
    return [
        Memwatch("memwatch page", program=memwatch, backend="page"),
        Memwatch("memwatch page, pinned", program=memwatch, backend="page", cpu=0),
        Memwatch("memwatch hw", program=memwatch, backend="hw",
                 counts={**Memwatch.counts, "nearby": EVERY_STORE["nearby"]}),
        Memwatch("memwatch hw, pinned", program=memwatch, backend="hw", cpu=0,
                 counts={**Memwatch.counts, "nearby": EVERY_STORE["nearby"]}),
        Perf("perf record (no values)"),
        Gdb("gdb hardware", hardware=1, counts=few),
        Gdb("gdb hardware, pinned", hardware=1, counts=few, cpu=0),
        Gdb("gdb software", hardware=0, counts=stepped),
    ]


def measure_tool(tool, program, rounds):
    """Pairs of rounds, bare and watched. Returns the tool's row."""
    bare, target = Target(program, tool.cpu), Target(program, tool.cpu)
    samples = {kind: [] for kind in KINDS}
    ratios = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        child, armed_ms = tool.start(target, folder)
        for _ in range(rounds):
            for kind in KINDS:
                native = bare.measure(kind, EVERY_STORE[kind])
                watched = target.measure(kind, tool.counts[kind])
                samples[kind].append(watched)
                ratios[kind].append(watched / native)
        # Every tool ends with its target.
        target.end()
        end_or_kill(child)
        bare.end()
        reported = tool.reported(folder)
    return {"tool": tool.name, "armed_ms": armed_ms,
            "reported": reported, "expected": rounds * tool.counts["hit"],
            "ns": {kind: statistics.median(samples[kind]) for kind in KINDS},
            "ratio_to_native": {kind: statistics.median(ratios[kind]) for kind in KINDS}}


def measure_all(tools, program, rounds):
    rows = []
    for tool in tools:
        if not tool.available():
            rows.append({"tool": tool.name, "missing": "not usable here"})
            continue
        print(f"measuring {tool.name} …", file=sys.stderr, flush=True)
        try:
            rows.append(measure_tool(tool, program, rounds))
        except (RuntimeError, OSError) as error:
            rows.append({"tool": tool.name, "missing": str(error).strip()})
    return rows


def table_line(row, best):
    if "missing" in row:
        return f"{row['tool']:26} {row['missing'].splitlines()[-1]}"
    seen = "-" if row["reported"] is None else f"{row['reported']}/{row['expected']}"
    ratio = f"{row['ns']['hit'] / best:.1f}" if best else "-"
    return (f"{row['tool']:26} {row['ns']['hit'] / 1e3:10.2f} {ratio:>8} "
            f"{row['ns']['nearby'] / 1e3:12.3f} {row['ratio_to_native']['quiet']:8.2f} "
            f"{row['armed_ms']:8.1f}  {seen}")


def print_table(rows):
    measured = [row for row in rows if "ns" in row]
    best = min((row["ns"]["hit"] for row in measured if row["tool"].startswith("memwatch")),
               default=None)
    print(f"{'':26} {'us per':>10} {'x best':>8} {'us per store':>12} {'x native':>8} "
          f"{'ms until':>8}  stores")
    print(f"{'':26} {'hit':>10} {'memwatch':>8} {'beside it':>12} {'else':>8} "
          f"{'armed':>8}  reported")
    for row in rows:
        print(table_line(row, best))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--output")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("tools", nargs="*", help="words of the names of tools; default: all")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    tools = [tool for tool in tools_of(build)
             if not options.tools or any(word in tool.name for word in options.tools)]
    rows = measure_all(tools, str(build / "bench" / "target"), options.rounds)
    print_table(rows)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
