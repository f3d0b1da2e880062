# SPDX-License-Identifier: MIT
"""What memwatch prints: text, JSON lines and their schema, summaries."""

import json
import subprocess
import unittest

from harness import MEMWATCH, ROOT, TRACEES, E2ETest, read_events

try:
    import jsonschema
except ImportError:
    jsonschema = None


class Json(E2ETest):
    def test_json_to_standard_output_is_json_and_nothing_else(self):
        done = subprocess.run([MEMWATCH, "launch", "--batch", "--json", "-w", "counter", "--",
                               TRACEES / "loop", f"out={self.folder}/said", "50"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len([event for event in events if "seq" in event]), 50)

    @unittest.skipUnless(jsonschema, "jsonschema is missing: install python3-jsonschema")
    def test_events_of_every_kind_fit_the_schema(self):
        path = ROOT / "docs" / "events.schema.json"
        if not path.exists():
            self.skipTest("docs/events.schema.json is not there")
        validator = jsonschema.Draft7Validator(json.loads(path.read_text()))
        for program, watch, options in (
                ("structs", "cfg", ["--stack=3"]), ("syscalls", "area", []),
                ("rep", "area", []), ("rmw", "word", ["--on=write"]),
                ("loop", "counter", ["--backend=hw"])):
            with self.subTest(program):
                self.launch(program, watch=[watch], options=options)
                for event in read_events(self.folder / "events.json")[:200]:
                    problems = [error.message for error in validator.iter_errors(dict(event))]
                    self.assertEqual(problems, [])


class Text(E2ETest):
    def run_text(self, *options, program="loop", words=("5",), watch="counter"):
        process = self.memwatch("launch", "--batch", "-w", watch, *options, "--",
                                TRACEES / program, f"out={self.folder}/said", *words)
        self.assertEqual(process.child.returncode, 0, process.stderr)
        return process

    def test_changes_are_printed_with_values_function_and_line(self):
        process = self.run_text()
        for value in range(1, 6):
            self.assertRegex(process.stdout, rf"\b{value - 1}\b.*\b{value}\b")
        self.assertIn("write_counter", process.stdout)
        self.assertIn("loop.c:", process.stdout)

    def test_members_are_printed_by_path(self):
        process = self.run_text(program="structs", words=(), watch="cfg")
        self.assertRegex(process.stdout, r"cfg\.limits\[3\]\.hard\b.*-7")
        self.assertRegex(process.stdout, r"cfg\.color\b.*RED.*GREEN")

    def test_output_to_a_file_has_no_colours(self):
        process = self.run_text()
        self.assertNotIn("\x1b", process.stdout + process.stderr)

    def test_colours_come_when_asked_for(self):
        self.assertIn("\x1b[", self.run_text("--color=always").stdout)

    def test_the_summary_names_the_writers(self):
        process = self.run_text(words=("300",))
        summary = process.stdout[process.stdout.rindex("#300"):].partition("\n")[2]
        self.assertRegex(summary, r"\b300\b")
        self.assertIn("write_counter", summary)

    def test_quiet_leaves_the_changes_and_nothing_else(self):
        process = self.run_text("--quiet")
        self.assertEqual(process.stderr, "")
        self.assertEqual(len(process.stdout.splitlines()), 5, process.stdout)


class Help(E2ETest):
    def test_help_and_version_go_to_standard_output(self):
        for words in (["--help"], ["--version"], ["attach", "--help"], ["launch", "--help"]):
            with self.subTest(words):
                process = self.memwatch(*words)
                self.assertEqual(process.child.returncode, 0)
                self.assertTrue(process.stdout)
                self.assertEqual(process.stderr, "")

    def test_features_lists_what_this_kernel_can_do(self):
        process = self.memwatch("features")
        self.assertEqual(process.child.returncode, 0, process.stderr)
        self.assertIn("ptrace", process.stdout)
