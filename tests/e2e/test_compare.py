#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`memwatch compare`: exit codes, outputs and real reports of other tools."""

import json
import os
import shutil
import subprocess
import sys
import unicodedata
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import report_samples  # noqa: E402
from report_folder import MEMWATCH, ReportFolderTest  # noqa: E402


class CompareTest(ReportFolderTest):
    def sizes(self, prefix, *totals):
        """One file for each total in KiB."""
        names = []
        for index, total in enumerate(totals):
            content = report_samples.small()
            content.update(max_total_rss_kib=total, max_total_pss_kib=None)
            content["peak"].update(cgroup_kib=None, swap_kib=None)
            names.append(self.save(f"{prefix}{index}.json", content))
        return names

    def compare(self, *arguments, code=0):
        return self.run_there("compare", *arguments, code=code)


class VerdictTest(CompareTest):
    def test_the_same_report_twice_is_no_regression(self):
        self.save("a.json", report_samples.small())
        text, talk = self.compare("a.json", "a.json")
        self.assertIn("no regression", text)
        self.assertEqual(talk, "")

    def test_a_regression_exits_12_and_is_named(self):
        self.save("a.json", report_samples.small())
        self.save("b.json", report_samples.small(1.5))
        text, _ = self.compare("a.json", "b.json", code=12)
        self.assertIn("regression: peak total RSS", text)
        self.assertIn("cc1", text)
        self.compare("b.json", "a.json")

    def test_only_what_is_outside_the_noise_of_both_sides_is_a_regression(self):
        base = self.sizes("base", 100_000, 130_000, 101_000)
        noisy = self.sizes("noisy", 120_000, 112_000, 115_000)
        worse = self.sizes("worse", 150_000, 140_000, 145_000)
        text, _ = self.compare(*base, "--", *noisy)
        self.assertIn("within the noise", text)
        self.compare(*base, "--", *worse, code=12)

    def test_the_threshold_is_a_percentage_or_a_size(self):
        base, candidate = self.sizes("a", 200_000, 220_000)
        self.compare(base, candidate, code=12)
        self.compare("--threshold", "11%", base, candidate)
        self.compare("--threshold=9%", base, candidate, code=12)
        self.compare("-t", "20M", base, candidate)
        self.compare("-t", "15M", base, candidate, code=12)

    def test_only_the_metrics_asked_for_are_judged(self):
        base, candidate = self.sizes("a", 200_000, 220_000)
        text, _ = self.compare("--metrics", "max_process,groups", base, candidate)
        self.assertIn("worse (not judged)", text)
        self.compare("--metrics", "max_process,total_rss", base, candidate, code=12)

    def test_the_runs_of_one_file_are_several_runs(self):
        runs = [json.loads(self.read(name)) for name in self.sizes("r", 100_000, 130_000, 101_000)]
        self.save("base.json", {**runs[2], "runs": runs})
        candidate, = self.sizes("c", 115_000)
        text, _ = self.compare("base.json", candidate)
        self.assertIn("base: 3 runs, candidate: 1 run", text)
        self.assertIn("within the noise", text)

    def test_new_and_vanished_processes_are_listed(self):
        self.save("a.json", report_samples.small())
        other = report_samples.report([
            report_samples.process(0, "make -j8", 0, 10, 5000),
            report_samples.process(1, "/usr/lib/cc1 b.c -o /tmp/ccZ.s", 1, 5, 180_000, parent=0),
            report_samples.process(2, "rustc main.rs", 1, 5, 90_000, parent=0)], 10)
        self.save("b.json", other)
        text, _ = self.compare("a.json", "b.json")
        new, vanished = text.split("new processes")[1].split("vanished processes")
        self.assertIn("rustc main.rs", new)
        self.assertIn("ld -o prog", vanished)
        self.assertIn("cc1 a.c", vanished)
        self.assertNotIn("cc1 b.c", new + vanished)


class OutputTest(CompareTest):
    def setUp(self):
        super().setUp()
        self.save("a.json", report_samples.small())
        self.save("b.json", report_samples.small(1.5))

    def test_json_to_standard_output_is_all_there_is(self):
        text, _ = self.compare("--json", "a.json", "b.json", code=12)
        result = json.loads(text)
        self.assertEqual(result["verdict"], "regression")
        metrics = {row["name"]: row for row in result["metrics"]}
        self.assertTrue(metrics["total_rss"]["regression"])
        self.assertEqual(metrics["max_process"]["verdict"], "same")
        self.assertEqual(metrics["total_rss"]["base"]["runs"], 1)
        self.assertEqual(result["threshold"], {"unit": "%", "value": 5})

    def test_json_and_markdown_go_to_files_beside_the_text(self):
        text, _ = self.compare("--json=out.json", "--markdown=out.md", "a.json", "b.json", code=12)
        self.assertIn("regression", text)
        self.assertEqual(json.loads(self.read("out.json"))["verdict"], "regression")
        self.assertIn("| peak total RSS |", self.read("out.md"))

    def test_markdown_is_appended_as_job_summaries_want(self):
        self.save("summary.md", "# Build\n")
        self.compare("--quiet", "--markdown=summary.md", "a.json", "a.json")
        self.assertTrue(self.read("summary.md").startswith("# Build\n### Memory: no regression"))

    def test_markdown_tables_have_the_same_number_of_cells_in_each_row(self):
        self.save("h.json", report_samples.hostile())
        text, _ = self.compare("--markdown", "a.json", "h.json")
        widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
        self.assertLessEqual(widths, {4, 6})
        self.assertNotIn("<script", text)

    def test_hostile_text_can_not_reach_the_terminal(self):
        self.save("h.json", report_samples.hostile())
        text, _ = self.compare("a.json", "h.json")
        for character in text.replace("\n", ""):
            self.assertNotIn(unicodedata.category(character), ("Cc", "Cf", "Zl", "Zp"),
                             repr(character))

    def test_quiet_writes_nothing(self):
        self.assertEqual(self.compare("-q", "a.json", "b.json", code=12), ("", ""))


class BudgetTest(CompareTest):
    def setUp(self):
        super().setUp()
        self.save("a.json", report_samples.small())

    def test_a_broken_budget_exits_12_without_a_base(self):
        self.save("budget", "total_rss 1G\nprocess:ld 250M  # 293 MiB\nduration 1m\n")
        text, _ = self.compare("--budget", "budget", "a.json", code=12)
        self.assertIn("OVER BUDGET", text)
        self.assertIn("over budget", text)

    def test_a_kept_budget_exits_0(self):
        self.save("budget", "total_rss 1G\ngroup:cc1 300M\nprocesses 5\n")
        text, _ = self.compare("--budget", "budget", "a.json", "a.json")
        self.assertIn("no regression", text)

    def test_what_can_not_be_checked_is_said(self):
        self.save("budget", "process:nosuch 1M\n")
        text, _ = self.compare("--budget", "budget", "a.json")
        self.assertIn("not checked", text)

    def test_a_bad_budget_is_named_by_line_and_exits_1(self):
        self.save("budget", "total_rss 1G\nram 5M\n")
        _, talk = self.compare("--budget", "budget", "a.json", code=1)
        self.assertEqual(talk.count("\n"), 1)
        self.assertIn("budget:2:", talk)


class InputTest(CompareTest):
    def test_memwatch_01_and_other_tools_compare_by_what_they_share(self):
        self.save("seed.json", report_samples.SEED)
        self.save("time.txt", report_samples.TIME_V)
        self.save("fine.json", report_samples.HYPERFINE)
        self.save("new.json", report_samples.small())
        self.compare("seed.json", "new.json", code=12)
        text, _ = self.compare("time.txt", "new.json", code=12)
        self.assertIn("regression: largest process\n", text)
        text, _ = self.compare("fine.json", "time.txt")
        self.assertIn("base: 3 runs", text)

    @unittest.skipUnless(os.path.exists("/usr/bin/time"), "SKIPPED: GNU time is not installed")
    def test_what_gnu_time_really_writes_is_read(self):
        subprocess.run(["/usr/bin/time", "-v", "-o", self.path("t.txt"), "sort", "/etc/passwd"],
                       check=True, stdout=subprocess.DEVNULL)
        result = json.loads(self.compare("--json", "t.txt", "t.txt")[0])
        self.assertEqual(result["base"][0]["command"], "sort /etc/passwd")
        self.assertGreater(result["metrics"][4]["base"]["median"], 500)

    @unittest.skipUnless(shutil.which("hyperfine"), "SKIPPED: hyperfine is not installed")
    def test_what_hyperfine_really_writes_is_read(self):
        subprocess.run(["hyperfine", "-N", "-r", "3", "--export-json", self.path("h.json"),
                        "sort /etc/passwd"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        result = json.loads(self.compare("--json", "h.json", "h.json")[0])
        self.assertEqual(len(result["base"]), 3)

    def test_unreadable_input_exits_1_with_one_line(self):
        self.save("good.json", report_samples.small())
        self.save("empty.json", "")
        self.save("cut.json", json.dumps(report_samples.small())[:500])
        self.save("latin.json", "x")
        with open(self.path("latin.json"), "wb") as out:
            out.write(b'{"processes": [], "command": ["\xff"]}')
        self.save("escape.json", '{"processes": [\x1b[2J\n')
        for name in ("empty.json", "cut.json", "latin.json", "missing.json", ".", "escape.json"):
            _, talk = self.compare("good.json", name, code=1)
            self.assertEqual(talk.count("\n"), 1, talk)
            self.assertNotIn("\x1b", talk)
            self.assertIn(name, talk)

    def test_reports_without_a_common_quantity_exit_1(self):
        fine = json.loads(json.dumps(report_samples.HYPERFINE))
        fine["results"][0]["times"] = [None]
        fine["results"][0]["memory_usage_byte"] = []
        self.save("fine.json", fine)
        self.save("time.txt", report_samples.TIME_V)
        _, talk = self.compare("fine.json", "time.txt", code=1)
        self.assertIn("no quantity in common", talk)

    def test_wrong_usage_exits_2(self):
        self.save("a.json", report_samples.small())
        for arguments in ([], ["a.json"], ["a.json", "a.json", "a.json"], ["--", "a.json"],
                          ["a.json", "--"], ["--threshold", "5", "a.json", "a.json"],
                          ["--metrics", "ram", "a.json", "a.json"], ["--nope", "a.json", "a.json"],
                          ["--group-by", "pid", "a.json", "a.json"],
                          ["--json", "--markdown", "a.json", "a.json"]):
            _, talk = self.compare(*arguments, code=2)
            self.assertEqual(talk.count("\n"), 1, talk)

    def test_an_unwritable_output_exits_1(self):
        self.save("a.json", report_samples.small())
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MEMWATCH, "compare", "a.json", "a.json"], cwd=self.folder,
                                  stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write standard output", done.stderr)
        for option in ("--json=/nonexistent/x", "--json=/dev/full", "--markdown=/dev/full"):
            _, talk = self.compare(option, "-q", "a.json", "a.json", code=1)
            self.assertIn("cannot write", talk)


if __name__ == "__main__":
    unittest.main()
