# SPDX-License-Identifier: MIT
"""What a store that is watched costs, by kind of store, threads and tool, and how many of the
stores the tool reports. The target counts its stores itself."""

import contextlib
import dataclasses
import pathlib
import tempfile

from processes import Target, kill_children
from sampling import LEAST_TURNS, Meter, rows_of, spread
from tools import Run, Watch, tools_of


@dataclasses.dataclass
class Case:
    name: str
    title: str
    # What the target is told to do.
    kind: str
    threads: int = 1
    # The watch is the whole buffer of 1 MiB, not the word.
    buffer: bool = False
    # Turns of a sample at least; beyond that they are chosen by time.
    least: int = LEAST_TURNS


CASES = [
    Case("store", "Plain store, 1 thread", "store"),
    Case("apart", "Plain store, another one between", "apart"),
    Case("sustained", "Plain store, 100,000 at a stretch", "store", least=100_000),
    Case("lock", "Lock-prefixed, 1 thread", "lock"),
    Case("lock2", "Lock-prefixed, 2 threads", "lock", threads=2),
    Case("lock8", "Lock-prefixed, 8 threads", "lock", threads=8),
    Case("vector", "Vector store, 16 bytes", "vector"),
    Case("read", "System call: pread() of 8 bytes", "read"),
    Case("memset", "memset() of 1 MiB by libc", "memset", buffer=True, least=1),
    Case("rep", "`rep stosb`, 1 MiB", "rep", buffer=True, least=1),
]


def watch_of(case, target):
    word, buffer = target.addresses
    return Watch("buffer", buffer, whole=True) if case.buffer else Watch("page.watched", word)


@contextlib.contextmanager
def pair(tool, settings, threads=1):
    """A bare target, the target for the tool, and a folder."""
    program = settings.program("target")
    try:
        with tempfile.TemporaryDirectory() as name, \
                Target(program, threads, cpu=tool.target_cpu) as bare, \
                Target(program, threads, cpu=tool.target_cpu, prefix=tool.prefix) as target:
            yield bare, target, pathlib.Path(name)
    finally:
        kill_children()


def measure(tool, case, settings):
    with pair(tool, settings, case.threads) as (bare, target, folder), \
            Run(tool, target, watch_of(case, target), folder) as run:
        run.await_armed()
        native = Meter(bare, case.kind, settings, case.threads)
        watched = Meter(target, case.kind, settings, case.threads, case.least, tool.most)
        samples = [(native.sample(), watched.sample()) for _ in range(settings.rounds)]
        reported = run.finish()
    made = watched.bytes if case.buffer else watched.stores
    return {"native_us": spread([bare_ns / 1e3 for bare_ns, _ in samples]),
            "us": spread([ns / 1e3 for _, ns in samples]),
            "unit": "bytes" if case.buffer else "stores", "made": made, "reported": reported,
            "damaged": watched.damaged}


def wanted(settings, words):
    for case in CASES:
        for tool in tools_of(settings.memwatch):
            names = {"case": case.name, "tool": tool.name}
            if (case.name in tool.cases or case.name in tool.cannot) and \
                    (not words or any(word in " ".join(names.values()) for word in words)):
                yield names, (tool, case)


def measure_if_possible(tool, case, settings):
    why = tool.missing() or tool.cannot.get(case.name)
    return {"missing": why} if why else measure(tool, case, settings)


def measure_hits(settings, words, tell):
    return list(rows_of(wanted(settings, words), measure_if_possible, settings, tell))
