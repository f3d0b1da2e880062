#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how memwatch copes with many regions, and with a large one: time from start to armed,
its memory for each region, the mappings it adds to the target, and what a store into a watched
region costs. Prints a table and writes JSON. It judges nothing.

Usage: regions.py [--build FOLDER] [--output FILE] [COUNT…]"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 600
GIB = 1 << 30
STRIDE = 8192
TOUCHED = 1000
# Page guards stop at a quarter of the mappings that a target may have.
MOST_PAGES = 8000


class Target:
    def __init__(self, program, count, stride):
        self.child = subprocess.Popen([program, str(count), str(stride)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.child.pid
        self.address = int(self.child.stdout.readline().split()[1], 16)

    def touch(self, count):
        """Nanoseconds for one store."""
        self.child.stdin.write(f"touch {count}\n")
        self.child.stdin.flush()
        return int(self.child.stdout.readline().split()[1]) / count

    def mappings(self):
        return len(pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines())

    def end(self):
        self.child.stdin.close()
        self.child.wait(PATIENCE)


def memory_of(pid):
    """Resident bytes."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines()
                if line.startswith("VmRSS"))


def cpu_of(pid):
    """Seconds of CPU time."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Memwatch:
    def __init__(self, program, target, backend, script, folder):
        self.errors = folder / "errors"
        self.start = time.monotonic()
        self.child = subprocess.Popen(
            [program, "attach", "--batch", f"--json={folder}/events", f"--backend={backend}",
             "-x", str(script), str(target.pid)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(self.errors, "w", encoding="utf-8"))

    def await_watch(self, number):
        """Seconds from the start until the watch is armed."""
        while f"watch {number}:" not in self.errors.read_text()[-4096:]:
            if self.child.poll() is not None or time.monotonic() - self.start > PATIENCE:
                raise RuntimeError(f"watch {number} isn't armed: {self.errors.read_text()[-300:]}")
            time.sleep(0.01)
        return time.monotonic() - self.start

    def end(self):
        self.child.wait(PATIENCE)


def measure(build, backend, count, stride, size, folder):
    """One row: @count regions of @size bytes, @stride apart."""
    with_one = count == 1
    target = Target(build / "bench" / "many", size // 4096 if with_one else count,
                    4096 if with_one else stride)
    script = folder / "script"
    script.write_text("".join(f"watch {target.address + i * stride:#x}:{size}\n"
                              for i in range(count)))
    before = target.mappings()
    memwatch = Memwatch(build / "memwatch", target, backend, script, folder)
    row = {"backend": backend, "regions": count, "bytes": size,
           "armed_s": memwatch.await_watch(count)}
    # The snapshot of what is large is filled while the target runs.
    while with_one and memory_of(memwatch.child.pid) < size:
        time.sleep(0.1)
    row["filled_s"] = time.monotonic() - memwatch.start
    time.sleep(0.3)
    row["memory_bytes"] = memory_of(memwatch.child.pid)
    row["mappings"] = target.mappings() - before
    cpu = cpu_of(memwatch.child.pid)
    time.sleep(2)
    row["idle_cpu_percent"] = (cpu_of(memwatch.child.pid) - cpu) / 2 * 100
    row["store_us"] = target.touch(TOUCHED) / 1000
    time.sleep(0.2)
    target.end()
    memwatch.end()
    row["events"] = (folder / "events").read_text().count("\n")
    return row


def print_row(row):
    print(f"{row['backend']:5} {row['regions']:8,} x {row['bytes']:13,} B  armed in "
          f"{row['armed_s']:7.2f} s  {row['memory_bytes'] / row['regions']:15,.0f} B/region  "
          f"{row['mappings']:6,} mappings  idle {row['idle_cpu_percent']:4.1f} % CPU  "
          f"{row['store_us']:7.1f} us/store  {row['events']} events")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("counts", nargs="*", type=int, default=[1000, 10000])
    options = parser.parse_args()
    rows = []
    cases = [(backend, count, STRIDE, 8) for count in options.counts
             for backend in ("page", "uffd", "poll")
             if backend != "page" or count <= MOST_PAGES]
    cases.append(("poll", 1, 4096, GIB))
    for backend, count, stride, size in cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = measure(options.build, backend, count, stride, size, pathlib.Path(folder))
            except RuntimeError as error:
                print(f"{backend} {count}: {error}", file=sys.stderr)
                continue
        rows.append(row)
        print_row(row)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
