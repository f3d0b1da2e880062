# SPDX-License-Identifier: MIT
"""What is measured: the back ends of memwatch and its peers, each with how it is started on a
target, how it is known to be armed, and how many stores it has reported."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from processes import PATIENCE, end, is_stopped, start

WORD_CASES = ("store", "apart", "lock", "lock2", "lock8", "vector", "read")
BUFFER_CASES = ("memset", "rep")
TOO_LARGE = "a debug register covers 8 bytes, the buffer has 1 MiB"
MANY = 20_000_000


class Watch:
    """What is watched: a variable of the target, as an expression and as an address."""

    def __init__(self, expression, address, whole=False):
        self.expression = expression
        self.address = address
        # A buffer: what was reported is counted in bytes.
        self.whole = whole


class Tool:
    """Something that watches a target; started once for each measurement."""

    program = None
    package = None
    # Put before the target's command.
    prefix = ()
    # The CPUs that it and the target are kept to, or None.
    cpu = target_cpu = None
    cases = WORD_CASES
    cannot = dict.fromkeys(BUFFER_CASES, TOO_LARGE)
    # Turns of the target in one sample at most.
    most = 20_000
    # Part of the measurement of a target that isn't hit.
    unhit = True

    def __init__(self, name, **settings):
        self.name = name
        self.__dict__.update(settings)

    def missing(self):
        """Why it can't be used here, or None."""
        if not shutil.which(self.program):
            return f"not installed (Debian package {self.package or self.program})"
        wanted = {cpu for cpu in (self.cpu, self.target_cpu) if cpu is not None}
        if not wanted <= os.sched_getaffinity(0):
            return "needs two CPUs"
        return None

    def command(self, target, watch, folder):
        raise NotImplementedError

    def is_armed(self, run):
        raise NotImplementedError

    def reported(self, run):
        """How many stores (bytes of a whole buffer) it has written down."""
        raise NotImplementedError


class Run:
    """A tool that is at work on a target. Leaves nothing behind, however it ends."""

    def __init__(self, tool, target, watch, folder):
        self.tool, self.target, self.watch, self.folder = tool, target, watch, folder
        self.began = time.monotonic()
        command = tool.command(target, watch, folder)
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as errors:
            self.child = start(command, cpu=tool.cpu, stdin=subprocess.DEVNULL, stdout=out,
                               stderr=errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def output(self):
        return "".join((self.folder / name).read_text(errors="replace")
                       for name in ("stdout", "stderr"))

    def last_words(self):
        lines = [line for line in self.output().splitlines() if line.strip()]
        return lines[-1][-200:] if lines else "no output"

    def await_armed(self):
        """Milliseconds from the start until it is armed."""
        while not self.tool.is_armed(self):
            if self.child.poll() is not None:
                raise RuntimeError(f"it ended: {self.last_words()}")
            if time.monotonic() - self.began > PATIENCE:
                raise RuntimeError(f"not armed within {PATIENCE} s: {self.last_words()}")
            time.sleep(0.001)
        return (time.monotonic() - self.began) * 1e3

    def finish(self):
        """Ends the target, with which every tool ends. Returns what the tool reported."""
        if not self.target.finish() or not end(self.child):
            raise RuntimeError(f"it did not end with its target: {self.last_words()}")
        return self.tool.reported(self)


class Nothing(Tool):
    """No tool: what two bare targets differ by is what the machine adds by itself."""

    cases = ()
    program = "true"

    def command(self, target, watch, folder):
        return ["tail", "--pid", target.pid, "-s", "0.1", "-f", "/dev/null"]

    def is_armed(self, run):
        return True

    def reported(self, run):
        return 0


def count_events(lines, whole):
    """JSON lines: one for each store."""
    events = [line for line in lines if '"seq"' in line]
    return sum(json.loads(line)["how_big"] for line in events) if whole else len(events)


class Memwatch(Tool):
    cannot = {}

    def missing(self):
        if not os.access(self.program, os.X_OK):
            return f"{pathlib.Path(self.program).name} is not built"
        return super().missing()

    def command(self, target, watch, folder):
        return [self.program, "attach", "--batch", "--json", "--on=write",
                f"--backend={self.backend}", "-w", watch.expression, target.pid]

    def is_armed(self, run):
        return "memwatch: watch 1: " in (run.folder / "stderr").read_text(errors="replace")

    def reported(self, run):
        with open(run.folder / "stdout", encoding="utf-8") as lines:
            return count_events(lines, run.watch.whole)


GDB_SCRIPT = """set pagination off
set confirm off
{connect}
set can-use-hw-watchpoints {hardware}
watch {expression}
commands
silent
continue
end
echo armed\\n
continue
info breakpoints
"""


def count_gdb_hits(text):
    match = re.search(r"breakpoint already hit (\d+) time", text)
    return int(match.group(1)) if match else 0


class Gdb(Tool):
    program = "gdb"
    hardware = 1

    def connect(self, target):
        return f"attach {target.pid}"

    def command(self, target, watch, folder):
        script = folder / "script"
        script.write_text(GDB_SCRIPT.format(connect=self.connect(target), hardware=self.hardware,
                                            expression=watch.expression))
        return ["gdb", "-nx", "-q", "-batch", "-x", script, target.executable]

    def is_armed(self, run):
        return "armed" in run.output() and not is_stopped(run.target.pid)

    def reported(self, run):
        return count_gdb_hits(run.output())


class Valgrind(Gdb):
    """gdb, connected to the gdb server of a target that runs on valgrind's CPU."""

    program = "valgrind"
    # Only memcheck carries out watchpoints.
    prefix = ("valgrind", "-q", "--vgdb=full")
    cannot = dict.fromkeys(BUFFER_CASES, "gdb reads the whole buffer, 1 MiB, at every hit")

    def connect(self, target):
        return f"target remote | vgdb --pid={target.pid}"

    def is_armed(self, run):
        return "armed" in run.output()


def count_lldb_hits(text):
    return len(re.findall(r"^Command #1 'continue' continued the target", text, re.MULTILINE))


class Lldb(Tool):
    program = "lldb"

    def command(self, target, watch, folder):
        steps = [f"watchpoint set expression -w write -s 8 -- {watch.address:#x}",
                 "watchpoint command add -o continue 1", "continue"]
        return ["lldb", "--batch", "--no-lldbinit", "-p", target.pid,
                *(word for step in steps for word in ("-o", step))]

    def is_armed(self, run):
        # Its output comes late. It stops the target once, until it is armed.
        stopped = is_stopped(run.target.pid)
        run.was_stopped = stopped or getattr(run, "was_stopped", False)
        return run.was_stopped and not stopped

    def reported(self, run):
        return count_lldb_hits(run.output())


def count_perf_samples(text):
    match = re.search(r"SAMPLE events:\s+(\d+)", text)
    return int(match.group(1)) if match else 0


class Perf(Tool):
    program = "perf"
    package = "linux-perf"

    def missing(self):
        why = super().missing()
        if why:
            return why
        tried = subprocess.run(
            ["perf", "record", "-q", "-o", "/dev/null", "-e", "mem:0x1000:w", "true"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        return tried.stderr.strip().splitlines()[-1] if tried.returncode else None

    def command(self, target, watch, folder):
        for name in ("control", "answer"):
            os.mkfifo(folder / name)
        return ["perf", "record", "-e", f"mem:{watch.address:#x}/8:w", "-c", "1", "-p", target.pid,
                f"--control=fifo:{folder}/control,{folder}/answer", "-o", folder / "data"]

    def is_armed(self, run):
        # It answers once its events count.
        with self.pipes(run) as (control, answer):
            os.write(control, b"ping\n")
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline and run.child.poll() is None:
                with contextlib.suppress(BlockingIOError):
                    return os.read(answer, 16).startswith(b"ack")
                time.sleep(0.001)
        return False

    @contextlib.contextmanager
    def pipes(self, run):
        opened = [os.open(run.folder / name, os.O_RDWR | os.O_NONBLOCK)
                  for name in ("control", "answer")]
        try:
            yield opened
        finally:
            for fd in opened:
                os.close(fd)

    def reported(self, run):
        listed = subprocess.run(["perf", "report", "--stats", "-i", run.folder / "data"],
                                capture_output=True, text=True)
        return count_perf_samples(listed.stdout)


def count_bpftrace_hits(text):
    match = re.search(r"^@hits: (\d+)", text, re.MULTILINE)
    return int(match.group(1)) if match else 0


class Bpftrace(Tool):
    program = "bpftrace"

    def command(self, target, watch, folder):
        # The interval comes once everything is attached.
        return ["bpftrace", "-B", "line", "-p", target.pid, "-e",
                'interval:ms:50 { if (@told == 0) { printf("armed\\n"); @told = 1; } } '
                f"watchpoint:{watch.address:#x}:8:w {{ @hits = count(); }}"]

    def is_armed(self, run):
        return "armed" in run.output()

    def reported(self, run):
        return count_bpftrace_hits(run.output())


def tools_of(memwatch):
    """All of them, in the order of the tables."""
    apart = {"cpu": 0, "target_cpu": 1, "unhit": False}
    one_cpu = {"cpu": 0, "target_cpu": 0, "unhit": False}
    every = {"cases": ("sustained", *WORD_CASES, *BUFFER_CASES)}
    return [
        Memwatch("memwatch page", program=memwatch, backend="page", **every),
        Memwatch("memwatch page, unpinned", program=memwatch, backend="page",
                 cases=(*WORD_CASES, *BUFFER_CASES), **apart),
        Memwatch("memwatch hw", program=memwatch, backend="hw",
                 cannot=dict.fromkeys(BUFFER_CASES, TOO_LARGE)),
        Memwatch("memwatch hw, unpinned", program=memwatch, backend="hw", cases=("store",),
                 **apart),
        Memwatch("memwatch uffd", program=memwatch, backend="uffd",
                 cases=(*WORD_CASES, *BUFFER_CASES)),
        Memwatch("memwatch poll", program=memwatch, backend="poll", cases=("store",), most=MANY),
        Perf("perf record"),
        Bpftrace("bpftrace"),
        Gdb("gdb hw"),
        Gdb("gdb hw, one CPU", cases=("store",), cannot={}, **one_cpu),
        Gdb("gdb software", hardware=0, cases=("store",), cannot={}),
        Lldb("lldb"),
        Valgrind("valgrind and gdb"),
    ]
