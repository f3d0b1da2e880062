# SPDX-License-Identifier: MIT
"""Every process of a job is in the report, with its true peak."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from run_jobs import EXACT, JOBS, MEMWATCH, PATIENCE, ROOT, job, run, trackers

MIB = 1024


class Completeness(unittest.TestCase):
    def test_pipelines_have_all_their_processes_and_every_short_hog(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                result = run(os.path.join(JOBS, "pipelines.sh"), job("hog"),
                             options=["--track", tracker])
                self.assertEqual(result.code, 0, result.stderr)
                self.assertEqual(result.report["completeness"]["processes"], 1011)
                self.assertEqual(result.report["completeness"]["exact"], 1011)
                self.assertEqual(result.report["completeness"]["line"],
                                 "1011 processes, all measured exactly")
                hogs = [p["max_rss_kib"] for p in result.processes("hog")]
                self.assertEqual(len(hogs), 10)
                for kib in hogs:
                    self.assertGreater(kib, 120 * MIB)
                    self.assertLess(kib, 125 * MIB)

    def test_perf_counts_every_process_of_the_pipelines(self):
        for tracker in trackers("perf"):
            result = run(os.path.join(JOBS, "pipelines.sh"), job("hog"),
                         options=["--track", tracker])
            self.assertEqual(result.report["completeness"]["processes"], 1011)
            self.assertEqual(result.report["completeness"]["events_lost"], 0)
            self.assertEqual(len(result.processes("hog")), 10)

    def test_a_burst_freed_long_before_the_exit_is_the_peak(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                result = run(job("hog"), "200", "5", "200", options=["--track", tracker])
                hog = result.process("hog")
                self.assertGreater(hog["max_rss_kib"], 200 * MIB)
                self.assertTrue(hog["exact"])

    def test_every_compiler_of_a_build_is_listed_with_its_peak(self):
        with tempfile.TemporaryDirectory() as folder:
            names = ["error", "fdio", "intmap", "log", "procfs", "procmaps"]
            for tracker in trackers(*EXACT):
                with self.subTest(tracker):
                    subprocess.run(["rm", "-rf", f"{folder}/out"], check=True)
                    result = run("make", "-s", "-j2", f"BUILD={folder}/out",
                                 *[f"{folder}/out/base/{name}.o" for name in names], cwd=ROOT,
                                 options=["--track", tracker])
                    self.assertEqual(result.code, 0, result.stderr)
                    compilers = result.processes("cc1")
                    self.assertEqual(len(compilers), len(names))
                    for compiler in compilers:
                        self.assertGreater(compiler["max_rss_kib"], 10 * MIB)
                        self.assertTrue(compiler["exact"])
                    self.assertEqual(len(result.processes("as")), len(names))
                    group, = [g for g in result.report["groups"] if g["name"] == "cc1"]
                    self.assertEqual(group["processes"], len(names))
                    self.assertEqual(group["max_rss_kib"],
                                     max(c["max_rss_kib"] for c in compilers))

    def test_pid_reuse_keeps_processes_apart(self):
        keys = [p["key"] for p in run(
            "sh", "-c", "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done"
        ).report["processes"]]
        self.assertEqual(len(keys), 301)
        self.assertEqual(len(set(keys)), 301)


class Totals(unittest.TestCase):
    def test_forks_that_share_count_once_in_pss(self):
        for tracker in trackers("taskstats", "ptrace", "poll"):
            with self.subTest(tracker):
                result = run(job("cow"), "300", "8", "10", "2000", options=["--track", tracker])
                peak = result.report["peak"]
                self.assertGreater(peak["total_rss_kib"], 2700 * MIB)
                if peak["cgroup_kib"] is None:
                    self.skipTest("no control group")
                self.assertAlmostEqual(peak["total_pss_kib"] / peak["cgroup_kib"], 1, delta=0.03)

    def test_a_vfork_child_is_not_its_parent_a_second_time(self):
        for tracker in trackers("taskstats", "ptrace", "poll"):
            with self.subTest(tracker):
                result = run(job("spawner"), "400", "200", options=["--track", tracker])
                self.assertLess(result.report["max_total_rss_kib"], 430 * MIB)
                sizes = sorted(p["max_rss_kib"] for p in result.report["processes"])
                self.assertEqual(len(sizes), 3)
                self.assertEqual(sizes[0], 0)
                self.assertLess(sizes[1], 10 * MIB)
                self.assertGreater(sizes[2], 400 * MIB)

    def test_who_held_what_at_the_peak_adds_up(self):
        report = run(job("cow"), "50", "3", "5", "500").report
        holders = report["peak"]["processes"]
        self.assertEqual(len(holders), 4)
        self.assertEqual(holders, sorted(holders, key=lambda h: -h["rss_kib"]))
        keys = {p["key"] for p in report["processes"]}
        self.assertTrue(all(h["key"] in keys for h in holders))
        self.assertLessEqual(sum(h["rss_kib"] for h in holders), report["max_total_rss_kib"])
        self.assertGreater(sum(h["rss_kib"] for h in holders), 200 * MIB)

    def test_the_bounds_hold_the_true_peak(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                hog = job("hog")
                report = run("sh", "-c", f"{hog} 50 1000 & {hog} 70 1000 & wait",
                             options=["--track", tracker]).report
                peak = report["peak"]
                self.assertLessEqual(peak["bound_low_kib"], peak["bound_high_kib"])
                self.assertGreaterEqual(peak["bound_high_kib"], 120 * MIB)
                self.assertLess(peak["bound_high_kib"], 140 * MIB)
                self.assertGreater(peak["bound_low_kib"], 118 * MIB)

    def test_exact_intervals_close_the_gap_between_samples(self):
        report = run(job("hog"), "100", "3", "300", options=["--exact-intervals", "-i", "50"]).report
        self.assertGreater(report["peak"]["bound_low_kib"], 100 * MIB)
        self.assertLess(report["peak"]["bound_high_kib"], 110 * MIB)


class Shapes(unittest.TestCase):
    """Processes that come and go in odd ways."""

    def test_a_daemon_stays_part_of_the_job(self):
        for tracker in trackers():
            with self.subTest(tracker):
                result = run(job("daemon"), "80", "300", options=["--track", tracker])
                self.assertEqual(result.code, 0)
                self.assertGreater(result.report["max_total_rss_kib"], 80 * MIB)
                largest = result.report["processes"][0]
                self.assertGreater(largest["max_rss_kib"], 80 * MIB)
                self.assertLess(largest["max_rss_kib"], 85 * MIB)
                self.assertGreater(result.report["duration_seconds"], 0.3)

    def test_wait_root_leaves_the_daemon_and_says_so(self):
        result = run(job("daemon"), "10", "5000", options=["--wait", "root"])
        self.assertLess(result.report["duration_seconds"], 4)
        self.assertEqual(len(result.report["left_running"]), 1)

    def test_memory_taken_after_the_leader_ended_counts(self):
        for tracker in trackers():
            with self.subTest(tracker):
                result = run(job("threads"), "leader", "50", options=["--track", tracker])
                self.assertEqual(result.code, 0)
                self.assertGreater(result.process("threads")["max_rss_kib"], 50 * MIB)

    def test_a_thread_that_ends_the_process_ends_it_with_its_code(self):
        for tracker in trackers():
            with self.subTest(tracker):
                result = run(job("threads"), "exit", "30", options=["--track", tracker])
                self.assertEqual(result.code, 7)
                self.assertEqual(result.process("threads")["exit_code"], 7)
                self.assertGreater(result.process("threads")["max_rss_kib"], 30 * MIB)

    def test_a_child_forked_by_a_thread_is_seen(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                report = run(job("threads"), "fork", "40", options=["--track", tracker]).report
                self.assertEqual(report["completeness"]["exact"], 2)
                self.assertGreater(report["processes"][0]["max_rss_kib"], 40 * MIB)
                self.assertEqual(report["processes"][0]["parent_key"],
                                 report["processes"][1]["key"])

    def test_an_exec_by_a_thread_keeps_the_process(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                result = run(job("threads"), "exec", options=["--track", tracker])
                self.assertEqual(result.code, 0)
                self.assertEqual(result.report["completeness"]["exact"], 1)
                self.assertEqual(result.report["processes"][0]["name"], "true")

    def test_a_process_that_runs_two_programs_lists_both(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                report = run("env", "A=1", "sleep", "0.2", options=["--track", tracker]).report
                process, = report["processes"]
                self.assertEqual([os.path.basename(p) for p in process["exec_chain"]],
                                 ["env", "sleep"])
                self.assertEqual(process["command"], "sleep 0.2")

    def test_twenty_thousand_threads_are_one_process(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                result = run(job("threads"), "many", "20000", options=["--track", tracker])
                self.assertEqual(result.code, 0)
                self.assertEqual(result.report["completeness"]["line"],
                                 "1 process, measured exactly")

    def test_fifty_thousand_signals_arrive(self):
        for tracker in trackers(*EXACT):
            with self.subTest(tracker):
                result = run(job("threads"), "signals", "50000", options=["--track", tracker])
                self.assertEqual(result.code, 0)


class Attached(unittest.TestCase):
    def attach(self, pid, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/r.json"
            code = subprocess.run([MEMWATCH, "run", "--quiet", f"--json={path}", "--pid", str(pid),
                                   *options], timeout=PATIENCE, check=False).returncode
            if not os.path.exists(path):
                return code, None
            with open(path, encoding="utf-8") as file:
                return code, json.load(file)

    def test_a_running_tree_is_followed_to_its_end(self):
        for tracker in trackers():
            with self.subTest(tracker):
                tree = subprocess.Popen(["sh", "-c", f"{job('hog')} 60 1500; exit 3"])
                time.sleep(0.4)
                code, report = self.attach(tree.pid, "--track", tracker)
                self.assertEqual(tree.wait(), 3)
                self.assertEqual(code, 0)
                self.assertEqual(len(report["processes"]), 2)
                self.assertGreater(report["processes"][0]["max_rss_kib"], 60 * MIB)
                self.assertLess(report["processes"][0]["start_seconds"], 0)
                self.assertIn("hog 60 1500", report["command"][2])

    def test_an_interrupted_look_leaves_the_tree_alone(self):
        for tracker in trackers():
            with self.subTest(tracker), tempfile.TemporaryDirectory() as folder:
                tree = subprocess.Popen(["sh", "-c", "sleep 2; exit 3"])
                time.sleep(0.2)
                path = f"{folder}/r.json"
                child = subprocess.Popen([MEMWATCH, "run", "--quiet", f"--json={path}", "--pid",
                                          str(tree.pid), "--track", tracker])
                time.sleep(0.5)
                child.send_signal(signal.SIGINT)
                self.assertEqual(child.wait(PATIENCE), 0)
                with open(path, encoding="utf-8") as file:
                    self.assertEqual(len(json.load(file)["left_running"]), 2)
                with open(f"/proc/{tree.pid}/status", encoding="utf-8") as file:
                    self.assertIn("TracerPid:\t0\n", file.read())
                self.assertEqual(tree.wait(), 3)

    def test_a_pid_nobody_has_is_a_failure_of_ours(self):
        self.assertEqual(self.attach(2 ** 22 - 1), (125, None))


if __name__ == "__main__":
    unittest.main()
