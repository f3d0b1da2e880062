# SPDX-License-Identifier: MIT
"""How much slower `memwatch run` makes a job, measured paired and interleaved.

Each round runs the job once without memwatch and once with each tracker, in a random order, so
that a machine that gets busier or slower hits all of them alike. The figure is the median of the
rounds' ratios; their quartiles say how far to believe it. The CPU time that memwatch itself took is
by its own report."""

import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from processes import start
from sampling import rows_of, spread

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACKERS = ("taskstats", "ptrace", "perf", "poll")
COPIES = 3
FORKS = 1000


def build_sources(folder):
    """A C project to build: this repository's own base/ files, slowly enough to time."""
    target = folder / "project"
    shutil.copytree(ROOT / "base", target / "base")
    names = sorted(path.stem for path in (target / "base").glob("*.c"))
    rules = [f"{copy}-{name}.o: base/{name}.c\n"
             f"\tgcc -O2 -std=gnu17 -D_GNU_SOURCE -I. -c -o $@ $<\n"
             for copy in range(COPIES) for name in names]
    outputs = " ".join(rule.split(":", 1)[0] for rule in rules)
    (target / "Makefile").write_text(f"all: {outputs}\n" + "".join(rules))
    return ["make", "-s", "-B", "-j2", "-C", target]


def jobs(folder):
    forks = f"i=0; while [ $i -lt {FORKS} ]; do /bin/true; i=$((i+1)); done"
    sleepers = "for i in $(seq 100); do sleep 2 & done; wait"
    return [
        ("fork", f"{FORKS:,} processes, one after the other", ["sh", "-c", forks]),
        ("make", "a C project built by make -j2", build_sources(folder)),
        ("sleepers", "100 processes that sleep", ["sh", "-c", sleepers]),
        ("idle", "one process that sleeps", [sys.executable, "-c", "import time; time.sleep(2)"]),
    ]


def time_command(command):
    """Seconds of wall time."""
    began = time.monotonic()
    child = start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = child.wait()
    finally:
        child.kill()
        child.wait()
    if status:
        raise RuntimeError(f"{command[0]} failed with status {status}")
    return time.monotonic() - began


def time_tracked(memwatch, tracker, command, report):
    """Seconds of wall time, and the part of one CPU that memwatch took."""
    seconds = time_command([memwatch, "run", "--quiet", f"--json={report}", "--track", tracker,
                            "--", *command])
    data = json.loads(report.read_text())
    return seconds, data["own_cpu_seconds"] / data["duration_seconds"]


def works(memwatch, tracker):
    return subprocess.run([memwatch, "run", "--quiet", "--track", tracker, "--", "/bin/true"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def one_round(memwatch, command, trackers, report):
    """For each tracker how much longer the job took, and memwatch's part of a CPU; and the job's
    own time under the key None."""
    order = [None, *trackers]
    random.shuffle(order)
    times = {tracker: (time_command(command), 0) if tracker is None else
             time_tracked(memwatch, tracker, command, report) for tracker in order}
    bare = times[None][0]
    return {tracker: (seconds if tracker is None else seconds / bare, cpu)
            for tracker, (seconds, cpu) in times.items()}


def measure(title, command, trackers, folder, settings):
    time_command(command)
    rounds = [one_round(settings.memwatch, command, trackers, folder / "report")
              for _ in range(settings.rounds)]
    rows = {tracker: {"ratio": spread([figures[tracker][0] for figures in rounds]),
                      "own_cpu": spread([figures[tracker][1] for figures in rounds])}
            for tracker in trackers}
    return {"title": title, "bare_s": spread([figures[None][0] for figures in rounds]),
            "trackers": rows}


def measure_jobs(settings, words, tell):
    trackers = [tracker for tracker in TRACKERS if works(settings.memwatch, tracker)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wanted = [({"job": job}, (title, command, trackers, folder))
                  for job, title, command in jobs(folder)
                  if not words or any(word in job for word in words)]
        return list(rows_of(wanted, measure, settings, lambda job: tell(f"run / {job}")))
