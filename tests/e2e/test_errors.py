# SPDX-License-Identifier: MIT
"""Bad inputs: one line on stderr that says what and why, the right exit code, an untouched target."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from harness import MEMWATCH, TRACEES, E2ETest, lasting_state, status_of, wait_until

FAILED, USAGE, PERMISSION = 1, 2, 4

# A tracer that is not memwatch: seizes a process until its input ends.
OTHER_TRACER = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
assert libc.ptrace(0x4206, int(sys.argv[1]), 0, 0) == 0, ctypes.get_errno()
print("ready", flush=True)
sys.stdin.read()
"""


class BadInput(E2ETest):
    def refuse(self, *arguments, code, words=(), **options):
        """Runs memwatch, which must fail with one line on stderr that has all the words (and may
        say that it let the target go)."""
        process = self.memwatch(*arguments, **options)
        lines = [line for line in process.stderr.splitlines()
                 if not re.match("memwatch: detached from .* goes on running$", line)]
        self.assertEqual(len(lines), 1, process.stderr)
        self.assertTrue(lines[0].startswith("memwatch: "), lines[0])
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(process.child.returncode, codes, lines[0])
        for word in words:
            self.assertRegex(lines[0], word)
        return lines[0]

    def refuse_attach(self, pid, code, words=(), watch="counter", **options):
        return self.refuse("attach", "--batch", "-w", watch, str(pid), code=code, words=words,
                           **options)


class BadTargets(BadInput):
    def test_no_such_process(self):
        self.refuse_attach(4194300, FAILED, ["4194300", "no (such )?process|no longer exists"])

    def test_what_is_no_pid(self):
        for text in ("abc", "0", "-5", "12x", "99999999999999999999", ""):
            with self.subTest(text):
                process = self.memwatch("attach", "--batch", "-w", "counter", "--", text)
                self.assertEqual(process.child.returncode, USAGE, process.stderr)
                self.assertEqual(len(process.stderr.splitlines()), 1, process.stderr)

    def test_a_thread_id(self):
        target = self.start([sys.executable, "-c",
                             "import threading,sys; e=threading.Event();"
                             "threading.Thread(target=e.wait,daemon=True).start();"
                             "print('ready',flush=True); sys.stdin.read()"])
        target.read_until("ready")
        tid = max(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        self.assertNotEqual(tid, target.pid)
        self.refuse_attach(tid, FAILED, ["thread", str(target.pid)])
        self.assertEqual(target.finish(), 0)

    def test_a_zombie(self):
        zombie = subprocess.Popen(["/bin/true"])
        self.addCleanup(zombie.wait)
        wait_until(lambda: status_of(zombie.pid)["State"].startswith("Z"))
        self.refuse_attach(zombie.pid, FAILED, [str(zombie.pid), "zombie|ended|exited"])

    def test_a_kernel_thread(self):
        threads = [pid for pid in filter(str.isdigit, os.listdir("/proc")) if is_kernel_thread(pid)]
        if not threads:
            self.skipTest("no kernel thread is visible in this pid namespace")
        self.refuse_attach(threads[0], FAILED, ["kernel thread"])

    def test_memwatch_itself(self):
        """By way of the shell's pid, which memwatch has after exec."""
        done = subprocess.run(["/bin/sh", "-c", f"exec {MEMWATCH} attach --batch -w x $$"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, "itself")

    def test_a_process_that_is_already_traced(self):
        target = self.tracee("loop", "10")
        tracer = self.start([sys.executable, "-c", OTHER_TRACER, target.pid])
        tracer.read_until("ready")
        self.refuse_attach(target.pid, PERMISSION, ["traced", str(tracer.pid)])
        tracer.finish()
        self.assertEqual(self.end_tracee(target)["value"], "10")

    @unittest.skipUnless(shutil.which("gdb"), "gdb is missing: install gdb")
    def test_a_process_under_gdb(self):
        target = self.tracee("loop", "10")
        gdb = self.start(["gdb", "-nx", "-q", "-p", target.pid, "-ex", "continue"])
        wait_until(lambda: status_of(target.pid)["TracerPid"] == str(gdb.pid))
        self.refuse_attach(target.pid, PERMISSION, ["traced", "gdb"])
        gdb.signal(signal.SIGKILL)
        gdb.finish()

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
    def test_a_process_of_another_user(self):
        target = self.tracee("loop", "10")
        folder = tempfile.mkdtemp(prefix="memwatch-nobody-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        copy = shutil.copy(MEMWATCH, folder)
        done = subprocess.run([copy, "attach", "--batch", "-w", "counter", str(target.pid)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              user=65534, group=65534, extra_groups=[], cwd="/")
        self.assertEqual(done.returncode, PERMISSION, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, "root|uid|user")
        self.assertEqual(self.end_tracee(target)["value"], "10")

    def test_a_32_bit_process(self):
        program = TRACEES / "elf32"
        if not program.exists():
            self.skipTest("no 32-bit program could be built here")
        try:
            target = self.start([program])
        except OSError as error:
            self.skipTest(f"this kernel runs no 32-bit programs: {error}")
        self.refuse_attach(target.pid, FAILED, ["32-bit"])
        self.assertIsNone(target.child.poll())

    def test_a_command_that_does_not_exist(self):
        self.refuse("launch", "--batch", "-w", "counter", "--", "/nonexistent/program",
                    code=(FAILED, 126, 127), words=["/nonexistent/program"])

    def test_no_command_at_all(self):
        self.refuse("launch", "--batch", "-w", "counter", code=USAGE)


def is_kernel_thread(pid):
    try:
        status = status_of(pid)
    except OSError:
        return False
    return "VmSize" not in status and not status["State"].startswith("Z")


class BadExpressions(BadInput):
    """Each names what is wrong and leaves the target as it was."""

    def check(self, program, expression, words, code=FAILED, options=()):
        target = self.tracee(program)
        before = lasting_state(target.pid)
        self.refuse("attach", "--batch", *options, "-w", expression, str(target.pid), code=code,
                    words=words)
        self.assertEqual(lasting_state(target.pid), before)
        self.end_tracee(target)

    def test_an_unknown_symbol_with_a_suggestion(self):
        self.check("loop", "countr", ["countr", "counter"])

    def test_an_ambiguous_symbol_with_its_files(self):
        self.check("ambiguous", "state", [r"ambiguous\.c", r"ambiguous_other\.c"])

    def test_a_missing_member_with_those_there_are(self):
        self.check("structs", "cfg.limitz", ["limitz", "limits"])

    def test_a_variable_that_was_optimized_out(self):
        self.check("optimized-O2", "never_read", ["never_read", "optimi[sz]ed"])

    def test_a_null_pointer(self):
        self.check("structs", "none->color", ["NULL|0x0"])

    def test_an_unmapped_pointer(self):
        self.check("structs", "wild->color", ["0xdead0000"])

    def test_an_unmapped_range(self):
        self.check("loop", "0x10000:8", ["0x10000"])

    def test_a_length_of_zero(self):
        self.check("loop", "0x10000:0", [], code=(FAILED, USAGE))

    def test_a_length_that_overflows(self):
        self.check("loop", "0xfffffffffffffff0:32", [], code=(FAILED, USAGE))
        self.check("loop", "0x10000:99999999999999999999", [], code=(FAILED, USAGE))

    def test_a_slice_of_no_elements(self):
        self.check("structs", "cfg.limits[0]@0", [], code=(FAILED, USAGE))

    def test_read_only_memory(self):
        self.check("structs", "read_only", ["read-only|not writable|no writing"])

    def test_a_page_of_the_stack_with_the_page_back_end(self):
        target = self.tracee("loop")
        with open(f"/proc/{target.pid}/maps", encoding="utf-8") as maps:
            line = next(line for line in maps if line.rstrip().endswith("[stack]"))
        end = int(line.split()[0].split("-")[1], 16)
        self.refuse("attach", "--batch", "--backend=page", "-w", f"{end - 4096:#x}:8",
                    str(target.pid), code=FAILED, words=["stack"])
        self.end_tracee(target)

    def test_what_is_no_expression(self):
        for expression in ("", "(", "counter +", "cfg..color", "[3]", "counter]", "1 2 3", "@"):
            with self.subTest(expression):
                self.check("structs", expression, [], code=(FAILED, USAGE))

    def test_a_region_too_large_for_hw(self):
        self.check("structs", "cfg", ["hw|hardware|debug register"], options=["--backend=hw"])

    def test_one_bad_watch_among_good_ones(self):
        self.check("loop", "countr", ["countr"], options=["-w", "neighbour"])


class BadOptions(BadInput):
    def test_usage(self):
        for words in (["--backend=magic"], ["--max-events=0"], ["--max-events=-1"],
                      ["--max-events=x"], ["--duration=soon"], ["--on=read"], ["--stack=x"],
                      ["--no-such-option"], ["--json="], ["-w"], ["--ring=0"]):
            with self.subTest(words):
                process = self.memwatch("attach", "--batch", "-w", "counter", "1", *words)
                self.assertEqual(process.child.returncode, USAGE, process.stderr)
                self.assertRegex(process.stderr, r"\Amemwatch: .*\n")

    def test_an_unknown_subcommand(self):
        process = self.memwatch("atach", "1")
        self.assertEqual(process.child.returncode, USAGE)
        self.assertIn("attach", process.stderr)

    def test_a_script_error_has_its_file_and_line(self):
        script = self.folder / "commands.mw"
        script.write_text("# a comment\n\nwach counter\n")
        target = self.tracee("loop", "10")
        process = self.memwatch("attach", "--batch", "-x", str(script), str(target.pid))
        self.assertIn(process.child.returncode, (FAILED, USAGE), process.stderr)
        self.assertIn(f"{script}:3:", process.stderr)
        self.assertEqual(self.end_tracee(target)["value"], "10")

    def test_a_script_that_does_not_exist(self):
        target = self.tracee("loop", "10")
        self.refuse("attach", "--batch", "-x", "/nonexistent/script", str(target.pid),
                    code=(FAILED, USAGE), words=["/nonexistent/script"])
        self.end_tracee(target)


class BadOutputs(BadInput):
    """The target is never harmed by what becomes of memwatch's output."""

    def run_loop(self, *options, n=2000, **streams):
        said = self.folder / "said"
        streams.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([MEMWATCH, "launch", "--batch", "-w", "counter", *options, "--",
                               TRACEES / "loop", f"out={said}", str(n)], stderr=subprocess.PIPE,
                              text=True, timeout=120, **streams)
        self.assertIn(f"value {n}\n", said.read_text())
        self.assertGreaterEqual(done.returncode, 0, done.stderr)
        return done

    def test_a_full_disk_for_json(self):
        done = self.run_loop("--json=/dev/full", stdout=subprocess.DEVNULL)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("/dev/full", done.stderr)

    def test_a_full_disk_for_text(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = self.run_loop(stdout=full)
        self.assertEqual(done.returncode, FAILED, done.stderr)

    def test_a_pipe_that_nobody_reads(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            self.run_loop(stdout=write_end)
            self.run_loop("--json", stdout=write_end)
        finally:
            os.close(write_end)

    def test_a_closed_standard_output(self):
        self.run_loop(preexec_fn=lambda: os.close(1))

    def test_a_json_file_that_cannot_be_made(self):
        target = self.tracee("loop", "10")
        self.refuse("attach", "--batch", "--json=/nonexistent/x.json", "-w", "counter",
                    str(target.pid), code=FAILED, words=["/nonexistent/x.json"])
        self.assertEqual(self.end_tracee(target)["value"], "10")
