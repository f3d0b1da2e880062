#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the unit tests (cmocka programs) and the end-to-end tests (unittest), names each failure,
and prints `N passed, N failed` (and `, N skipped` when any) as its last line. Exit 1 on failure.

Usage: run.py [--build FOLDER] [NAME…]: NAME is `unit`, `e2e`, a unit test's program or an
end-to-end module (test_page), class or method (test_page.Loop.test_…)."""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNIT_TIMEOUT = 600
TAP_LINE = re.compile(r"^(not ok|ok) \d+ -? ?(.*)$")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")


def run_program(program):
    """Runs a cmocka program. Returns (status, output)."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run([str(program)], env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=UNIT_TIMEOUT)
    except subprocess.TimeoutExpired as late:
        return "timeout", (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def count_unit(program, tally):
    status, output = run_program(program)
    failed_before = len(tally.failed)
    seen = 0
    for match in filter(None, map(TAP_LINE.match, output.splitlines())):
        seen += 1
        name = f"{program.name}: {match.group(2)}"
        if "# SKIP" in name.upper():
            tally.skipped.append(name)
        elif match.group(1) == "ok":
            tally.passed += 1
        else:
            tally.failed.append(name)
    if not seen or (status != 0 and len(tally.failed) == failed_before):
        tally.failed.append(f"{program.name}: exit status {status}")
    if len(tally.failed) > failed_before:
        print(output)
    print(f"unit  {program.name}: {seen} tests", flush=True)


class Result(unittest.TextTestResult):
    """Counts, and prints a line for each test as it ends. Subtests count with their test."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def run_e2e(names, tally):
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    loader = unittest.TestLoader()
    suite = (loader.loadTestsFromNames(names) if names
             else loader.discover(str(ROOT / "tests" / "e2e")))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    bad = {test.id().split(" ")[0]: test for test, _ in result.failures + result.errors}
    tally.passed += result.passed
    tally.failed += [f"e2e: {name}" for name in bad]
    tally.failed += [f"e2e: {test.id()}: passes, but should not" for test in
                     result.unexpectedSuccesses]
    tally.skipped += [f"e2e: {test.id()}: {why}" for test, why in result.skipped]
    tally.skipped += [f"e2e: {test.id()}: known defect" for test, _ in result.expectedFailures]


def choose(names, programs):
    """Splits the names asked for into unit programs and end-to-end names; None: no such ring."""
    if not names:
        return programs, []
    unit = [p for p in programs if "unit" in names or p.name in names]
    known = {p.name for p in programs} | {"unit", "e2e"}
    others = [name for name in names if name not in known]
    return unit, others if others or "e2e" in names else None


def take_signals_back():
    """nohup, or a shell's `&`, has its children ignore these; programs under test inherit it."""
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main():
    take_signals_back()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    os.environ.setdefault("MEMWATCH", str(build / "memwatch"))
    os.environ["MW_BUILD"] = str(build)
    # Running out of memory is a case that tests provoke.
    os.environ.setdefault("ASAN_OPTIONS", "allocator_may_return_null=1")
    os.environ.setdefault("LSAN_OPTIONS",
                          f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0")
    programs = [build / "tests" / "unit" / source.stem
                for source in sorted((ROOT / "tests" / "unit").glob("test_*.c"))]
    unit, e2e = choose(options.names, programs)

    tally = Tally()
    for program in unit:
        count_unit(program, tally)
    if e2e is not None:
        run_e2e(e2e, tally)
    for name in tally.skipped:
        print("SKIPPED", name)
    for name in tally.failed:
        print("FAILED ", name)
    print(tally.line())
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
