# SPDX-License-Identifier: MIT
"""How memwatch copes with many regions, and with a large one: time until armed, its memory for each
region, the mappings it adds to the target, what it does while nothing happens, and what a store
costs."""

import contextlib
import dataclasses
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

from processes import PATIENCE, Target, cpu_of, end, kill_children, mappings_of, memory_of, start
from sampling import rows_of

GIB = 1 << 30
PAGE = 4096
# Regions stand on every other page.
STRIDE = 2 * PAGE
WORD = 8
TOUCHED = 1000
# The first is that of a tool that has just slept: the median tells what a store costs.
ROUNDS = 5
REPORTED_WITHIN = 5
MOST_WHEN_QUICK = 10_000
TAIL = 4096
# Seconds of idleness, and of looks before whether it is that.
IDLE = 2
SETTLING = 0.5
SETTLED_WITHIN = 15
SETTLED = 0.9
IDLE_ENOUGH = 0.005


@dataclasses.dataclass
class Case:
    backend: str
    count: int
    size: int = WORD

    @property
    def is_large(self):
        return self.size > PAGE


# Page guards stop at a quarter of the mappings that a target may have: 8,000 regions so far apart.
CASES = [
    Case("poll", 1, GIB),
    Case("page", 1000),
    Case("page", 8000),
    Case("uffd", 1000),
    Case("uffd", 10_000),
    Case("uffd", 100_000),
    Case("poll", 1000),
    Case("poll", 10_000),
    Case("poll", 100_000),
]


def tail_of(file):
    with open(file, "rb") as opened:
        opened.seek(max(0, os.fstat(opened.fileno()).st_size - TAIL))
        return opened.read().decode(errors="replace")


def last_armed_ms(text):
    """From the last watch command to armed, by memwatch's own account."""
    return float(re.search(r"last watch armed in ([\d.]+) ms", text).group(1))


def metadata_bytes(text):
    """What the engine keeps of all its regions beside their snapshots, by its own count."""
    return int(re.search(r"^guarded: .* with ([\d,]+) bytes", text, re.M).group(1).replace(",", ""))


class Memwatch:
    """Watches regions of a target that begin at its first address."""

    def __init__(self, program, target, case, folder):
        self.events, self.errors = folder / "events", folder / "errors"
        script = folder / "script"
        watches = [f"watch {target.addresses[0] + i * STRIDE:#x}:{case.size}"
                   for i in range(case.count)]
        script.write_text("\n".join([*watches, "info stats\n"]))
        self.began = time.monotonic()
        with open(self.events, "wb") as out, open(self.errors, "wb") as errors:
            self.child = start([program, "attach", "--batch", "--json",
                                f"--backend={case.backend}", "-x", script, target.pid],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def elapsed(self):
        return time.monotonic() - self.began

    def _await(self, condition, what):
        while not condition():
            if self.child.poll() is not None or self.elapsed() > 2 * PATIENCE:
                raise RuntimeError(f"{what}: {tail_of(self.errors).strip()}")
            time.sleep(0.005)
        return self.elapsed()

    def await_watch(self, number):
        """Seconds from the start until the watch is armed."""
        return self._await(lambda: f"watch {number}:" in tail_of(self.errors),
                           f"watch {number} isn't armed")

    def await_metadata(self):
        """What `info stats`, the last command of the script, says of it."""
        self._await(lambda: "\nguarded: " in tail_of(self.errors), "info stats tells nothing")
        return metadata_bytes(tail_of(self.errors))

    def await_memory(self, size):
        """Seconds from the start until it holds this much; a large snapshot is filled while the
        target runs."""
        return self._await(lambda: memory_of(self.child.pid) >= size, "the snapshot isn't filled")

    def reported(self):
        return self.events.read_bytes().count(b'"seq"')

    def await_events(self, count):
        """Back ends that look from time to time tell only the last of several stores."""
        deadline = time.monotonic() + REPORTED_WITHIN
        while self.reported() < count and time.monotonic() < deadline:
            time.sleep(0.01)

    def _cpu_during(self, seconds):
        """CPUs that it uses."""
        cpu, since = cpu_of(self.child.pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_of(self.child.pid) - cpu) / (time.monotonic() - since)

    def idle_cpu(self):
        """CPUs that it uses while nothing happens: what is left of the arming must be done, so it
        is looked at until it uses no less than before."""
        deadline = time.monotonic() + SETTLED_WITHIN
        before, now = 1, self._cpu_during(SETTLING)
        while now < SETTLED * before and now > IDLE_ENOUGH and time.monotonic() < deadline:
            before, now = now, self._cpu_during(SETTLING)
        return self._cpu_during(IDLE)


def observe(memwatch, target, case, before):
    row = {"armed_s": memwatch.await_watch(case.count)}
    row["metadata_bytes"] = memwatch.await_metadata()
    if case.is_large:
        row["filled_s"] = memwatch.await_memory(case.size)
    row["idle_cpu"] = memwatch.idle_cpu()
    row["memory_bytes"] = memory_of(memwatch.child.pid)
    row["mappings"] = mappings_of(target.pid) - before
    touched = min(TOUCHED, case.count) if not case.is_large else TOUCHED
    times = []
    for number in range(1, ROUNDS + 1):
        times.append(target.ask("touch", touched, "ns")[0] / touched / 1e3)
        memwatch.await_events(number * touched)
    row["stores"] = ROUNDS * touched
    row["store_us"] = statistics.median(times)
    return row


def measure(case, settings):
    pages = case.size // PAGE if case.is_large else case.count
    with contextlib.ExitStack() as stack:
        stack.callback(kill_children)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target = stack.enter_context(Target(settings.program("many"), pages,
                                            PAGE if case.is_large else STRIDE))
        before = mappings_of(target.pid)
        memwatch = stack.enter_context(Memwatch(settings.memwatch, target, case, folder))
        row = observe(memwatch, target, case, before)
        if not target.finish() or not end(memwatch.child, 2 * PATIENCE):
            raise RuntimeError("it did not end with its target")
        row["last_armed_ms"] = last_armed_ms(tail_of(memwatch.errors))
        row["reported"] = memwatch.reported()
    return row


def measure_regions(settings, words, tell):
    wanted = [({"backend": case.backend, "count": case.count, "size": case.size}, (case,))
              for case in CASES if (not words or any(word in case.backend for word in words)) and
              not (settings.quick and case.count > MOST_WHEN_QUICK)]
    return list(rows_of(wanted, measure, settings, lambda name: tell(f"regions / {name}")))
