#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`memwatch view`: what it writes, and whether a browser shows it."""

import base64
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import unicodedata
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chromium_page  # noqa: E402
import report_samples  # noqa: E402
from report_folder import MEMWATCH, ReportFolderTest  # noqa: E402

# Where screenshots for a person to look at go.
SHOTS = os.environ.get("MEMWATCH_SHOTS")


class ViewTest(ReportFolderTest):
    def view(self, *arguments, code=0):
        return self.run_there("view", *arguments, code=code)

    def page_of(self, content, *more):
        path = self.save("report.json", content)
        others = [self.save(f"other{index}.json", one) for index, one in enumerate(more)]
        self.view(path, *others, "-o", self.path("report.html"))
        with open(self.path("report.html"), encoding="utf-8") as page:
            return page.read()

    def data_of(self, page):
        found = re.search(r'<script type="application/json" id="report">(.*?)</script>', page,
                          re.DOTALL)
        return json.loads(found.group(1))


SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/run.schema.json")


class SampleTest(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(SCHEMA), "SKIPPED: there is no docs/run.schema.json")
    def test_the_samples_are_what_memwatch_run_writes(self):
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as text:
            schema = json.load(text)
        # A verdict that no memwatch writes is part of what is hostile there.
        hostile = {**report_samples.hostile(), "verdict": "ok"}
        for sample in (report_samples.small(), report_samples.large(50), hostile):
            jsonschema.validate(sample, schema)


class PageTest(ViewTest):
    def test_the_page_needs_nothing_from_outside(self):
        page = self.page_of(report_samples.small())
        self.assertEqual(re.findall(
            r"(?i)<(?:link|img|iframe|object|embed|base|script[^>]*\bsrc)\b", page), [])
        self.assertEqual(re.findall(r"(?i)@import|url\(\s*['\"]?(?:https?:)?//", page), [])

    def test_the_policy_names_each_inline_part_by_its_hash_and_allows_nothing_else(self):
        page = self.page_of(report_samples.small())
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        parts = re.findall(r"<(style|script)>(.*?)</\1>", page, re.DOTALL)
        self.assertEqual(len(parts), 4)
        for _, text in parts:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", policy)

    def test_uplot_is_in_the_page_with_its_licence(self):
        page = self.page_of(report_samples.small())
        self.assertTrue("uPlot (v1.6.32)" in page, "this build has no uPlot")
        self.assertTrue("Leon Sorokin" in page)

    def test_the_data_is_one_json_block(self):
        data = self.data_of(self.page_of(report_samples.small()))
        report = data["reports"][0]
        self.assertEqual(report["metrics"]["total_rss"], report_samples.small()["max_total_rss_kib"])
        self.assertEqual(len(report["processes"]), 5)
        self.assertIsNone(data["comparison"])

    def test_hostile_text_stays_text(self):
        page = self.page_of(report_samples.hostile())
        data = self.data_of(page)
        self.assertEqual(page.count("<script"), 3)
        self.assertFalse("\u2028" in page)
        fields = data["reports"][0]["fields"]
        commands = {row[fields.index("command")] for row in data["reports"][0]["processes"]}
        for text in report_samples.HOSTILE:
            if len(text) < 4000:
                self.assertIn(text, commands)
        self.assertLess(max(map(len, commands)), 5000)

    def test_a_page_of_two_thousand_processes_is_moderate(self):
        page = self.page_of(report_samples.large())
        self.assertLess(len(page), 2_500_000)
        print(f"\n2,000 processes: {len(page)} bytes", file=sys.stderr)

    def test_two_files_are_compared(self):
        data = self.data_of(self.page_of(report_samples.small(), report_samples.small(1.5)))
        self.assertEqual(len(data["reports"]), 2)
        self.assertEqual(data["comparison"]["verdict"], "regression")

    def test_the_name_of_the_page_comes_from_the_report(self):
        self.save("my.run.json", report_samples.small())
        _, talk = self.view("my.run.json")
        self.assertIn("wrote my.run.html", talk)
        self.assertTrue(os.path.exists(self.path("my.run.html")))

    def test_standard_output_can_be_the_page(self):
        page, _ = self.view(self.save("a.json", report_samples.small()), "-o", "-")
        self.assertTrue(page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n"))


class SvgTest(ViewTest):
    def test_the_picture_is_well_formed_and_shows_every_band(self):
        for content in (report_samples.small(), report_samples.hostile(), report_samples.SEED,
                        report_samples.TIME_V, report_samples.HYPERFINE):
            path = self.save("report.json", content)
            self.view("--svg", path, "-o", self.path("out.svg"))
            root = xml.etree.ElementTree.parse(self.path("out.svg")).getroot()
            self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.view("--svg", self.save("small.json", report_samples.small()), "-o", "-")
        picture, _ = self.view("--svg", self.path("small.json"), "-o", "-")
        self.assertEqual(picture.count("<path"), 3)
        self.assertIn(">cc1<", picture)
        self.assertIn("peak", picture)


class TextTest(ViewTest):
    def test_no_line_is_wider_than_asked(self):
        path = self.save("report.json", report_samples.large(200))
        for width in (48, 71, 72, 100, 200):
            text, _ = self.view("--text", "--width", str(width), path)
            self.assertLessEqual(max(map(len, text.splitlines())), width)

    def test_the_biggest_process_and_the_curve_are_there(self):
        text, _ = self.view("--text", self.save("report.json", report_samples.small()))
        self.assertIn("ld -o prog", text)
        self.assertIn("signal 9", text)
        self.assertIn("█", text)

    def test_hostile_text_can_not_reach_the_terminal(self):
        text, _ = self.view("--text", self.save("report.json", report_samples.hostile()))
        for character in text.replace("\n", ""):
            self.assertNotIn(unicodedata.category(character), ("Cc", "Cf", "Zl", "Zp"),
                             repr(character))

    def test_other_tools_reports_are_shown(self):
        for content in (report_samples.SEED, report_samples.TIME_V, report_samples.HYPERFINE):
            text, _ = self.view("--text", self.save("report", content))
            self.assertIn("largest process", text)


class FailureTest(ViewTest):
    def assert_one_line(self, text, part):
        self.assertEqual(text.count("\n"), 1, text)
        self.assertIn(part, text)

    def test_unreadable_reports_are_named_and_exit_1(self):
        for name, content, part in (("a.json", "", "is empty"), ("b.json", "{", "not a report"),
                                    ("c.json", "{}", "neither")):
            _, talk = self.view(self.save(name, content), code=1)
            self.assert_one_line(talk, part)
        _, talk = self.view("missing.json", code=1)
        self.assert_one_line(talk, "missing.json")
        _, talk = self.view(self.folder, code=1)
        self.assert_one_line(talk, "directory")

    def test_wrong_usage_exits_2(self):
        path = self.save("a.json", report_samples.small())
        for arguments in ([], ["--bogus", path], [path, path, path], ["--svg", path, path],
                          ["--width", "7", path], ["--output"], ["--svg=3", path]):
            _, talk = self.view(*arguments, code=2)
            self.assertEqual(talk.count("\n"), 1, talk)

    def test_an_unwritable_output_exits_1(self):
        path = self.save("a.json", report_samples.small())
        _, talk = self.view(path, "-o", "/nonexistent/out.html", code=1)
        self.assert_one_line(talk, "/nonexistent/out.html")
        _, talk = self.view(path, "-o", "/dev/full", code=1)
        self.assert_one_line(talk, "/dev/full")

    def test_a_full_disk_leaves_the_old_page_and_no_litter(self):
        self.save("a.json", report_samples.small())
        self.save("out.html", "old")
        # Python ignores SIGXFSZ, and so does then the child: writing fails with EFBIG.
        done = subprocess.run(
            [MEMWATCH, "view", "a.json", "-o", "out.html"], cwd=self.folder, capture_output=True,
            timeout=60, restore_signals=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)))
        self.assertEqual(done.returncode, 1)
        self.assert_one_line(done.stderr.decode(), "cannot write out.html")
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.json", "out.html"])
        with open(self.path("out.html"), encoding="utf-8") as page:
            self.assertEqual(page.read(), "old")

    def test_an_unreadable_report_leaves_the_old_page(self):
        self.save("out.html", "old")
        self.view(self.save("bad.json", "{"), "-o", "out.html", code=1)
        self.assertEqual(sorted(os.listdir(self.folder)), ["bad.json", "out.html"])
        with open(self.path("out.html"), encoding="utf-8") as page:
            self.assertEqual(page.read(), "old")


@unittest.skipUnless(chromium_page.find_chromium(),
                     "SKIPPED: chromium is not installed, nobody looked at the page")


class BrowserTest(ViewTest):
    def show(self, content, *more, dark=False):
        self.page_of(content, *more)
        page = chromium_page.Page(dark=dark)
        page.__enter__()
        self.addCleanup(page.__exit__)
        page.open(self.path("report.html"))
        self.assertEqual(page.evaluate("document.documentElement.dataset.rendered"), "yes",
                         page.messages)
        return page

    def shoot(self, page, name):
        if SHOTS:
            page.screenshot(os.path.join(SHOTS, name + ".png"))

    def assert_quiet(self, page):
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        self.assertEqual(page.messages, [])
        self.assertEqual([url for url in page.requests if not url.startswith("file:")], [])

    def test_every_section_is_drawn_without_a_complaint(self):
        page = self.show(report_samples.small())
        sections = page.evaluate("[...document.querySelectorAll('section')].map((one) => one.id)")
        self.assertEqual(sections, ["chart", "lanes", "peak", "limits", "leaks", "processes",
                                    "groups", "provenance"])
        tiles = page.evaluate("document.querySelector('.tiles').innerText")
        for part in ("293 MiB", "ld, pid 1003", "all measured exactly", "10.0 s", "1 exceeded"):
            self.assertIn(part, tiles)
        self.assertEqual(page.evaluate("document.querySelectorAll('.uplot canvas').length"), 1)
        self.shoot(page, "small-light")
        self.assert_quiet(page)

    def test_dark_and_light_follow_the_system_and_the_button(self):
        page = self.show(report_samples.large(300), dark=True)
        theme = "document.documentElement.dataset.theme"
        ground = "getComputedStyle(document.body).backgroundColor"
        self.assertEqual(page.evaluate(theme), "dark")
        dark = page.evaluate(ground)
        self.shoot(page, "dark")
        page.evaluate("[...document.querySelectorAll('header button')].pop().click()")
        self.assertEqual(page.evaluate(theme), "light")
        self.assertNotEqual(page.evaluate(ground), dark)
        self.assert_quiet(page)

    def test_two_thousand_processes_render(self):
        page = self.show(report_samples.large())
        took = page.evaluate("document.documentElement.dataset.renderMilliseconds")
        print(f"\n2,000 processes rendered in {took} ms", file=sys.stderr)
        self.shoot(page, "large")
        self.assert_quiet(page)

    def test_hostile_text_does_not_run_and_is_shown_by_its_numbers(self):
        page = self.show(report_samples.hostile())
        self.assertTrue(page.evaluate("document.title").startswith("memwatch: sh -c </script>"))
        self.assertEqual(page.evaluate("document.querySelectorAll('img').length"), 0)
        text = page.evaluate("document.body.innerText")
        self.assertIn("\\u{202e}gnp.exe", text)
        self.assertNotIn("\u202e", text)
        self.assertNotIn("\x1b", text)
        self.shoot(page, "hostile")
        self.assert_quiet(page)

    def test_slash_searches_and_columns_sort(self):
        page = self.show(report_samples.small())
        page.press("/")
        self.assertEqual(page.evaluate("document.activeElement.id"), "search")
        for key in "cc1":
            page.press(key)
        rows = "[...document.querySelectorAll('#processes tbody tr')].map((row) => row.innerText)"
        self.assertEqual(len(page.evaluate(rows)), 2)
        page.evaluate("document.querySelector('#processes thead button').click()")
        self.assertIn("146 MiB", page.evaluate(rows)[0])
        page.evaluate("document.querySelector('#processes thead button').click()")
        self.assertIn("195 MiB", page.evaluate(rows)[0])
        self.assert_quiet(page)

    def test_keys_zoom_the_chart_and_fold_the_lanes(self):
        page = self.show(report_samples.small())
        span = "document.querySelector('#chart .bar .count').textContent"
        page.evaluate("document.querySelector('.chart').focus()")
        page.press("+")
        self.assertEqual(page.evaluate(span), "2.50 s to 7.50 s")
        page.press("ArrowRight")
        self.assertEqual(page.evaluate(span), "3.50 s to 8.50 s")
        page.press("0")
        self.assertEqual(page.evaluate(span), "0 s to 10.0 s")
        lane = "document.querySelector('#lanes > p:last-of-type').textContent"
        page.evaluate("document.querySelector('#lanes canvas').focus()")
        page.press("ArrowDown")
        self.assertIn("cc1, pid 1001", page.evaluate(lane))
        page.press("ArrowUp")
        page.press("Enter")
        page.press("ArrowDown")
        self.assertIn("make, pid 1000", page.evaluate(lane))
        self.assert_quiet(page)

    def test_dragging_zooms_and_a_double_click_shows_all(self):
        page = self.show(report_samples.small())
        box = json.loads(page.evaluate(
            "JSON.stringify(document.querySelector('.u-over').getBoundingClientRect())"))
        middle = box["y"] + box["height"] / 2
        button = {"button": "left", "buttons": 1, "clickCount": 1}
        page.mouse("mouseMoved", box["x"] + box["width"] * 0.5, middle)
        hovered = page.evaluate("document.querySelector('.hover').innerText")
        self.assertIn("at ", hovered)
        page.mouse("mousePressed", box["x"] + box["width"] * 0.5, middle, **button)
        page.mouse("mouseMoved", box["x"] + box["width"] * 0.75, middle, buttons=1)
        page.mouse("mouseReleased", box["x"] + box["width"] * 0.75, middle, **button)
        span = "document.querySelector('#chart .bar .count').textContent"
        self.assertEqual(page.evaluate(span), "5.00 s to 7.50 s")
        page.evaluate("document.querySelector('.u-over').dispatchEvent("
                      "new MouseEvent('dblclick', {bubbles: true}))")
        self.assertEqual(page.evaluate(span), "0 s to 10.0 s")
        self.assert_quiet(page)

    def test_two_runs_are_laid_over_each_other(self):
        page = self.show(report_samples.small(), report_samples.small(1.5), dark=True)
        text = page.evaluate("document.querySelector('#comparison').innerText")
        self.assertIn("regression", text)
        self.assertIn("+50.0 %", text)
        page.evaluate("document.querySelector('header [role=group] button').click()")
        self.assertEqual(page.evaluate(
            "document.querySelector('header [aria-pressed=true]').textContent"), "base")
        self.shoot(page, "two-runs")
        self.assert_quiet(page)

    def test_other_tools_reports_are_shown(self):
        for content in (report_samples.SEED, report_samples.TIME_V, report_samples.HYPERFINE):
            page = self.show(content)
            self.assertIn("no timeline", page.evaluate("document.body.innerText"))
            self.assert_quiet(page)


if __name__ == "__main__":
    unittest.main()
