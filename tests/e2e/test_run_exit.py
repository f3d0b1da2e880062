# SPDX-License-Identifier: MIT
"""How `memwatch run` ends: as its command did, or with a code of its own."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from run_jobs import MEMWATCH, PATIENCE, environment, job, run, trackers


class ExitStatus(unittest.TestCase):
    def test_the_code_of_the_command_is_ours(self):
        for tracker in trackers():
            with self.subTest(tracker):
                result = run("sh", "-c", "exit 42", options=["--track", tracker])
                self.assertEqual(result.code, 42)
                self.assertEqual(result.report["exit_code"], 42)
                self.assertEqual(result.report["child_exit"], {"code": 42, "signal": None})
                self.assertEqual(result.report["verdict"], "exit-nonzero")

    def test_the_signal_of_the_command_is_ours(self):
        for tracker in trackers():
            for name in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
                with self.subTest(tracker, signal=name):
                    result = run("sh", "-c", f"kill -{int(name)} $$", options=["--track", tracker])
                    self.assertEqual(result.code, -name)
                    self.assertNotIn("exit_code", result.report)
                    self.assertEqual(result.report["child_exit"], {"code": None, "signal": name})
                    self.assertEqual(result.report["verdict"], "killed-by-signal")

    def test_a_raised_signal_leaves_no_core_of_ours(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["sh", "-c", "ulimit -c unlimited; exec \"$0\" run --quiet -- "
                            "sh -c 'ulimit -c 0; kill -SEGV $$'", MEMWATCH], cwd=folder,
                           env=environment(), check=False, timeout=PATIENCE,
                           stderr=subprocess.DEVNULL)
            self.assertEqual(os.listdir(folder), [])

    def test_a_command_that_is_not_there_is_127(self):
        result = run("/nonexistent/program")
        self.assertEqual(result.code, 127)
        self.assertIn("No such file or directory", result.stderr)
        self.assertEqual(result.report["verdict"], "not-started")

    def test_a_command_that_cannot_be_executed_is_126(self):
        with tempfile.NamedTemporaryFile() as file:
            result = run(file.name)
            self.assertEqual(result.code, 126)
            self.assertIn("Permission denied", result.stderr)
        self.assertEqual(run("/tmp").code, 126)

    def test_wrong_words_are_125_and_the_command_never_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            mark = os.path.join(folder, "mark")
            for options in (["--no-such-option"], ["--include", "("], ["--exclude", "["],
                            ["--max-total-rss", "many"], ["--max-total-rss", "5X"],
                            ["--group-by", "colour"], ["--track", "magic"], ["-i", "0"],
                            ["--csv", "/nonexistent/f.csv"], ["--timeline", folder],
                            ["--series", "/nonexistent/s.csv"], ["--json=/nonexistent/j.json"],
                            ["--runs", "0"], ["--limit-exit", "256"]):
                with self.subTest(options):
                    result = run("touch", mark, options=options)
                    self.assertEqual(result.code, 125)
                    self.assertNotEqual(result.stderr, "")
                    self.assertFalse(os.path.exists(mark))

    def test_no_command_is_125(self):
        result = subprocess.run([MEMWATCH, "run", "--quiet"], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual(result.returncode, 125)
        self.assertIn("no command", result.stderr)

    def test_the_help_names_every_option_on_stdout(self):
        result = subprocess.run([MEMWATCH, "run", "--help"], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual(result.returncode, 0)
        for option in ("--interval", "--json[=FILE]", "--track", "--max-total-rss", "--runs"):
            self.assertIn(option, result.stdout)


class Signals(unittest.TestCase):
    def start(self, path, *command, options=()):
        child = subprocess.Popen([MEMWATCH, "run", "--quiet", f"--json={path}", *options, "--",
                                  *command], stdout=subprocess.PIPE, text=True,
                                 env=environment())
        self.addCleanup(child.stdout.close)
        return child

    def test_sigterm_reaches_the_job_and_a_report_is_left(self):
        for tracker in trackers():
            for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                with self.subTest(tracker, signal=name), tempfile.TemporaryDirectory() as folder:
                    path = os.path.join(folder, "r.json")
                    child = self.start(path, "sh", "-c", "echo $$; sleep 60; sleep 60",
                                       options=["--track", tracker])
                    shell = int(child.stdout.readline())
                    time.sleep(0.2)
                    child.send_signal(name)
                    # A shell without a terminal may survive its child's SIGINT or SIGQUIT.
                    time.sleep(0.5)
                    if child.poll() is None:
                        child.send_signal(signal.SIGTERM)
                    self.assertLess(child.wait(PATIENCE), 0)
                    self.assertFalse(os.path.exists(f"/proc/{shell}"))
                    with open(path, encoding="utf-8") as file:
                        report = json.load(file)
                    self.assertTrue(report["complete"])
                    self.assertEqual(report["verdict"], "interrupted")
                    self.assertEqual(len(report["processes"]) >= 2, True)

    def test_a_job_that_handles_the_signal_ends_as_it_likes(self):
        with tempfile.TemporaryDirectory() as folder:
            child = self.start(os.path.join(folder, "r.json"), "sh", "-c",
                               "trap 'exit 5' TERM; echo ready; sleep 60 & wait")
            child.stdout.readline()
            time.sleep(0.1)
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(PATIENCE), 5)

    def test_killed_memwatch_leaves_a_checkpoint_and_the_job(self):
        for tracker in trackers("ptrace", "poll"):
            with self.subTest(tracker), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "r.json")
                child = self.start(path, "sh", "-c", "echo $$; sleep 20", options=[
                    "--track", tracker])
                shell = int(child.stdout.readline())
                deadline = time.monotonic() + 30
                while not os.path.exists(path) and time.monotonic() < deadline:
                    time.sleep(0.1)
                child.kill()
                child.wait()
                with open(path, encoding="utf-8") as file:
                    report = json.load(file)
                self.assertFalse(report["complete"])
                self.assertEqual(report["verdict"], "running")
                self.assertEqual(len(report["processes"]), 2)
                time.sleep(0.2)
                self.assertTrue(os.path.exists(f"/proc/{shell}"))
                with open(f"/proc/{shell}/stat", encoding="utf-8") as file:
                    self.assertIn(file.read().split()[2], "SR")
                for pid in (p["pid"] for p in report["processes"]):
                    os.kill(pid, signal.SIGKILL)

    def test_the_job_starts_with_the_limits_and_signals_it_would_have(self):
        # Not by a shell: some clear their signal mask.
        show = ("import resource, signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []), "
                "[signal.getsignal(n) for n in (2, 3, 13, 15, 17)], "
                "resource.getrlimit(resource.RLIMIT_NOFILE))")
        command = [sys.executable, "-c", show]
        plain = subprocess.run(command, capture_output=True, text=True, check=True)
        for tracker in trackers():
            with self.subTest(tracker):
                self.assertEqual(run(*command, options=["--track", tracker]).stdout, plain.stdout)


class Runs(unittest.TestCase):
    def test_each_run_is_in_the_report_and_the_median_on_top(self):
        result = run(job("hog"), "20", "10", options=["--runs", "3"])
        report = result.report
        self.assertEqual(len(report["runs"]), 3)
        peaks = sorted(r["max_total_rss_kib"] for r in report["runs"])
        self.assertEqual(report["max_total_rss_kib"], peaks[1])
        summary = report["runs_summary"]
        self.assertEqual(summary["count"], 3)
        self.assertEqual(summary["max_total_rss_kib"]["median"], peaks[1])
        self.assertEqual(summary["max_total_rss_kib"]["min"], peaks[0])
        self.assertEqual(summary["max_total_rss_kib"]["max"], peaks[2])

    def test_the_first_failed_run_decides_the_code(self):
        with tempfile.TemporaryDirectory() as folder:
            script = f"echo x >>{folder}/n; test $(wc -l <{folder}/n) -ne 2 || exit 9"
            result = run("sh", "-c", script, options=["--runs", "3"])
            self.assertEqual(result.code, 9)
            self.assertEqual(len(result.report["runs"]), 3)


if __name__ == "__main__":
    unittest.main()
