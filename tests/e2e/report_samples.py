# SPDX-License-Identifier: MIT
"""Reports as `memwatch run` writes them, made up: docs/run.schema.json has the keys."""

import datetime
import random

HOSTILE = [
    "</script><script>document.title='pwned'</script><!--",
    "<img src=x onerror=\"document.title='pwned'\">",
    "line\u2028separator\u2029paragraph",
    "evil\u202egnp.exe \u2066isolated\u2069 \u200bzero",
    "\x1b[2J\x07 \x9b31m quotes \" ' ` & back\\slash",
    "x" * 100_000,
    "\U0001d11e grün ✓",
]


def timestamp(seconds):
    moment = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def process(index, command, start, end, kib, parent=None, name=None, **more):
    name = name if name is not None else command.split(" ")[0].rsplit("/", 1)[-1][:15]
    made = {
        "anon_kib": None, "argv": command.split(" "), "command": command, "end_seconds": end,
        "exact": True, "exe": None, "exec_chain": [name], "exit_code": 0, "file_kib": None,
        "first_seen": timestamp(start), "hwm_source": "vmhwm", "io_read_bytes": None,
        "io_write_bytes": None, "key": f"{1000 + index}:{index}", "last_seen": timestamp(end),
        "max_rss_kib": kib, "name": name,
        "parent_key": None if parent is None else f"{1000 + parent}:{parent}",
        "peak_time": timestamp(end), "pid": 1000 + index,
        "ppid": 1 if parent is None else 1000 + parent, "pss_peak_kib": None, "samples": 3,
        "shmem_kib": None, "signal": None, "start_seconds": start, "start_ticks": index,
        "stime_seconds": 0.01, "swap_kib": 0, "utime_seconds": 0.1,
    }
    made.update(more)
    return made


def ramp(one, steps=5):
    start, end = one["start_seconds"], one["end_seconds"]
    points = [[round(start + (end - start) * step / steps, 3),
               one["max_rss_kib"] * (step + 1) // steps] for step in range(steps)]
    return {"key": one["key"], "points": points}


def totals(series, processes):
    """[(seconds, KiB)] of the sum over all processes."""
    ends = {one["key"]: one["end_seconds"] for one in processes}
    changes = []
    for one in series:
        before = 0
        for seconds, kib in one["points"]:
            changes.append((seconds, kib - before))
            before = kib
        changes.append((ends[one["key"]], -before))
    sums, total = [], 0
    for seconds, change in sorted(changes):
        total += change
        sums.append((seconds, total))
    return sums


def groups(processes):
    made = {}
    for one in processes:
        group = made.setdefault(one["name"], {"name": one["name"], "processes": 0,
                                              "max_rss_kib": 0, "peak_total_rss_kib": 0})
        group["processes"] += 1
        group["max_rss_kib"] = max(group["max_rss_kib"], one["max_rss_kib"])
        group["peak_total_rss_kib"] = group["max_rss_kib"]
    return sorted(made.values(), key=lambda group: -group["peak_total_rss_kib"])


def report(processes, duration, command=("make", "-j8"), **more):
    series = [ramp(one) for one in processes if one["end_seconds"] - one["start_seconds"] > 0.1]
    sums = totals(series, processes)
    when, most = max(sums, key=lambda pair: pair[1], default=(0, 0))
    alive = [one for one in processes if one["start_seconds"] <= when <= one["end_seconds"]]
    made = {
        "child_exit": {"code": 0, "signal": None}, "command": list(command), "complete": True,
        "completeness": {
            "counted_only": 0, "events_lost": 0, "exact": len(processes), "processes": len(processes),
            "line": f"{len(processes)} processes, all measured exactly", "sampled": 0},
        "duration_seconds": duration, "end_time": timestamp(duration), "exit_code": 0,
        "group_by": "command", "groups": groups(processes),
        "host": {"cpus": 8, "hostname": "builder", "kernel": "6.18.44", "machine": "x86_64",
                 "memory_kib": 32 << 20, "page_size": 4096},
        "interval_ms": 100, "leaks": [], "left_running": [], "limits": [],
        "max_total_pss_kib": most * 8 // 10, "max_total_rss_kib": most,
        "memwatch_version": "1.0.0", "oom": None, "own_cpu_seconds": 0.05,
        "peak": {
            "bound_high_kib": most * 12 // 10, "bound_low_kib": most, "cgroup_kib": most * 9 // 10,
            "elapsed_seconds": when,
            "processes": [{"command": one["command"], "key": one["key"], "pid": one["pid"],
                           "pss_kib": None, "rss_kib": one["max_rss_kib"],
                           "start_ticks": one["start_ticks"]} for one in alive],
            "swap_kib": 0, "total_pss_kib": most * 8 // 10, "total_rss_kib": most},
        "processes": sorted(processes, key=lambda one: -one["max_rss_kib"]),
        "samples": 100, "schema_version": 1, "series": series, "start_time": timestamp(0),
        "timeline": [{"elapsed_seconds": seconds, "min_total_rss_kib": kib, "process_count": 1,
                      "timestamp": timestamp(seconds), "total_pss_kib": kib * 8 // 10,
                      "total_rss_kib": kib} for seconds, kib in sums[:4000]],
        "tracker": "taskstats", "tracker_notes": [], "verdict": "ok",
    }
    made.update(more)
    return made


def small(scale=1.0):
    return report([
        process(0, "make -j8", 0, 10, 5000),
        process(1, "/usr/lib/cc1 a.c -o /tmp/ccA.s", 1, 5, int(200_000 * scale), parent=0),
        process(2, "/usr/lib/cc1 b.c -o /tmp/ccB.s", 2, 7, int(150_000 * scale), parent=0),
        process(3, "ld -o prog", 8, 9.5, 300_000, parent=0, exit_code=None, signal=9),
        process(4, "true", 3, 3.004, 1200, parent=1),
    ], 10, limits=[{
        "action": "warn", "command": "ld -o prog", "elapsed_seconds": 9.0, "exceeded": True,
        "key": "1003:3", "limit_kib": 250_000, "name": "max-per-proc-rss", "pid": 1003,
        "value_kib": 300_000}], leaks=[{
            "command": "make -j8", "duration_seconds": 600, "growth_kib": 50_000,
            "growth_percent": 80.5, "key": "1000:0", "pid": 1000, "seconds_to_limit": None,
            "slope_mib_per_hour": 300.0}])


def hostile():
    processes = [process(0, "make", 0, 10, 5000)]
    processes += [process(index + 1, text, index, index + 1.5, 10_000 * (index + 2), parent=0,
                          name=text[:60]) for index, text in enumerate(HOSTILE)]
    return report(processes, 10, command=["sh", "-c", HOSTILE[0]], tracker_notes=[HOSTILE[1]],
                  verdict="constructor")


def large(count=2000, seed=1):
    chance = random.Random(seed)
    names = ["cc1plus", "as", "ld", "make", "sh", "python3", "cmake", "collect2", "g++", "rustc"]
    sizes = {"cc1plus": 400_000, "ld": 900_000, "rustc": 700_000, "python3": 90_000}
    processes = [process(0, "make -j8", 0, 120, 9000)]
    for index in range(1, count):
        name = chance.choice(names)
        start = round(chance.uniform(0, 119), 3)
        end = round(min(120, start + chance.choice([0.003, 0.02, 0.5, 2, 8, 20])), 3)
        kib = int(sizes.get(name, 8000) * chance.uniform(0.2, 1) * min(1, end - start)) + 900
        processes.append(process(index, f"/usr/bin/{name} -c src/file{index}.cc", start, end, kib,
                                 parent=chance.randrange(min(index, 40))))
    return report(processes, 120)


SEED = {
    "command": ["sh", "-c", "sleep 1"], "duration_seconds": 1.5, "end_time": timestamp(1.5),
    "exit_code": 0, "interval_ms": 500, "max_total_rss_kib": 60_000, "processes": [
        {"command": "/bin/sh -c sleep 1", "first_seen": timestamp(0.01), "last_seen": timestamp(1.4),
         "max_rss_kib": 40_000, "peak_time": timestamp(1), "pid": 10, "ppid": 1},
        {"command": "sleep 1", "first_seen": timestamp(0.5), "last_seen": timestamp(1.4),
         "max_rss_kib": 20_000, "peak_time": timestamp(1), "pid": 11, "ppid": 10}],
    "samples": 3, "start_time": timestamp(0),
}

TIME_V = """\tCommand being timed: "make all"
\tUser time (seconds): 0.00
\tElapsed (wall clock) time (h:mm:ss or m:ss): 0:02.50
\tMaximum resident set size (kbytes): 52000
\tExit status: 0
"""

HYPERFINE = {"results": [{"command": "make", "mean": 1.0, "times": [1.0, 1.1, 0.9],
                          "memory_usage_byte": [50_000_000, 51_000_000, 52_000_000],
                          "exit_codes": [0, 0, 0]}]}
