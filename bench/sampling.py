# SPDX-License-Identifier: MIT
"""How a figure comes about: how many rounds, how long each, and the median of them."""

import dataclasses
import pathlib
import re
import statistics
import sys
import time

# A sample is long enough to size the next ones by when it took this part of their time, and had so
# many turns of a short kind.
ENOUGH = 4
LEAST_TURNS = 16
# Of the files that an error names.
FOLDERS = re.compile(r"(?<![\w.])(/[^\s/:'\"]+)*/(?=[\w.])")


@dataclasses.dataclass
class Settings:
    """Of one run of the benchmark."""

    build: pathlib.Path
    quick: bool
    rounds: int
    # What one sample should take.
    seconds: float
    deadline: float

    @property
    def memwatch(self):
        return str(self.build / "memwatch")

    def program(self, name):
        return str(self.build / "bench" / name)

    def is_over(self):
        return time.monotonic() > self.deadline


def spread(samples):
    """Median and quartiles."""
    low, middle, high = (statistics.quantiles(samples, n=4, method="inclusive")
                         if len(samples) > 1 else samples * 3)
    return {"median": middle, "low": low, "high": high}


class Meter:
    """Has a target do one kind of thing, and sums up what the target says that it did."""

    def __init__(self, target, kind, settings, threads=1, least=LEAST_TURNS, most=None):
        self.target, self.kind, self.threads = target, kind, threads
        self.stores = self.bytes = self.damaged = 0
        self.turns = self._fitting(settings.seconds * 1e9, least, most)

    def _run(self, turns):
        ns, stores, size, damaged = self.target.ask(self.kind, turns)
        self.stores += stores
        self.bytes += size
        self.damaged += damaged
        return ns

    def _fitting(self, wanted_ns, least, most):
        """How many turns make a sample, each thread the same; also warms everything up."""
        most = most or sys.maxsize
        turns = max(least, self.threads)
        while (ns := self._run(turns)) < wanted_ns / ENOUGH and turns < most:
            turns *= 4
        fitting = max(least, min(int(turns * wanted_ns / max(ns, 1)), most))
        return -(-fitting // self.threads) * self.threads

    def sample(self):
        """Nanoseconds for one turn."""
        return self._run(self.turns) / self.turns


def reason_of(error):
    """The last line of what it says, with no folders of this machine."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return FOLDERS.sub("", lines[-1])


def rows_of(pairs, measure, settings, tell):
    """A row for each pair of names, or the reason why there is none."""
    for names, arguments in pairs:
        tell(" / ".join(map(str, names.values())))
        if settings.is_over():
            yield {**names, "missing": "left out: the time was up"}
            continue
        try:
            yield {**names, **measure(*arguments, settings)}
        except (RuntimeError, OSError) as error:
            yield {**names, "missing": reason_of(error)}
