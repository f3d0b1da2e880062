# SPDX-License-Identifier: MIT
"""What every end-to-end test shares: starting tracees and memwatch, reading the tracees' oracles
and memwatch's JSON lines, and looking at a process from outside."""

import base64
import functools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("MW_BUILD", ROOT / "build"))
MEMWATCH = os.environ.get("MEMWATCH", str(BUILD / "memwatch"))
TRACEES = BUILD / "tests" / "tracees"
SOURCES = ROOT / "tests" / "tracees"
# How long anything may take before it counts as hung. Never part of what is measured.
PATIENCE = float(os.environ.get("MW_TEST_PATIENCE", "120"))
SANITIZER_TALK = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|"
                            r"ThreadSanitizer|runtime error:")
# What memwatch says on stderr once a watch is armed.
ARMED = re.compile(r"^memwatch: watch \d+: ", re.MULTILINE)


def line_of(source, name):
    """The line of a tracee's source that carries the comment `LINE:name`."""
    text = (SOURCES / source).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if f"LINE:{name} " in line:
            return number
    raise KeyError(f"{source} has no LINE:{name}")


def from_hex(text):
    return bytes.fromhex(text)


class Oracle:
    """What a tracee printed: `key value…` lines, with expectations and members apart."""

    def __init__(self, text):
        self.text = text
        self.values = {}
        self.expected = []
        self.members = []
        self.calls = []
        for line in text.splitlines():
            self._take(line)

    def _take(self, line):
        if line.startswith("member\t"):
            path, old, new, number = line.split("\t")[1:]
            self.members.append((path, old, new, int(number)))
            return
        words = line.split()
        if len(words) == 5 and words[0] == "expect":
            self.expected.append((words[1], int(words[2]), from_hex(words[3]),
                                  from_hex(words[4])))
        elif len(words) >= 2 and words[0] in ("changed", "failed", "child"):
            self.calls.append((words[0], " ".join(words[1:])))
        elif len(words) == 2:
            self.values[words[0]] = words[1]

    def __getitem__(self, key):
        if key not in self.values:
            raise AssertionError(f"the tracee printed no {key!r}: it printed {self.text[-500:]!r}")
        return self.values[key]

    def number(self, key):
        return int(self[key])

    def expected_of(self, name):
        """(line, old, new) of each store into the variable, in order."""
        return [(line, old, new) for who, line, old, new in self.expected if who == name]

    def all_of(self, kind):
        return [what for who, what in self.calls if who == kind]


class Event(dict):
    """One JSON line, with the parts that tests compare in a handy form."""

    @property
    def old(self):
        return self._bytes("old_value", "old_preview")

    @property
    def new(self):
        return self._bytes("new_value", "new_preview")

    def _bytes(self, whole, preview):
        text = self.get(whole)
        return base64.b64decode((text if text is not None else self.get(preview)) or "")

    @property
    def old_part(self):
        return base64.b64decode(self["old_preview"] or "")

    @property
    def new_part(self):
        return base64.b64decode(self["new_preview"] or "")

    def old_int(self):
        return int.from_bytes(self.old, "little", signed=True)

    def new_int(self):
        return int.from_bytes(self.new, "little", signed=True)

    @property
    def address(self):
        return int(self["addr"], 16)

    @property
    def cause(self):
        return self["cause"]["kind"]

    @property
    def line(self):
        return (self.get("where") or {}).get("line")

    @property
    def file(self):
        return pathlib.Path((self.get("where") or {}).get("file") or "").name

    @property
    def function(self):
        return (self.get("where") or {}).get("function")


def each_event(path):
    """The events of a JSON-lines file, which may be too many for memory; lines without a `seq`
    (a summary) are not events."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                event = Event(json.loads(line))
            except ValueError as error:
                raise AssertionError(f"line {number} is no JSON: {error}: {line[:200]}") from error
            if "seq" in event:
                yield event


def read_events(path):
    return list(each_event(path))


class Process:
    """A child whose output is collected without ever blocking for good."""

    def __init__(self, arguments, **options):
        self.arguments = [str(word) for word in arguments]
        self.stderr_file = tempfile.TemporaryFile()
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        self.child = subprocess.Popen(self.arguments, stderr=self.stderr_file, cwd=ROOT, **options)
        self.pid = self.child.pid
        self.output = b""
        self.ended = False

    @property
    def stderr(self):
        size = os.fstat(self.stderr_file.fileno()).st_size
        return os.pread(self.stderr_file.fileno(), size, 0).decode(errors="replace")

    @property
    def stdout(self):
        return self.output.decode(errors="replace")

    def say(self, text="\n"):
        try:
            self.child.stdin.write(text.encode())
            self.child.stdin.flush()
        except BrokenPipeError:
            pass

    def _read_some(self, deadline):
        stream = self.child.stdout
        if not select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
            self._hung("prints nothing more")
        piece = os.read(stream.fileno(), 65536)
        self.output += piece
        return piece

    def _hung(self, how):
        state = "".join(f"\n  {name}: {describe(pid)}" for name, pid in (("it", self.pid),))
        raise AssertionError(f"{' '.join(self.arguments)} {how} after {PATIENCE} s; {state}\n"
                             f"stdout: {self.stdout[-500:]}\nstderr: {self.stderr[-500:]}")

    def read_until(self, word):
        """Reads until a line that starts with the word has come."""
        deadline = time.monotonic() + PATIENCE
        wanted = re.compile(rb"^" + word.encode() + rb"\b.*\n", re.MULTILINE)
        while not wanted.search(self.output):
            if not self._read_some(deadline):
                raise AssertionError(f"{self.arguments} ended without {word!r}: {self.stdout}"
                                     f" {self.stderr}")

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self._hung(f"did not {what}")
            if self.child.poll() is not None and not condition():
                raise AssertionError(f"{' '.join(self.arguments)} ended ({self.child.returncode}) "
                                     f"and did not {what}; stderr: {self.stderr}")
            time.sleep(0.01)

    def signal(self, number):
        self.child.send_signal(number)

    def finish(self, close=True):
        """Waits for the end. Returns the exit status (negative: signal)."""
        deadline = time.monotonic() + PATIENCE
        if close and self.child.stdin:
            try:
                self.child.stdin.close()
            except BrokenPipeError:
                pass
        while self.child.stdout and self._read_some(deadline):
            pass
        try:
            self.child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._hung("does not end")
        return self.child.returncode

    def reap(self):
        """For clean-up: ends it if the test did not."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)
        for stream in (self.child.stdin, self.child.stdout):
            try:
                if stream:
                    stream.close()
            except BrokenPipeError:
                pass
        self.stderr_file.close()


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {PATIENCE} s")
        time.sleep(0.01)


def pipe_is_full(process):
    """True once a thread of memwatch sits in the write of a pipe."""
    return any("pipe_write" in (task / "wchan").read_text()
               for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir())


def describe(pid):
    try:
        status = status_of(pid)
        return f"pid {pid} state {status['State']}, traced by {status['TracerPid']}"
    except OSError:
        return f"pid {pid} is gone"


def symbol_address(pid, program, name):
    """Where a symbol of a running program's own file stands in its memory."""
    listed = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True)
    value = next(int(line.split()[0], 16) for line in listed.stdout.splitlines()
                 if line.endswith(f" {name}"))
    if is_position_independent(program):
        real = str(pathlib.Path(program).resolve())
        value += next(int(line.split("-")[0], 16) for line in
                      pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
                      if line.endswith(real))
    return value


def is_position_independent(program):
    return pathlib.Path(program).read_bytes()[16] == 3


def status_of(pid):
    """/proc/PID/status as a dictionary of strings."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def lasting_state(pid):
    """What a tracer must leave as it found it: mappings with their permissions, signal masks,
    affinity, and no tracer. The heap and stacks may grow by themselves."""
    status = status_of(pid)
    keys = ("SigBlk", "SigIgn", "SigCgt", "Cpus_allowed", "TracerPid", "Threads", "Seccomp")
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {"maps": merged(maps), **{key: status.get(key) for key in keys}}


def merged(maps):
    """Mappings with neighbours of equal kind joined: how the kernel splits them is its business."""
    result = []
    for line in maps:
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) (\S+) (\S+) (\d+) *(.*)", line)
        start, end, perms, offset, device, inode, name = match.groups()
        start, end, offset = int(start, 16), int(end, 16), int(offset, 16)
        last = result[-1] if result else None
        joins = (last and last[1] == start and last[2:] == [perms, device, inode, name, last[6]]
                 and (inode == "0" or last[6] + start - last[0] == offset))
        if joins:
            last[1] = end
        else:
            result.append([start, end, perms, device, inode, name, offset])
    return result


@functools.cache
def is_sanitized():
    return b"__asan_report_load8" in pathlib.Path(MEMWATCH).read_bytes()


def end_stuck_guardians():
    """A guardian is a fork of a program with threads. libasan's allocator, unlike the C library's,
    may be locked in it for good; then it can't do its work, and doesn't end either."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if ((process / "comm").read_text() == "memwatch-guard\n" and
                    os.path.samefile(process / "exe", MEMWATCH)):
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


class E2ETest(unittest.TestCase):
    """Starts processes that end with the test, whatever happens."""

    longMessage = True
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="memwatch-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        if not os.access(MEMWATCH, os.X_OK):
            self.fail(f"{MEMWATCH} is not built")
        if is_sanitized():
            self.addCleanup(end_stuck_guardians)

    def start(self, arguments, **options):
        process = Process(arguments, **options)
        self.addCleanup(process.reap)
        return process

    def tracee(self, name, *words):
        """Starts a tracee that waits for a line."""
        program = TRACEES / name
        if not program.exists():
            self.skipTest(f"{name} could not be built here")
        process = self.start([program, "wait", *words])
        process.read_until("ready")
        return process

    def running(self, name, *words):
        """Starts a tracee that writes until it reads a line."""
        process = self.start([TRACEES / name, "0", *words])
        process.read_until("running")
        return process

    # memwatch

    def memwatch(self, *arguments, **options):
        """Runs memwatch to its end."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = self.start([MEMWATCH, *arguments], **options)
        process.finish()
        self.check_talk(process)
        return process

    def check_talk(self, process):
        self.assertNotRegex(process.stderr, SANITIZER_TALK)
        self.assertGreaterEqual(process.child.returncode, 0,
                                f"memwatch died by a signal: {process.stderr}")

    @staticmethod
    def watch_options(watch, options):
        words = [word for expression in watch for word in ("-w", expression)]
        return [*words, *options]

    def launch(self, name, *words, watch=(), options=(), code=0, **popen):
        """Launches a tracee under memwatch. Returns (events, oracle, process)."""
        program = TRACEES / name
        if not program.exists():
            self.skipTest(f"{name} could not be built here")
        said = self.folder / "said"
        said.write_text("")
        events, process = self.launch_command([program, f"out={said}", *words], watch=watch,
                                              options=options, code=code, **popen)
        return events, Oracle(said.read_text()), process

    def launch_command(self, command, watch=(), options=(), code=0, **popen):
        """Launches any command. Returns (events, process)."""
        path = self.folder / "events.json"
        process = self.memwatch("launch", "--batch", f"--json={path}",
                                *self.watch_options(watch, options), "--", *command, **popen)
        self.assertEqual(process.child.returncode, code, process.stderr)
        return read_events(path), process

    def unwatched(self, name, *words):
        """Runs a tracee by itself."""
        process = self.start([TRACEES / name, *words], stdin=subprocess.DEVNULL)
        self.assertEqual(process.finish(), 0, process.stderr)
        return Oracle(process.stdout)

    def attach(self, target, watch=(), options=(), armed=True, **popen):
        """Attaches memwatch to a process and waits until its watches are armed."""
        pid = getattr(target, "pid", target)
        process = self.start([MEMWATCH, "attach", "--batch", f"--json={self.folder}/events.json",
                              *self.watch_options(watch, options), pid],
                             # Not a pipe: that would have to be read, or the target waits.
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **popen)
        if armed:
            process.wait_for(lambda: len(ARMED.findall(process.stderr)) >= len(watch),
                             "arm its watches")
        return process

    def events(self):
        return read_events(self.folder / "events.json")

    def end_tracee(self, target):
        """Lets a waiting or running tracee end. Returns its oracle."""
        target.say()
        target.say()
        self.assertEqual(target.finish(), 0, f"{target.stdout} {target.stderr}")
        return Oracle(target.stdout)

    # what tests compare

    def check_sequence(self, events):
        """Events are numbered from 1 without gaps, in the order of their times."""
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
        times = [event["timestamp_ns"] for event in events]
        self.assertEqual(times, sorted(times))

    def check_chain(self, events):
        """Each event starts from the value where the one before it ended."""
        for before, after in zip(events, events[1:]):
            self.assertEqual(before.new, after.old, f"between {before['seq']} and {after['seq']}")

    def check_expected(self, events, oracle, name):
        """The events are exactly the changes that the tracee says it made."""
        expected = [row for row in oracle.expected_of(name) if row[1] != row[2]]
        self.assertTrue(expected, "the tracee expects nothing")
        for number, (want, event) in enumerate(zip(expected, events)):
            # Line 0: inlined from somewhere else.
            have = (event.line if want[0] else 0, event.old, event.new)
            self.assertEqual(show(have), show(want), f"store {number}")
        self.assertEqual(len(events), len(expected))


def show(row):
    line, old, new = row
    return f"line {line}: {old.hex()} -> {new.hex()}"


def needs_program(name, package):
    """Skips, loudly, where a real program is missing."""
    return unittest.skipUnless(shutil.which(name), f"{name} is missing: install {package}")


SIGNALS = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "SIGINT", signal.SIGHUP: "SIGHUP"}
