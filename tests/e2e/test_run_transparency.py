# SPDX-License-Identifier: MIT
"""What works without memwatch works under it: tracers, sanitizers, privileged programs, shells."""
import os
import resource
import shutil
import subprocess
import tempfile
import unittest

from run_jobs import (FOLDER, MEMWATCH, NOBODY, as_nobody, job, nobody_memwatch, run,
                      run_as_nobody, trackers)


def privileged(name, mode=None, capability=None):
    """A copy of tests/jobs/privileges.c with set-id bits or file capabilities."""
    path = os.path.join(FOLDER, name)
    shutil.copy(job("privileges"), path)
    os.chmod(path, 0o755)
    if capability:
        subprocess.run(["setcap", capability, path], check=True)
    if mode:
        os.chmod(path, mode)
    return path


def alone_as_nobody(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          preexec_fn=as_nobody, cwd="/").stdout


class Privileges(unittest.TestCase):
    def setUp(self):
        if os.geteuid():
            self.skipTest("needs root to make such programs")
        os.environ["MEMWATCH_MARK"] = "kept"
        self.addCleanup(os.environ.pop, "MEMWATCH_MARK")

    def check(self, path, expected):
        alone = alone_as_nobody(path, "a", "b c")
        self.assertIn(expected, alone)
        self.assertIn("mark=kept a b c", alone)
        for tracker in ("ptrace", "perf", "poll"):
            with self.subTest(tracker):
                for command in ([path, "a", "b c"], ["sh", "-c", f"{path} a 'b c'; :"]):
                    result = run_as_nobody(*command, options=["--track", tracker])
                    self.assertEqual(result.code, 0, result.stderr)
                    self.assertEqual(result.stdout, alone)

    def test_setuid_programs_get_their_user(self):
        self.check(privileged("setuid", mode=0o4755), "euid=0 ")

    def test_setgid_programs_get_their_group(self):
        self.check(privileged("setgid", mode=0o2755), "egid=0 ")

    def test_file_capabilities_are_granted(self):
        if not shutil.which("setcap"):
            self.skipTest("no setcap")
        self.check(privileged("fcaps", capability="cap_net_raw+ep"), "caps=0000000000002000")

    def test_a_set_id_program_that_cannot_be_read_is_warned_about(self):
        path = privileged("unreadable", mode=0o4711)
        result = run_as_nobody(path, options=["--track", "ptrace"])
        self.assertEqual(result.code, 0)
        if "euid=0 " not in result.stdout:
            self.assertTrue([n for n in result.report["tracker_notes"] if "--track=perf" in n])
        self.assertIn("euid=0 ", run_as_nobody(path, options=["--track", "perf"]).stdout)

    def test_without_privileges_ptrace_measures_every_process(self):
        result = run_as_nobody("sh", "-c", "sleep 0.1; sleep 0.1; :")
        self.assertEqual(result.report["tracker"], "ptrace")
        self.assertEqual(result.report["completeness"]["line"],
                         "3 processes, all measured exactly")


class Tracers(unittest.TestCase):
    """With ptrace, where they could not work if they were traced themselves."""

    def each(self):
        for tracker in trackers():
            with self.subTest(tracker):
                yield ["--track", tracker]

    def test_strace_works_inside_a_job(self):
        if not shutil.which("strace"):
            self.skipTest("no strace")
        for options in self.each():
            result = run("sh", "-c", "strace -f -c sh -c '/bin/true; /bin/true'; echo $?",
                         options=options)
            self.assertEqual(result.stdout.strip(), "0", result.stderr)
            self.assertIn("execve", result.stderr)

    def test_gdb_works_inside_a_job(self):
        if not shutil.which("gdb"):
            self.skipTest("no gdb")
        for options in self.each():
            result = run("gdb", "-q", "-batch", "-ex", "run", "--args", "/bin/true",
                         options=options)
            self.assertIn("exited normally", result.stdout)

    def test_memwatch_works_inside_memwatch(self):
        for options in self.each():
            with tempfile.TemporaryDirectory() as folder:
                inner = f"{folder}/inner.json"
                result = run(MEMWATCH, "run", "--quiet", f"--json={inner}", "--track", "ptrace",
                             "--", "sh", "-c", "sleep 0.1; exit 6", options=options)
                self.assertEqual(result.code, 6, result.stderr)
                with open(inner, encoding="utf-8") as file:
                    self.assertIn('"2 processes, all measured exactly"', file.read())

    def test_address_sanitizer_finds_what_it_finds_alone(self):
        program = job("sanitized", "-fsanitize=address")
        for options in self.each():
            clean = run(program, options=options)
            self.assertEqual((clean.code, clean.stderr), (0, ""))
            leaky = run(program, "leak", options=options)
            self.assertEqual(leaky.code, 1)
            self.assertIn("1000 byte(s) leaked", leaky.stderr)

    def test_programs_below_a_tracer_are_still_in_the_report(self):
        if not shutil.which("strace"):
            self.skipTest("no strace")
        result = run("strace", "-f", "-o", "/dev/null", "sh", "-c", f"{job('hog')} 40 300; :",
                     options=["--track", "ptrace"])
        self.assertGreater(result.process("hog")["max_rss_kib"], 40 * 1024)


class Surroundings(unittest.TestCase):
    def test_job_control_stops_and_continues(self):
        script = ("sleep 0.3 & pid=$!; kill -STOP $pid; sleep 0.1; "
                  "cut -d' ' -f3 /proc/$pid/stat; kill -CONT $pid; wait $pid; echo $?")
        for tracker in trackers():
            with self.subTest(tracker):
                result = run("bash", "-c", script, options=["--track", tracker])
                self.assertIn(result.stdout.split()[0], "Tt")
                self.assertEqual(result.stdout.split()[1], "0")

    def test_stdin_reaches_the_command(self):
        result = run("cat", input="through\n")
        self.assertEqual(result.stdout, "through\n")

    def test_orphans_are_reaped_and_leave_no_zombies(self):
        for tracker in trackers():
            with self.subTest(tracker):
                result = run("sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; sleep 0.4",
                             options=["--track", tracker])
                self.assertEqual(result.code, 0)
                self.assertGreaterEqual(result.report["completeness"]["processes"], 7)

    def test_the_control_group_of_a_run_is_gone_afterwards(self):
        def groups():
            with open("/proc/self/mountinfo", encoding="utf-8") as file:
                mounts = [line.split()[4] for line in file if " - cgroup" in line]
            return {os.path.join(path, name) for mount in mounts
                    for path, folders, _ in os.walk(mount) for name in folders
                    if name.startswith("memwatch-")}

        before = groups()
        if run("sleep", "0.1").report["peak"]["cgroup_kib"] is None:
            self.skipTest("no control group")
        run(job("daemon"), "1", "500", options=["--wait", "root"])
        # Other runs on this machine have theirs.
        left = [path for path in groups() - before
                if not os.path.exists("/proc/" + path.rsplit("-", 1)[1])]
        self.assertEqual(left, [])

    def test_few_descriptors_are_enough_for_many_processes(self):
        script = "for i in $(seq 200); do sleep 1 & done; wait"
        for tracker in trackers("taskstats", "perf", "poll"):
            with self.subTest(tracker):
                result = run("sh", "-c", script, options=["--track", tracker], preexec_fn=lambda:
                             resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
                self.assertEqual(result.code, 0, result.stderr)
                self.assertGreater(len(result.report["peak"]["processes"]), 180)
                self.assertGreater(result.report["duration_seconds"], 1)

    def test_closed_standard_files_do_no_harm(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/r.json"
            code = subprocess.run(["sh", "-c", f"\"$0\" run --json={path} -- sh -c 'exit 3' "
                                   "<&- >&- 2>&-", MEMWATCH], check=False).returncode
            self.assertEqual(code, 3)
            with open(path, encoding="utf-8") as file:
                self.assertIn('"exit_code": 3', file.read())

    def test_nobody_can_use_it(self):
        if os.geteuid():
            self.skipTest("we are nobody already")
        self.assertTrue(os.access(nobody_memwatch(), os.X_OK))
        self.assertEqual(run_as_nobody("id", "-u").stdout.strip(), str(NOBODY))


if __name__ == "__main__":
    unittest.main()
