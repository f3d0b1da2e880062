# SPDX-License-Identifier: MIT
"""The prompt on a terminal, over real targets."""

import os
import pty
import re
import select
import time

from harness import MEMWATCH, PATIENCE, TRACEES, E2ETest, status_of

ESCAPES = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """memwatch on the other side of a pseudo terminal."""

    def __init__(self, *arguments, **variables):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", NO_COLOR="1", **variables)
            os.execv(MEMWATCH, [MEMWATCH, *map(str, arguments)])
        self.text = ""

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read_some(self):
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += ESCAPES.sub(b"", piece).decode(errors="replace")
        return bool(piece)

    def expect(self, pattern):
        """Reads until the pattern comes, and is done with all up to there."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            if not self.read_some() or time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not come: {self.text[-2000:]!r}")
        self.text = self.text[found.end():]
        return found

    def finish(self):
        deadline = time.monotonic() + PATIENCE
        while self.read_some() and time.monotonic() < deadline:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Prompt(E2ETest):
    def open(self, *arguments):
        return Terminal(*arguments, XDG_STATE_HOME=str(self.folder))

    def test_a_running_target_is_watched_stopped_looked_at_and_let_go(self):
        target = self.running("loop")
        terminal = self.open("attach", target.pid)
        terminal.expect(r"attached to \d+ \(loop\)")
        terminal.expect(r"\(memwatch\) ")
        terminal.type("set max-reports 5\rwatch -n count coun\t\r")
        terminal.expect(r"watch 1: count \(long int at 0x[0-9a-f]+, 8 bytes, \w+\)")
        terminal.expect(r"#\d+ +count(er)?: \d+ → \d+ +write_counter\(\) loop\.c:\d+")
        terminal.type("\x03")
        terminal.expect(r"is stopped; continue lets it go")
        terminal.type("bt\r")
        terminal.expect(r"#\d+ +main\(\) loop\.c:\d+")
        terminal.type("print counter\r")
        stopped_at = int(terminal.expect(r"counter = (\d+)\r\n")[1])
        terminal.type("print counter\r")
        self.assertEqual(int(terminal.expect(r"counter = (\d+)\r\n")[1]), stopped_at)
        terminal.type("x/1gd counter\r")
        terminal.expect(rf"0x[0-9a-f]+.*{stopped_at}\r\n")
        terminal.type("continue\r")
        terminal.expect(r"… [\d,]+ more changes \(info watches, writers\)")
        terminal.type("writers\r")
        terminal.expect(r"[\d,]+ +0 +write_counter\(\) +loop\.c:\d+")
        # While a command runs the terminal is in line mode, and would swallow an end of file.
        terminal.expect(r"\(memwatch\) ")
        terminal.type("\x04")
        terminal.expect(r"detached from \d+ \(loop\); it goes on running")
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual(status_of(target.pid)["TracerPid"], "0")
        self.assertEqual(self.end_tracee(target)["errors"], "0")

    def test_a_launched_target_stops_before_main_and_may_be_killed(self):
        terminal = self.open("launch", "-w", "counter", "--", TRACEES / "loop",
                             f"out={self.folder}/said", "10")
        terminal.expect(r"is stopped before main; continue starts it")
        terminal.expect(r"\(memwatch\) ")
        terminal.type("print counter\r")
        terminal.expect(r"counter = 0\r\n")
        terminal.type("kill\r")
        terminal.expect(r"\(y or n\) ")
        terminal.type("y\r")
        terminal.expect(r"was killed by signal 9")
        terminal.type("quit\r")
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn("done", (self.folder / "said").read_text()
                         if (self.folder / "said").exists() else "")

    def test_a_launched_target_that_ends_leaves_its_ledger(self):
        terminal = self.open("launch", "-w", "counter", "--", TRACEES / "loop",
                             f"out={self.folder}/said", "10", "3")
        terminal.expect(r"\(memwatch\) ")
        terminal.type("continue\r")
        terminal.expect(r"exited with code 3")
        terminal.type("writers\r")
        terminal.expect(r"10 changes, 0 silent")
        terminal.type("continue\r")
        terminal.expect(r"memwatch: .*\r\n")
        terminal.type("quit\r")
        self.assertEqual(terminal.finish(), 0)
