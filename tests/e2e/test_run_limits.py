# SPDX-License-Identifier: MIT
"""Guardrails: limits, leaks and the kernel's out-of-memory killer."""
import os
import re
import subprocess
import time
import unittest

from run_jobs import EXACT, job, run, trackers

MIB = 1024


class Limits(unittest.TestCase):
    def test_a_total_over_the_limit_is_10_and_names_the_largest(self):
        hog = job("hog")
        result = run("sh", "-c", f"{hog} 40 300 & {hog} 70 300; wait",
                     options=["--max-total-rss", "100M"])
        self.assertEqual(result.code, 10)
        self.assertEqual(result.report["verdict"], "limit-exceeded")
        limit, = result.report["limits"]
        self.assertEqual(limit["name"], "max-total-rss")
        self.assertEqual(limit["limit_kib"], 100 * MIB)
        self.assertTrue(limit["exceeded"])
        self.assertGreater(limit["value_kib"], 100 * MIB)
        self.assertIn("hog 70 300", limit["command"])
        self.assertIn("--max-total-rss", result.stderr)
        # Only a warning: the job ends by itself.
        self.assertEqual(result.report["child_exit"]["code"], 0)

    def test_a_process_over_its_limit_is_11(self):
        result = run(job("hog"), "50", "200", options=["--max-per-proc-rss", "20M"])
        self.assertEqual(result.code, 11)
        self.assertIn("hog 50 200", result.report["limits"][0]["command"])

    def test_five_milliseconds_over_the_limit_are_enough(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                # Rare samples: only the mark read at the exit can know.
                result = run(job("hog"), "80", "5", options=[
                    "--max-per-proc-rss", "60M", "--track", tracker, "-i", "3000"])
                self.assertEqual(result.code, 11)

    def test_below_the_limit_nothing_happens(self):
        result = run(job("hog"), "20", "50", options=[
            "--max-total-rss", "100M", "--max-per-proc-rss", "100M", "--max-total-pss", "100M",
            "--limit-action", "kill"])
        self.assertEqual(result.code, 0)
        self.assertEqual([entry["exceeded"] for entry in result.report["limits"]], [False] * 3)

    def test_the_code_can_be_another_one(self):
        result = run(job("hog"), "50", "100", options=["--max-per-proc-rss", "20M",
                                                       "--limit-exit", "77"])
        self.assertEqual(result.code, 77)

    def test_kill_ends_the_whole_job_at_once(self):
        for tracker in trackers():
            with self.subTest(tracker):
                start = time.monotonic()
                result = run("sh", "-c", f"sleep 30 & {job('hog')} 60 30000; sleep 30",
                             options=["--max-total-rss", "50M", "--limit-action", "kill",
                                      "--track", tracker])
                self.assertLess(time.monotonic() - start, 15)
                self.assertEqual(result.code, 10)
                for process in result.report["processes"]:
                    self.assertFalse(os.path.exists(f"/proc/{process['pid']}/exe"))

    def test_term_is_followed_by_kill_after_the_grace(self):
        result = run("sh", "-c", f"trap '' TERM; {job('hog')} 60 30000",
                     options=["--max-total-rss", "50M", "--limit-action", "term",
                              "--limit-grace", "0.5"])
        self.assertEqual(result.code, 10)
        self.assertGreater(result.report["duration_seconds"], 0.5)
        self.assertLess(result.report["duration_seconds"], 15)
        self.assertEqual(result.report["child_exit"]["signal"], 9)

    def test_sizes_may_be_written_in_many_ways(self):
        memory = run("true").report["host"]["memory_kib"]
        for text, kib in (("512M", 512 * MIB), ("8G", 8 * MIB * MIB), ("4096K", 4096),
                          ("1.5GiB", 1536 * MIB), ("1048576", 1024), ("64mb", 64 * MIB),
                          ("50%", memory // 2)):
            with self.subTest(text):
                limit, = run("true", options=["--max-total-rss", text]).report["limits"]
                self.assertAlmostEqual(limit["limit_kib"], kib, delta=1)

    def test_shared_memory_is_under_the_pss_limit(self):
        options = ["--max-total-pss", "300M"]
        self.assertEqual(run(job("cow"), "100", "5", "5", "1500", options=options).code, 0)
        self.assertEqual(run(job("cow"), "100", "5", "60", "1500", options=options).code, 10)


class Leaks(unittest.TestCase):
    OPTIONS = ["--leak-min-duration", "5", "--leak-min-growth", "50"]

    def test_steady_growth_is_found_and_fails_only_when_asked_to(self):
        command = [job("leak"), "300", "30", "8000"]
        result = run(*command, options=self.OPTIONS)
        self.assertEqual(result.code, 0)
        leak, = result.report["leaks"]
        self.assertEqual(leak["pid"], result.process("leak")["pid"])
        # 300 KiB each 30 ms is 10 MiB a second, less what sleeping too long takes away.
        self.assertGreater(leak["slope_mib_per_hour"], 3600)
        self.assertLess(leak["slope_mib_per_hour"], 40000)
        self.assertGreater(leak["seconds_to_limit"], 0)
        result = run(*command, options=[*self.OPTIONS, "--fail-on-leak"])
        self.assertEqual(result.code, 13)
        self.assertEqual(result.report["verdict"], "leak-suspected")

    def test_memory_that_stays_is_no_leak(self):
        result = run(job("hog"), "60", "7000", options=[*self.OPTIONS, "--fail-on-leak"])
        self.assertEqual(result.code, 0)
        self.assertEqual(result.report["leaks"], [])


class OutOfMemory(unittest.TestCase):
    """In a control group with little memory, where the test may make one (version 1)."""

    ROOT = "/sys/fs/cgroup/memory"

    def setUp(self):
        if os.geteuid() or not os.path.exists(f"{self.ROOT}/memory.limit_in_bytes"):
            self.skipTest("needs root and a version 1 memory control group")
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = re.search(r"memory:(.*)", file.read()).group(1)
        self.group = f"{self.ROOT}{own}/memwatch-test-{os.getpid()}"
        os.mkdir(self.group)
        self.addCleanup(self.remove)
        with open(f"{self.group}/memory.limit_in_bytes", "w", encoding="utf-8") as file:
            file.write(str(64 << 20))

    def remove(self):
        for _ in range(50):
            try:
                os.rmdir(self.group)
                return
            except OSError:
                time.sleep(0.1)

    def enter(self):
        with open(f"{self.group}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))

    def test_the_killed_process_is_named_with_its_size(self):
        result = run("sh", "-c", f"{job('hog')} 200 100; exit 0", preexec_fn=self.enter)
        self.assertEqual(result.report["verdict"], "oom-killed", result.stderr)
        oom = result.report["oom"]
        self.assertEqual(oom["pid"], result.process("hog")["pid"])
        self.assertEqual(oom["command"], "hog")
        self.assertGreater(oom["rss_kib"], 40 * MIB)
        self.assertLess(oom["rss_kib"], 70 * MIB)


if __name__ == "__main__":
    unittest.main()
