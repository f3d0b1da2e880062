#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures memwatch beside other tools that watch memory, on a program that measures itself and
counts its own stores. Prints the page that render.py makes of it and writes JSON. It judges no
figure: a slow tool is a row, a tool that doesn't work here is a row that says why.

    bench.py [--build FOLDER] [--output FILE] [--quick] [--parts PART,…] [WORD…]

WORDs choose rows by the names of tools, kinds of store, back ends and jobs."""

import argparse
import json
import pathlib
import sys
import time

import machine
import render
from hits import measure_hits
from processes import no_orphans
from regions import measure_regions
from run_overhead import measure_jobs
from sampling import Settings
from unhit import measure_unhit

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = {
    "hits": measure_hits,
    "unhit": measure_unhit,
    "regions": measure_regions,
    "run": measure_jobs,
}


def teller(began):
    def tell(what):
        print(f"{time.monotonic() - began:4.0f} s  measuring {what} …", file=sys.stderr, flush=True)
    return tell


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="short rounds, and no 100,000 regions")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS",
                        help="leave out what is not begun by then (600)")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part '{unknown[0]}': there are {', '.join(PARTS)}")
    return options


def settings_of(options):
    rounds, seconds = (1, 0.02) if options.quick else (5, 0.1)
    return Settings(build=(ROOT / options.build).resolve(), quick=options.quick, rounds=rounds,
                    seconds=seconds, deadline=time.monotonic() + options.limit)


def main():
    options = parse_arguments()
    settings = settings_of(options)
    began = time.monotonic()
    result = {"machine": machine.describe(settings.memwatch),
              "settings": {"quick": options.quick, "rounds": settings.rounds,
                           "sample_ms": settings.seconds * 1e3}}
    with no_orphans():
        for part in options.parts:
            result[part] = PARTS[part](settings, options.words, teller(began))
    result["took_s"] = time.monotonic() - began
    print(render.page_of(result))
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
