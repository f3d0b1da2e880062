#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How much slower `memwatch run` makes a job, measured paired and interleaved.

Each round runs the job once without memwatch and once with each tracker, in a random order, so
that a machine that gets busier or slower hits all of them alike. The figure is the median of the
rounds' ratios; their quartiles say how far to believe it. memwatch's own CPU time is reported
beside it. A timing is never a test: this prints, it doesn't judge.

    bench/run_overhead.py [--memwatch build/memwatch] [--rounds 9] [--json FILE] [JOB...]
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACKERS = ["taskstats", "ptrace", "perf", "poll"]


def build_sources(folder):
    """A C project to build: this repository's own base/ files, once each, slowly enough to time."""
    target = os.path.join(folder, "project")
    shutil.copytree(os.path.join(ROOT, "base"), os.path.join(target, "base"))
    sources = sorted(f for f in os.listdir(os.path.join(target, "base")) if f.endswith(".c"))
    copies = 5
    with open(os.path.join(target, "Makefile"), "w") as makefile:
        names = [f"{copy}-{name[:-2]}.o" for copy in range(copies) for name in sources]
        makefile.write("all: " + " ".join(names) + "\n")
        for copy in range(copies):
            for name in sources:
                makefile.write(f"{copy}-{name[:-2]}.o: base/{name}\n"
                               f"\tgcc -O2 -std=gnu17 -D_GNU_SOURCE -I. -c -o $@ $<\n")
    return ["make", "-s", "-B", "-j2", "-C", target]


def jobs(folder):
    hold = "import time; time.sleep(5)"
    sleepers = "for i in $(seq 100); do sleep 4 & done; wait"
    return {
        "fork": ["sh", "-c", "i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i+1)); done"],
        "make": build_sources(folder),
        "sleepers": ["sh", "-c", sleepers],
        "idle": [sys.executable, "-c", hold],
    }


def measure(command):
    """Wall time of the command."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status = os.waitpid(child.pid, 0)
    child.returncode = status
    if status:
        raise SystemExit(f"{command} failed with status {status}")
    return time.monotonic() - start


def own_cpu(memwatch, tracker, command):
    """CPU time memwatch itself took while the job ran, percent of one CPU, by its own report."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        measure([memwatch, "run", "--quiet", f"--json={report.name}", "--track", tracker, "--",
                 *command])
        with open(report.name, encoding="utf-8") as file:
            data = json.load(file)
    return data["own_cpu_seconds"] / data["duration_seconds"] * 100


def works(memwatch, tracker):
    return subprocess.run([memwatch, "run", "--quiet", "--track", tracker, "--", "/bin/true"],
                          stderr=subprocess.DEVNULL).returncode == 0


def bench(name, command, arguments, trackers):
    plain, ratios = [], {tracker: [] for tracker in trackers}
    measure(command)
    for _ in range(arguments.rounds):
        times = {}
        order = [None, *trackers]
        random.shuffle(order)
        for tracker in order:
            words = command if tracker is None else [
                arguments.memwatch, "run", "--quiet", "--track", tracker, "--", *command]
            times[tracker] = measure(words)
        plain.append(times[None])
        for tracker in trackers:
            ratios[tracker].append(times[tracker] / times[None])
    result = {"job": name, "plain_seconds": statistics.median(plain), "trackers": {}}
    for tracker in trackers:
        quartiles = statistics.quantiles(ratios[tracker], n=4)
        result["trackers"][tracker] = {
            "slower_percent": (statistics.median(ratios[tracker]) - 1) * 100,
            "quartiles_percent": [(quartiles[0] - 1) * 100, (quartiles[2] - 1) * 100],
            "own_cpu_percent": own_cpu(arguments.memwatch, tracker, command),
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memwatch", default=os.path.join(ROOT, "build", "memwatch"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trackers", default=",".join(TRACKERS))
    parser.add_argument("--json")
    parser.add_argument("job", nargs="*")
    arguments = parser.parse_args()
    trackers = [t for t in arguments.trackers.split(",") if works(arguments.memwatch, t)]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in jobs(folder).items():
            if arguments.job and name not in arguments.job:
                continue
            result = bench(name, command, arguments, trackers)
            results.append(result)
            print(f"{name}: {result['plain_seconds']:.3f} s without memwatch")
            for tracker, figures in result["trackers"].items():
                low, high = figures["quartiles_percent"]
                print(f"  {tracker:10} {figures['slower_percent']:+6.1f} %  (quartiles {low:+.1f} "
                      f"to {high:+.1f})  own CPU {figures['own_cpu_percent']:.2f} %", flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=2)


if __name__ == "__main__":
    main()
