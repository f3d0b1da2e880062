# SPDX-License-Identifier: MIT
"""The processes of the benchmark: how they start, how long they are waited for, and that none of
them outlives it."""

import contextlib
import ctypes
import os
import pathlib
import select
import signal
import subprocess

PR_SET_CHILD_SUBREAPER = 36
# Seconds that a program may take to answer, or to end.
PATIENCE = 30
# Generations of orphans.
DEEPEST = 5


def start(command, cpu=None, **options):
    pin = None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})
    return subprocess.Popen([str(word) for word in command], preexec_fn=pin, **options)


def end(child, patience=PATIENCE):
    """Waits for the child, kills it when it takes too long. Returns whether it ended by itself."""
    try:
        child.wait(patience)
        return True
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False


def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def is_stopped(pid):
    return stat_fields(pid)[0] in "tT"


def memory_of(pid):
    """Resident bytes."""
    return int(stat_fields(pid)[21]) * os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid):
    """Seconds of CPU time of all its threads."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in threads) / 1e9


def mappings_of(pid):
    return len(pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines())


def children():
    """The pids of our own children."""
    found = []
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(stat_fields(entry.name)[1]) == os.getpid():
                found.append(int(entry.name))
    return found


def kill_children():
    """What programs that are gone have left behind; none of ours may still be wanted."""
    for pid in children():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def leave(number, _frame):
    raise SystemExit(128 + number)


@contextlib.contextmanager
def no_orphans():
    """Whatever the programs that are started leave behind becomes a child of ours, and is killed
    when this ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        yield
    finally:
        # The children of killed ones become ours in turn.
        for _ in range(DEEPEST):
            kill_children()


class Target:
    """A program under measurement, which answers each line that it is given with one."""

    def __init__(self, program, *arguments, cpu=None, prefix=()):
        self.executable = program
        self.child = start([*prefix, program, *arguments], cpu=cpu, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.pid = self.child.pid
        try:
            self.addresses = [int(word, 16) for word in self._read_words("address")]
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()

    def _read_words(self, key):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
                raise RuntimeError(f"the target did not answer within {PATIENCE} s")
            piece = os.read(self.child.stdout.fileno(), 4096)
            if not piece:
                raise RuntimeError(f"the target died: {self.child.wait()}")
            line += piece
        words = line.decode().split()
        if words[0] != key:
            raise RuntimeError(f"the target said {line.decode().strip()!r}, not {key}")
        return words[1:]

    def ask(self, kind, n, key="done"):
        """Has it do N times what the kind says. Returns the numbers of its answer."""
        self.child.stdin.write(f"{kind} {n}\n".encode())
        return [int(word) for word in self._read_words(key)]

    def finish(self):
        """It has nothing more to do. Returns whether it ended by itself."""
        self.child.stdin.close()
        return end(self.child)
