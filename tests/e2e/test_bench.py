# SPDX-License-Identifier: MIT
"""What the benchmark makes of the tools' output and of its own figures. It measures nothing."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from harness import ROOT

sys.path.insert(0, str(ROOT / "bench"))

# The benchmark is no package: its modules stand beside each other.
import machine  # noqa: E402
import processes  # noqa: E402
import regions  # noqa: E402
import render  # noqa: E402
import sampling  # noqa: E402
import targets  # noqa: E402
import tools  # noqa: E402


def figure(value):
    return {"median": value, "low": value * 0.9, "high": value * 1.1}


def hit(tool, us, case="store", made=1000, reported=1000, native=0.0, damaged=0):
    return {"case": case, "tool": tool, "us": figure(us), "native_us": figure(native),
            "unit": "stores", "made": made, "reported": reported, "damaged": damaged}


def result_of(*hits, **parts):
    return {"machine": {"date": "2026-01-01", "cpu": "A CPU", "cpus": 2, "virtualised": True,
                        "memory_gib": 8, "kernel": "6.1", "load_before": 0.5,
                        "versions": {"gdb": "13.1", "lldb": None}},
            "settings": {"quick": False, "rounds": 5, "sample_ms": 100.0},
            "hits": list(hits), **parts}


def tables_of(page):
    """Each table as a list of rows of cells."""
    found, rows = [], []
    for line in page.splitlines() + [""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows)
            rows = []
    return found


def row_of(page, *first):
    """The cells of the only row that begins with these."""
    rows = [row for table in tables_of(page) for row in table if row[:len(first)] == list(first)]
    assert len(rows) == 1, rows
    return rows[0]


def verdicts(result):
    return {aim: met for aim, _, met in targets.judge(result)}


class Counting(unittest.TestCase):
    """How many stores a tool has reported is read from its output."""

    def test_events_of_memwatch_are_counted_by_number_or_by_bytes(self):
        lines = ['{"seq":1,"how_big":8}', '{"seq":2,"how_big":4096}', '{"summary":true}']
        self.assertEqual(tools.count_events(lines, whole=False), 2)
        self.assertEqual(tools.count_events(lines, whole=True), 4104)

    def test_hits_of_gdb_are_counted(self):
        self.assertEqual(tools.count_gdb_hits("\tbreakpoint already hit 336 times\n"), 336)
        self.assertEqual(tools.count_gdb_hits("\tbreakpoint already hit 1 time\n"), 1)
        self.assertEqual(tools.count_gdb_hits("hw watchpoint  keep y  page.watched\n"), 0)

    def test_hits_of_lldb_are_counted(self):
        text = ("Process 7 resuming\nCommand #1 'continue' continued the target.\n"
                "Process 7 resuming\nCommand #1 'continue' continued the target.\n")
        self.assertEqual(tools.count_lldb_hits(text), 2)

    def test_samples_of_perf_are_counted(self):
        self.assertEqual(tools.count_perf_samples("  SAMPLE events:       1234  (99.0%)\n"), 1234)
        self.assertEqual(tools.count_perf_samples(""), 0)

    def test_hits_of_bpftrace_are_counted(self):
        self.assertEqual(tools.count_bpftrace_hits("armed\n\n@hits: 20\n@told: 1\n"), 20)
        self.assertEqual(tools.count_bpftrace_hits("armed\n\n@told: 1\n"), 0)

    def test_the_time_of_the_last_arming_is_read(self):
        self.assertEqual(regions.last_armed_ms("0 waits; last watch armed in 1.512 ms\n"), 1.512)

    def test_versions_are_the_last_number_of_a_line(self):
        self.assertEqual(machine.version_in("GNU gdb (Debian 13.1-3) 13.1\n"), "13.1")
        self.assertEqual(machine.version_in("some tool\nlldb version 14.0.6\n"), "14.0.6")
        self.assertIsNone(machine.version_in("none\n"))

    def test_a_hypervisor_is_recognised(self):
        text = "model name\t: A CPU\nflags\t\t: fpu hypervisor sse\n"
        self.assertEqual(machine.cpu_facts(text), ("A CPU", True))
        self.assertEqual(machine.cpu_facts(text.replace("hypervisor", "")), ("A CPU", False))


class Page(unittest.TestCase):
    """docs/performance.md says what was measured."""

    def test_a_hit_is_set_beside_gdb_and_perf(self):
        page = render.page_of(result_of(hit("memwatch page", 10), hit("gdb hw", 300),
                                        hit("perf record", 15)))
        row = row_of(page, "memwatch page", "10.0 (9.00–11.0)")
        self.assertEqual(row[2:], ["30.0 ×", "1.50 ×", "1,000", "1,000", "0"])

    def test_lost_stores_are_a_percentage(self):
        page = render.page_of(result_of(hit("gdb hw", 300, made=1000, reported=925)))
        self.assertEqual(row_of(page, "gdb hw", "300 (270–330)")[-1], "7.50 %")

    def test_a_loss_too_small_for_a_percentage_is_not_called_none(self):
        page = render.page_of(result_of(hit("x", 1, made=10_000_000, reported=9_999_999)))
        self.assertNotEqual(row_of(page, "x", "1.00 (0.90–1.10)")[-1], "0")

    def test_a_tool_that_misses_most_has_no_ratios(self):
        page = render.page_of(result_of(hit("memwatch page", 10), hit("gdb hw", 300),
                                        hit("bpftrace", 0.1, reported=10)))
        self.assertEqual(row_of(page, "bpftrace", "0.10 (0.09–0.11)")[2:],
                         ["–", "–", "1,000", "10", "99.00 %"])
        self.assertIn(["bpftrace", "loses"], tables_of(page)[1])

    def test_more_reports_than_stores_are_told(self):
        page = render.page_of(result_of(hit("perf record", 1, reported=8000)))
        self.assertEqual(row_of(page, "perf record", "1.00 (0.90–1.10)")[-1], "8.00 × as many")

    def test_a_target_with_wrong_memory_is_told(self):
        page = render.page_of(result_of(hit("x", 300, damaged=1)))
        self.assertIn("memory wrong", row_of(page, "x", "300 (270–330)")[-1])

    def test_a_buffer_is_counted_by_page(self):
        page = render.page_of(result_of(hit("memwatch page", 5140, case="memset", native=20)))
        self.assertEqual(row_of(page, "memwatch page", "5,140 (4,626–5,654)")[2:4],
                         ["20.0", "20.0"])

    def test_a_tool_without_figures_is_a_row_that_says_why(self):
        page = render.page_of(result_of({"case": "store", "tool": "lldb", "missing": "not | here"},
                                        hit("memwatch page", 10)))
        self.assertIn("| lldb | not \\| here |", page)
        self.assertEqual(row_of(page, "memwatch page", "10.0 (9.00–11.0)")[2:4], ["–", "–"])

    def test_every_row_of_a_table_has_as_many_cells_as_its_head(self):
        unhit = {"tool": "gdb", "armed_ms": 5.0, "reported": 0,
                 **{kind: {"ns": figure(5.0), "native_ns": figure(5.0), "ratio": figure(1.0)}
                    for kind in ("work", "beside", "calls")}}
        region = {"backend": "poll", "count": 1, "size": 1 << 30, "armed_s": 0.1,
                  "last_armed_ms": 9.0, "memory_bytes": 1 << 30, "metadata_bytes": 80, "mappings": 0, "idle_cpu": 0.1,
                  "stores": 5, "store_us": 1.0, "reported": 5}
        job = {"job": "fork", "title": "forks", "bare_s": figure(1.0),
               "trackers": {"perf": {"ratio": figure(1.0), "own_cpu": figure(0.1)}}}
        lacking = {"tool": "lldb", "backend": "page", "count": 2, "size": 8, "job": "make",
                   "missing": "why"}
        page = render.page_of(result_of(hit("x", 1), unhit=[unhit, lacking],
                                        regions=[region, lacking], run=[job, lacking]))
        tables = tables_of(page)
        self.assertEqual(len(tables), 6)
        for table in tables:
            self.assertEqual({len(row) for row in table}, {len(table[0])}, table)

    def test_a_busy_machine_is_told(self):
        result = result_of(hit("x", 1))
        self.assertNotIn("busy", render.page_of(result))
        result["machine"]["load_before"] = 4.0
        self.assertIn("busy", render.page_of(result))

    def test_small_numbers_keep_digits_that_mean_something(self):
        self.assertEqual([render.number(value) for value in (0, 0.00123, 0.5, 12.34, 123.4, 12345)],
                         ["0.00", "0.00123", "0.50", "12.3", "123", "12,345"])


class Aims(unittest.TestCase):
    def judge_one(self, words, *hits, **parts):
        return next(met for aim, met in verdicts(result_of(*hits, **parts)).items()
                    if words in aim)

    def test_an_aim_is_met_or_missed_by_the_figures(self):
        gdb = hit("gdb hw", 200)
        self.assertEqual(self.judge_one("1/20 of one with gdb", hit("memwatch page", 10), gdb),
                         targets.MET)
        self.assertEqual(self.judge_one("1/20 of one with gdb", hit("memwatch page", 10.1), gdb),
                         targets.MISSED)

    def test_what_was_not_measured_is_neither(self):
        self.assertEqual(set(verdicts(result_of()).values()), {targets.UNKNOWN})
        row = {"case": "store", "tool": "gdb hw", "missing": "not installed"}
        self.assertEqual(self.judge_one("1/20 of one with gdb", hit("memwatch page", 10), row),
                         targets.UNKNOWN)

    def test_one_lost_store_is_a_miss(self):
        self.assertEqual(self.judge_one("no store lost", hit("memwatch hw", 1, reported=999)),
                         targets.MISSED)
        self.assertEqual(self.judge_one("no store lost", hit("memwatch hw", 1),
                                        hit("memwatch poll", 1, reported=3)), targets.MET)

    def test_damage_is_a_miss(self):
        self.assertEqual(self.judge_one("no store lost", hit("memwatch hw", 1, damaged=1)),
                         targets.MISSED)


    def test_memory_is_judged_by_what_it_is_for(self):
        rows = [{"backend": "page", "count": 1000, "metadata_bytes": 96_000,
                 "size": 8, "memory_bytes": 5_000_000},
                {"backend": "page", "count": 8000, "metadata_bytes": 8 * 96_000,
                 "size": 8, "memory_bytes": 5_000_000 + 7000 * 401}]
        self.assertEqual(self.judge_one("engine keeps", regions=rows), targets.MET)
        self.assertEqual(self.judge_one("in all", regions=rows), targets.MISSED)
        rows[1]["metadata_bytes"] += 7000
        rows[1]["memory_bytes"] -= 7000
        self.assertEqual(self.judge_one("engine keeps", regions=rows), targets.MISSED)
        self.assertEqual(self.judge_one("in all", regions=rows), targets.MET)

    def test_metadata_is_read_from_info_stats(self):
        text = "memwatch: watch 1: …\nguarded: 2 regions, with 1,192 bytes beside their snapshots\n"
        self.assertEqual(regions.metadata_bytes(text), 1192)


class Sampling(unittest.TestCase):
    def settings(self, seconds_left=100.0):
        return sampling.Settings(build=pathlib.Path("build"), quick=True, rounds=1, seconds=0.1,
                                 deadline=sampling.time.monotonic() + seconds_left)

    def test_a_spread_is_median_and_quartiles(self):
        self.assertEqual(sampling.spread([5, 1, 3, 2, 4]), {"median": 3, "low": 2, "high": 4})
        self.assertEqual(sampling.spread([7]), {"median": 7, "low": 7, "high": 7})

    def rows(self, measure, settings):
        return list(sampling.rows_of([({"tool": "x"}, ())], measure, settings, lambda text: None))

    def test_a_measurement_that_fails_is_a_row_without_folders(self):
        def fail(settings):
            raise RuntimeError("something\n/some/where/else/perf: no such event")
        self.assertEqual(self.rows(fail, self.settings()),
                         [{"tool": "x", "missing": "perf: no such event"}])

    def test_a_failure_without_words_is_named(self):
        self.assertEqual(sampling.reason_of(BrokenPipeError()), "BrokenPipeError")

    def test_what_is_not_begun_in_time_is_left_out_and_says_so(self):
        self.assertEqual(self.rows(None, self.settings(seconds_left=-1)),
                         [{"tool": "x", "missing": "left out: the time was up"}])

    def test_a_sample_takes_about_its_time_and_the_target_counts(self):
        class Slow:
            """Takes a microsecond a turn."""
            def ask(self, kind, n):
                return [n * 1000, n, n * 8, 0]
        meter = sampling.Meter(Slow(), "store", self.settings(), threads=8)
        self.assertEqual(meter.turns, 100_000)
        self.assertEqual(meter.sample(), 1000)
        self.assertEqual(meter.bytes, meter.stores * 8)
        few = sampling.Meter(Slow(), "store", self.settings(), threads=3, most=1000)
        self.assertEqual(few.turns, 1002)


class Processes(unittest.TestCase):
    def test_none_outlives_the_benchmark(self):
        """An orphan of a child in a session of its own; the benchmark dies of SIGTERM."""
        with tempfile.NamedTemporaryFile("r") as pid_file:
            program = ("import os, signal, sys\n"
                       f"sys.path.insert(0, {str(ROOT / 'bench')!r})\n"
                       "import processes\n"
                       "with processes.no_orphans():\n"
                       f"    processes.start(['sh', '-c', 'setsid sleep 600 & echo $! > "
                       f"{pid_file.name}']).wait()\n"
                       "    os.kill(os.getpid(), signal.SIGTERM)\n"
                       "    signal.pause()\n")
            done = subprocess.run([sys.executable, "-c", program], timeout=60)
            self.assertEqual(done.returncode, 143)
            orphan = int(pid_file.read())
        self.assertFalse(pathlib.Path(f"/proc/{orphan}").exists())

    def test_a_target_that_does_not_answer_as_expected_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "not address"):
            processes.Target("echo", "hello")
        with self.assertRaisesRegex(RuntimeError, "died"):
            processes.Target("true")


if __name__ == "__main__":
    unittest.main()
