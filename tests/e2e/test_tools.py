# SPDX-License-Identifier: MIT
"""The checks of `make lint` find what they are there to find: each gets a planted violation."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, ROOT


class ToolTest(unittest.TestCase):
    """Runs a tool over a small project in a folder of its own."""

    tool = None

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="memwatch-tool-"))
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_tool(self):
        done = subprocess.run([ROOT / "tools" / self.tool, self.root], capture_output=True,
                              text=True)
        return done.returncode, done.stdout + done.stderr

    def assert_clean(self):
        status, output = self.run_tool()
        self.assertEqual(status, 0, output)

    def assert_found(self, *words):
        status, output = self.run_tool()
        self.assertEqual(status, 1, output)
        for word in words:
            self.assertIn(word, output)


class Layers(ToolTest):
    tool = "check-layers"

    def setUp(self):
        super().setUp()
        self.write("base/a.h", "")
        self.write("base/a.c", '#include "base/a.h"\n#include <stdio.h>\n')
        self.write("watch/w.c", '#include "base/a.h"\n')

    def test_includes_that_point_down_are_fine(self):
        self.assert_clean()

    def test_an_include_that_points_up_is_found(self):
        self.write("watch/w.h", "")
        self.write("base/b.c", '\n#include "watch/w.h"\n')
        self.assert_found("base/b.c:2:", "above it")

    def test_an_include_of_a_sibling_is_found(self):
        self.write("tracer/t.h", "")
        self.write("symbols/s.c", '#include "tracer/t.h"\n')
        self.assert_found("symbols/s.c:1:", "siblings")

    def test_a_cycle_is_found(self):
        self.write("base/x.h", '#include "base/y.h"\n')
        self.write("base/y.h", '#include "base/x.h"\n')
        self.assert_found("include cycle", "base/x.h", "base/y.h")

    def test_an_include_not_written_from_the_root_is_found(self):
        self.write("base/b.c", '#include "a.h"\n')
        self.assert_found("base/b.c:1:", "from the root")

    def test_an_own_header_that_does_not_come_first_is_found(self):
        self.write("base/b.h", "")
        self.write("base/b.c", '#include "base/a.h"\n#include "base/b.h"\n')
        self.assert_found("base/b.c:1:", "comes first")

    def test_an_include_of_the_tests_is_found(self):
        self.write("tests/t.h", "")
        self.write("base/b.c", '#include "tests/t.h"\n')
        self.assert_found("base/b.c:1:", "no layer")

    def test_files_below_a_folder_are_checked_too(self):
        self.write("repl/r.h", "")
        self.write("tracer/arch/x/a.c", '#include "repl/r.h"\n')
        self.assert_found("tracer/arch/x/a.c:1:")


def function(name, lines):
    return f"int {name}(int x)\n{{\n" + "\tx++;\n" * (lines - 4) + "\treturn x;\n}\n"


@unittest.skipUnless(shutil.which("ctags"), "ctags is missing: install universal-ctags")
class Sizes(ToolTest):
    tool = "check-sizes"

    def test_small_functions_are_fine(self):
        self.write("base/a.c", "".join(function(f"f{i}", 12) for i in range(20)))
        self.assert_clean()

    def test_a_function_of_80_lines_is_fine_and_one_of_81_is_found(self):
        small = "".join(function(f"f{i}", 5) for i in range(20))
        self.write("base/a.c", small + function("g", 80))
        self.assert_clean()
        self.write("base/a.c", small + function("g", 81))
        self.assert_found("base/a.c:101:", "g() has 81 lines")

    def test_a_file_over_500_lines_is_found(self):
        self.write("base/a.c", "".join(function(f"f{i}", 10) for i in range(50)))
        self.assert_clean()
        self.write("base/a.c", "".join(function(f"f{i}", 10) for i in range(50)) + "\n")
        self.assert_found("base/a.c:1:", "501 lines")

    def test_many_medium_functions_are_found(self):
        self.write("base/a.c", "".join(function(f"f{i}", 16) for i in range(10)))
        self.assert_found("median 16")

    def test_too_many_large_functions_are_found(self):
        self.write("base/a.c", "".join(function(f"f{i}", 5) for i in range(8)) +
                   function("g", 50) + function("h", 50))
        self.assert_found("p90 50")

    def test_tests_are_not_counted(self):
        self.write("tests/unit/t.c", function("f", 200))
        self.assert_clean()


class Licences(ToolTest):
    tool = "check-spdx"

    def test_a_licence_on_line_one_is_fine(self):
        self.write("base/a.c", "// SPDX-License-Identifier: MIT\n")
        self.write("tools/x", "#!/bin/sh\n# SPDX-License-Identifier: MIT\n")
        self.write("notes.txt", "anything\n")
        self.assert_clean()

    def test_a_source_without_licence_is_found(self):
        self.write("base/a.h", "#ifndef A\n")
        self.assert_found("base/a.h:1:")

    def test_a_script_without_licence_is_found(self):
        self.write("tools/x", "#!/bin/sh\nexit 0\n")
        self.assert_found("tools/x:2:")

    def test_an_empty_source_is_found(self):
        self.write("base/a.c", "")
        self.assert_found("base/a.c:1:")


@unittest.skipUnless(shutil.which("clang-tidy"), "clang-tidy is missing: install clang-tidy")
class StaticAnalysis(unittest.TestCase):
    def run_tool(self, text):
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            path = pathlib.Path(folder) / "planted.c"
            path.write_text(text)
            return subprocess.run([ROOT / "tools" / "run-clang-tidy", path], cwd=ROOT,
                                  capture_output=True, text=True)

    def test_sound_code_is_fine(self):
        self.assertEqual(self.run_tool("int f(void);\nint f(void)\n{\n\treturn 1;\n}\n").returncode,
                         0)

    def test_a_semicolon_in_the_wrong_place_is_found(self):
        done = self.run_tool("int f(int x);\nint f(int x)\n{\n\tif (x);\n\t\tx = 2;\n"
                             "\treturn x;\n}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("planted.c:4", done.stdout)


class Dependencies(unittest.TestCase):
    def run_tool(self, *packages, path=None):
        env = {"PATH": path} if path else None
        return subprocess.run(["/bin/sh", ROOT / "tools" / "install-deps", *packages], env=env,
                              capture_output=True, text=True)

    @unittest.skipUnless(shutil.which("dpkg-query"), "dpkg-query is missing: no Debian here")
    def test_nothing_is_said_when_nothing_is_missing(self):
        done = self.run_tool("dpkg", "coreutils")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_where_it_cannot_install_it_says_what_to_install(self):
        done = self.run_tool("no-such-package", path="/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("by hand", done.stderr)
        self.assertIn("no-such-package", done.stderr)


class Runner(ToolTest):
    """tests/run.py counts a failure, a crash and a skip as what they are."""

    def setUp(self):
        super().setUp()
        shutil.copytree(ROOT / "tests" / "e2e", self.root / "tests" / "e2e",
                        ignore=lambda folder, names: [n for n in names if n != "harness.py"])
        shutil.copy(ROOT / "tests" / "run.py", self.root / "tests" / "run.py")

    def plant(self, name, tap, status=0):
        self.write(f"tests/unit/{name}.c", "")
        self.write(f"build/tests/unit/{name}", f"#!/bin/sh\ncat <<'X'\n{tap}X\nexit {status}\n")
        (self.root / "build/tests/unit" / name).chmod(0o755)

    def run_runner(self, *names):
        done = subprocess.run(["/usr/bin/python3", self.root / "tests" / "run.py", *names],
                              capture_output=True, text=True, cwd=self.root)
        return done.returncode, done.stdout.splitlines()

    def test_passes_are_counted(self):
        self.plant("test_a", "1..2\nok 1 - one\nok 2 - two\n")
        self.assertEqual(self.run_runner("unit")[1][-1], "2 passed, 0 failed")

    def test_a_failure_is_named_and_fails_the_run(self):
        self.plant("test_a", "1..2\nok 1 - one\nnot ok 2 - two\n", 1)
        status, lines = self.run_runner("unit")
        self.assertEqual(status, 1)
        self.assertEqual(lines[-1], "1 passed, 1 failed")
        self.assertIn("FAILED  test_a: two", lines)

    def test_a_crash_is_a_failure(self):
        self.plant("test_a", "1..2\nok 1 - one\n", 139)
        status, lines = self.run_runner("unit")
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_program_without_tests_is_a_failure(self):
        self.plant("test_a", "")
        self.assertEqual(self.run_runner("unit")[0], 1)

    def test_a_skip_is_counted_apart(self):
        self.plant("test_a", "1..2\nok 1 - one\nok 2 # SKIP two\n")
        self.assertEqual(self.run_runner("unit")[1][-1], "1 passed, 0 failed, 1 skipped")

    def test_end_to_end_outcomes_are_counted(self):
        self.write("tests/e2e/test_x.py",
                   "import unittest\nclass X(unittest.TestCase):\n"
                   "    def test_good(self):\n        pass\n"
                   "    def test_bad(self):\n        self.fail('no')\n"
                   "    def test_error(self):\n        raise ValueError\n"
                   "    @unittest.skip('nothing there')\n"
                   "    def test_skipped(self):\n        pass\n")
        status, lines = self.run_runner("e2e")
        self.assertEqual((status, lines[-1]), (1, "1 passed, 2 failed, 1 skipped"))
        self.assertIn("SKIPPED e2e: test_x.X.test_skipped: nothing there", lines)


del ToolTest
