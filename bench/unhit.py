# SPDX-License-Identifier: MIT
"""What a target pays that is watched and not hit: for its own work, for stores beside the watched
word on the same page, and for system calls. Each sample is paired with one of a bare target."""

import random

from hits import CASES, pair, watch_of
from sampling import Meter, rows_of, spread
from tools import Nothing, Run, tools_of

KINDS = ("work", "beside", "calls")


def compare(bare, target, kind, settings):
    native, watched = Meter(bare, kind, settings), Meter(target, kind, settings)
    samples = []
    for _ in range(settings.rounds * 2):
        meters = [native, watched]
        random.shuffle(meters)
        ns = {meter: meter.sample() for meter in meters}
        samples.append((ns[native], ns[watched]))
    return {"native_ns": spread([bare_ns for bare_ns, _ in samples]),
            "ns": spread([ns for _, ns in samples]),
            "ratio": spread([ns / bare_ns for bare_ns, ns in samples]),
            "damaged": watched.damaged}


def measure(tool, settings):
    why = tool.missing()
    if why:
        return {"missing": why}
    with pair(tool, settings) as (bare, target, folder), \
            Run(tool, target, watch_of(CASES[0], target), folder) as run:
        armed_ms = run.await_armed()
        row = {kind: compare(bare, target, kind, settings) for kind in KINDS}
        reported = run.finish()
    return {"armed_ms": armed_ms, "reported": reported, **row}


def measure_unhit(settings, words, tell):
    tools = [Nothing("no tool"), *(tool for tool in tools_of(settings.memwatch) if tool.unhit)]
    wanted = [({"tool": tool.name}, (tool,)) for tool in tools
              if not words or any(word in tool.name for word in words)]
    return list(rows_of(wanted, measure, settings, lambda name: tell(f"unhit / {name}")))
