# SPDX-License-Identifier: MIT
"""What the tests of `memwatch run` share: the jobs, built once, and running memwatch on them."""
import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEMWATCH = os.path.abspath(os.environ.get("MEMWATCH", os.path.join(ROOT, "build", "memwatch")))
JOBS = os.path.join(ROOT, "tests", "jobs")
PATIENCE = float(os.environ.get("MW_TEST_PATIENCE", "120"))
TRACKERS = ["taskstats", "ptrace", "perf", "poll"]
EXACT = ["taskstats", "ptrace"]
NOBODY = 65534

# Readable for everybody: some tests run as nobody.
FOLDER = tempfile.mkdtemp(prefix="memwatch-jobs-")
os.chmod(FOLDER, 0o755)
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


@functools.cache
def job(name, *flags):
    """Builds tests/jobs/NAME.c, once for each set of flags. Returns the path of the program."""
    path = os.path.join(FOLDER, "-".join([name, *flags]).replace("/", "_").replace("=", "_"))
    subprocess.run(["gcc", "-O1", "-std=gnu17", "-D_GNU_SOURCE", "-pthread", *flags, "-o", path,
                    os.path.join(JOBS, name + ".c")], check=True)
    return path


@functools.cache
def works(tracker):
    """Whether a tracker is to be had here: taskstats needs root outside of containers."""
    return subprocess.run([MEMWATCH, "run", "--quiet", "--track", tracker, "--", "/bin/true"],
                          stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode == 0


def trackers(*names):
    return [name for name in names or TRACKERS if works(name)]


def environment():
    """A sanitizer build of memwatch must not have its leak check traced away."""
    return {**os.environ, "LC_ALL": "C"}


class Result:
    """One finished `memwatch run`: exit status, output, and its JSON report if there is one."""

    def __init__(self, process, report_path):
        self.code = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr
        self.report = None
        if os.path.exists(report_path):
            with open(report_path, encoding="utf-8") as file:
                self.report = json.load(file)

    def processes(self, name):
        return [p for p in self.report["processes"]
                if p["name"] == name or os.path.basename(p["exe"] or "") == name]

    def process(self, name):
        found = self.processes(name)
        assert len(found) == 1, (name, [(p["name"], p["command"])
                                        for p in self.report["processes"]])
        return found[0]


def run(*command, options=(), **popen):
    """Runs memwatch on a command with a JSON report in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        process = subprocess.run(
            [MEMWATCH, "run", "--quiet", f"--json={path}", *options, "--", *command],
            capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False,
            **popen)
        return Result(process, path)


def as_nobody():
    """For preexec_fn."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def nobody_memwatch():
    """A copy of memwatch that nobody may execute, wherever the build folder is."""
    path = os.path.join(FOLDER, "memwatch")
    if not os.path.exists(path):
        shutil.copy(MEMWATCH, path)
        os.chmod(path, 0o755)
    return path


def run_as_nobody(*command, options=()):
    """Like run(), unprivileged; the report goes to a folder nobody may write to."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "report.json")
        process = subprocess.run(
            [nobody_memwatch(), "run", "--quiet", f"--json={path}", *options, "--", *command],
            capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False,
            cwd="/", preexec_fn=as_nobody)
        return Result(process, path)
