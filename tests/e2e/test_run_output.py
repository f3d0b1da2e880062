# SPDX-License-Identifier: MIT
"""What `memwatch run` writes: a reader of version 0.1's JSON and CSV understands it."""
import csv
import datetime
import json
import os
import re
import stat
import subprocess
import tempfile
import unittest

import jsonschema

from run_jobs import MEMWATCH, PATIENCE, ROOT, environment, job, run, trackers

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
CSV_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00$")


def read_report_of_0_1(report, with_timeline):
    """A consumer as one would have written it for version 0.1: every key, every type."""
    assert isinstance(report["command"], list)
    assert all(isinstance(word, str) for word in report["command"])
    assert isinstance(report["duration_seconds"], float)
    assert round(report["duration_seconds"], 3) == report["duration_seconds"]
    assert TIME.match(report["start_time"]) and TIME.match(report["end_time"])
    assert isinstance(report["exit_code"], int)
    assert isinstance(report["interval_ms"], int)
    assert isinstance(report["max_total_rss_kib"], int)
    assert isinstance(report["samples"], int)
    largest = None
    for process in report["processes"]:
        assert isinstance(process["pid"], int) and isinstance(process["ppid"], int)
        assert isinstance(process["command"], str)
        assert isinstance(process["max_rss_kib"], int)
        for key in ("first_seen", "last_seen", "peak_time"):
            assert TIME.match(process[key]), process[key]
        assert largest is None or process["max_rss_kib"] <= largest
        largest = process["max_rss_kib"]
    assert ("timeline" in report) == with_timeline
    for point in report.get("timeline", []):
        assert isinstance(point["elapsed_seconds"], float)
        assert isinstance(point["process_count"], int)
        assert isinstance(point["total_rss_kib"], int)
        assert TIME.match(point["timestamp"])


def assert_sorted_keys(test, value):
    if isinstance(value, dict):
        test.assertEqual(list(value), sorted(value))
        for inner in value.values():
            assert_sorted_keys(test, inner)
    elif isinstance(value, list):
        for inner in value:
            assert_sorted_keys(test, inner)


class Json(unittest.TestCase):
    def plain(self, *words, options=()):
        return subprocess.run([MEMWATCH, "run", *options, "--", *words], capture_output=True,
                              text=True, timeout=PATIENCE, env=environment(), check=False)

    def test_a_reader_of_0_1_reads_the_report_on_stdout(self):
        process = self.plain("sleep", "0.2", options=["--json", "-i", "20"])
        self.assertEqual(process.stderr, "")
        report = json.loads(process.stdout)
        read_report_of_0_1(report, with_timeline=False)
        self.assertEqual(report["command"], ["sleep", "0.2"])
        self.assertEqual(report["interval_ms"], 20)
        self.assertGreaterEqual(report["duration_seconds"], 0.2)
        self.assertLess(report["duration_seconds"], 10)

    def test_the_timeline_is_on_stdout_only_when_asked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            process = self.plain("sleep", "0.2", options=["--json", "--timeline", f"{folder}/t"])
            read_report_of_0_1(json.loads(process.stdout), with_timeline=True)

    def test_keys_are_in_alphabetical_order_and_pretty(self):
        process = self.plain("sh", "-c", "sleep 0.1; exit 1", options=["--json"])
        assert_sorted_keys(self, json.loads(process.stdout))
        data = json.loads(process.stdout)
        self.assertEqual(process.stdout, json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def test_reports_follow_the_schema(self):
        with open(os.path.join(ROOT, "docs", "run.schema.json"), encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        hog = job("hog")
        for tracker in trackers():
            for words, options in (
                    (["sh", "-c", f"{hog} 30 200 & {hog} 10 100; wait"], []),
                    (["sh", "-c", "kill -9 $$"], ["--group-by", "subtree"]),
                    ([hog, "30", "100"], ["--max-per-proc-rss", "20M"]),
                    ([hog, "30", "100"], ["--runs", "2", "--include", "hog"]),
                    (["/nonexistent"], [])):
                with self.subTest(tracker, words=words):
                    result = run(*words, options=["--track", tracker, *options])
                    validator.validate(result.report)

    def test_a_noisy_child_does_not_spoil_a_report_in_a_file(self):
        noise = "i=0; while [ $i -lt 2000 ]; do echo noise $i; i=$((i+1)); done"
        result = run("sh", "-c", noise)
        self.assertEqual(result.stdout.count("\n"), 2000)
        self.assertEqual(result.report["verdict"], "ok")

    def test_a_noisy_child_on_the_same_stdout_is_warned_about(self):
        for words, warned in (["echo", "noise"], True), (["true"], False):
            with tempfile.TemporaryFile() as stdout:
                process = subprocess.run(
                    [MEMWATCH, "run", "--json", "--", *words], stdout=stdout,
                    stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
            self.assertEqual("--json=FILE" in process.stderr, warned)

    def test_silent_keeps_stdout_for_the_report(self):
        process = self.plain("sh", "-c", "echo noise; echo talk >&2",
                             options=["--json", "--silent"])
        json.loads(process.stdout)
        self.assertEqual(process.stderr, "")

    def test_hostile_command_lines_survive(self):
        words = ["sh", "-c", "sleep 0.1; :", "</script>\u2028\"\\", "\x01\x1b[31m", "\udcff\udcfe"]
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/r.json"
            subprocess.run([os.fsencode(w) for w in
                            [MEMWATCH, "run", "--quiet", f"--json={path}", "--", *words]],
                           timeout=PATIENCE, check=True)
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        self.assertEqual(report["command"][:5], words[:5])
        self.assertEqual(report["command"][5], "\ufffd\ufffd")

    def test_the_daemon_s_time_counts_but_no_interval_is_added(self):
        report = run("true", options=["-i", "30000"]).report
        self.assertLess(report["duration_seconds"], 15)


class Csv(unittest.TestCase):
    def files(self, *words, options=()):
        with tempfile.TemporaryDirectory() as folder:
            result = run(*words, options=["--csv", f"{folder}/p", "--timeline", f"{folder}/t",
                                          "--series", f"{folder}/s", *options])
            texts = []
            for name in "pts":
                with open(f"{folder}/{name}", encoding="utf-8", newline="") as file:
                    texts.append(file.read())
        return result, texts

    def test_the_headers_and_rows_are_those_of_0_1(self):
        _, (processes, timeline, series) = self.files(
            "sh", "-c", f'{job("hog")} 20 200; : "quoted, with comma"')
        rows = list(csv.reader(processes.splitlines()))
        self.assertEqual(rows[0], ["pid", "ppid", "command", "max_rss_kib", "max_rss_mib",
                                   "first_seen", "last_seen"])
        self.assertEqual(len(rows), 3)
        self.assertIn('"quoted, with comma"', rows[2][2])
        for row in rows[1:]:
            self.assertEqual(row[4], f"{int(row[3]) / 1024:.2f}")
            self.assertRegex(row[5], CSV_TIME)
            datetime.datetime.fromisoformat(row[6][:26] + "+00:00")
        rows = list(csv.reader(timeline.splitlines()))
        self.assertEqual(rows[0], ["timestamp", "elapsed_seconds", "total_rss_kib",
                                   "total_rss_mib", "process_count"])
        for row in rows[1:]:
            self.assertRegex(row[0], CSV_TIME)
            self.assertRegex(row[1], r"^\d+\.\d{3}$")
        self.assertEqual(series.splitlines()[0], "pid,start_ticks,elapsed_seconds,rss_kib")
        self.assertGreater(len(series.splitlines()), 3)

    def test_the_filter_comment_comes_only_when_asked_for(self):
        _, (processes, _, _) = self.files("sh", "-c", "sleep 0.1; :",
                                          options=["--exclude", "^sleep"])
        self.assertTrue(processes.startswith("pid,"))
        self.assertEqual(len(processes.splitlines()), 2)
        _, (processes, timeline, _) = self.files("sh", "-c", "sleep 0.1; :", options=[
            "--exclude", "^sleep", "--csv-comments"])
        self.assertRegex(processes.splitlines()[0],
                         r"^# Filter: exclude='\^sleep' \(1 processes filtered out, "
                         r"totaling \d+ KiB\)$")
        self.assertTrue(timeline.startswith("# Filter:"))


class Filters(unittest.TestCase):
    def test_filters_hide_processes_but_not_their_memory(self):
        script = f"{job('hog')} 40 200; sleep 0.1; :"
        report = run("sh", "-c", script, options=["--exclude", "hog 40|^sleep"]).report
        self.assertEqual(report["filter"], {"exclude_pattern": "hog 40|^sleep"})
        # The shell's own command line has the hog in it.
        self.assertEqual(report["filtered_process_count"], 3)
        self.assertGreater(report["filtered_total_rss_kib"], 40 * 1024)
        self.assertGreater(report["max_total_rss_kib"], 40 * 1024)
        self.assertEqual(report["processes"], [])
        report = run("sh", "-c", script, options=["--include", "^sleep"]).report
        self.assertEqual([p["name"] for p in report["processes"]], ["sleep"])
        self.assertEqual([g["name"] for g in report["groups"]], ["sleep"])

    def test_groups_are_by_what_was_asked_for(self):
        script = "sh -c 'sleep 0.1; sleep 0.1; :'; sleep 0.1; :"
        for by, count in (("command", 2), ("exe", 2), ("ppid", 3), ("subtree", 3)):
            with self.subTest(by):
                report = run("sh", "-c", script, options=["--group-by", by]).report
                self.assertEqual(report["group_by"], by)
                self.assertEqual(len(report["groups"]), count, report["groups"])
                self.assertEqual(sum(g["processes"] for g in report["groups"]), 5)


class Files(unittest.TestCase):
    def test_a_report_replaces_the_old_one_in_one_piece(self):
        with tempfile.TemporaryDirectory() as folder:
            target, link = f"{folder}/real.json", f"{folder}/link.json"
            with open(target, "w", encoding="utf-8") as file:
                file.write("old")
            os.symlink(target, link)
            before = os.stat(target).st_ino
            subprocess.run([MEMWATCH, "run", "--quiet", f"--json={link}", "--", "true"],
                           check=True, timeout=PATIENCE)
            self.assertTrue(os.path.islink(link))
            self.assertNotEqual(os.stat(target).st_ino, before)
            with open(target, encoding="utf-8") as file:
                json.load(file)
            self.assertEqual(sorted(os.listdir(folder)), ["link.json", "real.json"])
            umask = os.umask(0)
            os.umask(umask)
            self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o666 & ~umask)

    def test_a_full_disk_is_a_failure_of_ours(self):
        result = run("sh", "-c", "exit 3", options=["--csv", "/dev/full"])
        self.assertEqual(result.code, 125)
        self.assertIn("No space left", result.stderr)

    def test_a_pipe_takes_a_report(self):
        process = subprocess.run(["bash", "-c", "\"$0\" run --quiet --json=>(cat >&2) -- true; "
                                  "sleep 0.2", MEMWATCH], capture_output=True, text=True,
                                 timeout=PATIENCE, check=True)
        json.loads(process.stderr)

    def test_the_post_run_command_gets_the_report_and_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            command = f'cat "$1" >{folder}/a; cat "$MEMWATCH_JSON" >{folder}/b; exit 9'
            process = subprocess.run(
                [MEMWATCH, "run", "--quiet", "--post-run-cmd", command, "--", "sh", "-c",
                 "exit 4"], capture_output=True, text=True, timeout=PATIENCE, check=False,
                env={**os.environ, "TMPDIR": folder})
            self.assertEqual(process.returncode, 4)
            self.assertIn("--post-run-cmd failed", process.stderr)
            self.assertEqual(sorted(os.listdir(folder)), ["a", "b"])
            for name in "ab":
                with open(f"{folder}/{name}", encoding="utf-8") as file:
                    self.assertEqual(json.load(file)["exit_code"], 4)


class Text(unittest.TestCase):
    def summary(self, *words, options=(), **popen):
        return subprocess.run([MEMWATCH, "run", *options, "--", *words], capture_output=True,
                              text=True, timeout=PATIENCE, check=True, **popen)

    def test_the_summary_goes_to_stderr_without_colours_in_a_pipe(self):
        process = self.summary("echo", "hello")
        self.assertEqual(process.stdout, "hello\n")
        for word in ("Job:", "Duration:", "Samples:", "Max total RSS:", "Max per process:", "echo hello",
                     "1 process, measured exactly" if "taskstats" in process.stderr
                     or "ptrace" in process.stderr else "1 process"):
            self.assertIn(word, process.stderr)
        self.assertNotIn("\x1b", process.stderr)

    def test_escape_sequences_of_a_command_never_reach_the_terminal(self):
        process = self.summary("sh", "-c", "sleep 0.1; :", "\x1b[31mred")
        self.assertNotIn("\x1b", process.stderr)

    def test_colours_are_for_terminals_that_want_them(self):
        for settings, expected in ({}, True), ({"NO_COLOR": "1"}, False):
            process = subprocess.run(
                ["script", "-qec", f"{MEMWATCH} run -- true", "/dev/null"], capture_output=True,
                text=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL,
                env={**os.environ, **settings})
            self.assertEqual("\x1b[1m" in process.stdout, expected, process.stdout)

    def test_quiet_says_nothing(self):
        self.assertEqual(self.summary("true", options=["--quiet"]).stderr, "")

    def test_live_rewrites_one_line_on_a_terminal(self):
        process = subprocess.run(
            ["script", "-qec", f"{MEMWATCH} run --live --quiet -- sleep 0.9", "/dev/null"],
            capture_output=True, timeout=PATIENCE, check=True, stdin=subprocess.DEVNULL)
        self.assertGreaterEqual(process.stdout.count(b"\r\x1b[K"), 3)
        self.assertIn(b"top: sleep 0.9", process.stdout)


if __name__ == "__main__":
    unittest.main()
