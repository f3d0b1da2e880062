# SPDX-License-Identifier: MIT
"""Programs that nobody wrote for this test: CPython, Redis, SQLite."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

from harness import PATIENCE, E2ETest, lasting_state, needs_program, wait_until

PYTHON = "/usr/bin/python3.11"
DEBUG_PYTHON = pathlib.Path("/usr/lib/debug/.build-id")


@unittest.skipUnless(os.access(PYTHON, os.X_OK), "python3.11 is missing: install python3.11")
class Python(E2ETest):
    SCRIPT = ("import sys, threading\n"
              # glibc installs a signal handler of its own with the first thread.
              "threading.Thread(target=int).start()\n"
              "print('ready', flush=True)\n"
              "for line in sys.stdin:\n"
              "    for i in range({n}):\n"
              "        t = threading.Thread(target=int)\n"
              "        t.start()\n"
              "        t.join()\n"
              "    print('done', sum(range(1000)), flush=True)\n")

    def interpreter(self, n=20):
        target = self.start([PYTHON, "-c", self.SCRIPT.format(n=n)])
        target.read_until("ready")
        return target

    @unittest.skipUnless(DEBUG_PYTHON.exists(), "python3.11-dbg is missing: install it")
    def test_a_field_of_the_runtime_is_watched_by_its_name_and_line(self):
        target = self.interpreter()
        before = lasting_state(target.pid)
        process = self.attach(target, ["_PyRuntime.interpreters.main->threads.next_unique_id"])
        target.say()
        target.read_until("done")
        process.signal(15)
        self.assertEqual(process.finish(), 128 + 15, process.stderr)
        events = self.events()
        ids = [event.new_int() for event in events]
        self.assertEqual(len(ids), 20)
        self.assertEqual(ids, list(range(ids[0], ids[0] + 20)))
        self.assertEqual({event.file for event in events}, {"pystate.c"})
        self.assertTrue(all(event.line for event in events))
        after = lasting_state(target.pid)
        self.assertEqual({k: after[k] for k in after if k not in ("maps", "Threads")},
                         {k: before[k] for k in before if k not in ("maps", "Threads")})
        self.assertEqual(target.finish(), 0, target.stderr)
        self.assertIn("done 499500", target.stdout)

    def test_bytes_of_the_runtime_by_address(self):
        target = self.interpreter()
        address = symbol_in_dynamic_table(target.pid, PYTHON, "_PyRuntime")
        process = self.attach(target, [f"{address:#x}:4096"])
        target.say()
        target.read_until("done")
        self.assertEqual(target.finish(), 0, target.stderr)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertIn("done 499500", target.stdout)


def symbol_in_dynamic_table(pid, program, name):
    listed = subprocess.run(["nm", "-D", program], capture_output=True, text=True, check=True)
    value = next(int(line.split()[0], 16) for line in listed.stdout.splitlines()
                 if line.endswith(f" {name}"))
    if pathlib.Path(program).read_bytes()[16] == 2:
        return value
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return value + next(int(line.split("-")[0], 16) for line in maps
                        if line.endswith(str(pathlib.Path(program).resolve())))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@needs_program("redis-server", "redis-server")
@needs_program("redis-benchmark", "redis-tools")
class Redis(E2ETest):
    def server(self):
        port = free_port()
        server = self.start([shutil.which("redis-server"), "--port", port, "--save", "",
                             "--bind", "127.0.0.1", "--dir", self.folder,
                             "--io-threads", "1"])
        wait_until(lambda: self.ping(port))
        return server, port

    @staticmethod
    def ping(port):
        done = subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True,
                              text=True)
        return done.stdout.strip() == "PONG"

    def benchmark(self, port, requests):
        done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", str(requests), "-c", "8",
                               "-t", "set,get,incr,lpush", "--csv"],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(re.findall(r'^"(SET|GET|INCR|LPUSH)"', done.stdout, re.MULTILINE)), 4,
                         done.stdout)

    def watched_region(self, server):
        """The server's own .data and .bss, which every request writes."""
        maps = pathlib.Path(f"/proc/{server.pid}/maps").read_text().splitlines()
        program = os.readlink(f"/proc/{server.pid}/exe")
        data = next(i for i, line in enumerate(maps) if line.endswith(program) and " rw-p " in line)
        start, end = (int(part, 16) for part in maps[data].split()[0].split("-"))
        bss_start, bss_end = (int(part, 16) for part in maps[data + 1].split()[0].split("-"))
        return start, (bss_end if bss_start == end else end) - start

    def test_a_server_answers_every_request_while_its_data_is_watched(self):
        server, port = self.server()
        start, size = self.watched_region(server)
        process = self.attach(server, [f"{start:#x}:{size}"])
        self.benchmark(port, 300)
        process.signal(15)
        self.assertEqual(process.finish(), 128 + 15, process.stderr)
        events = self.events()
        self.assertGreater(len(events), 100)
        self.check_sequence(events)
        self.assertTrue(all(start <= event.address < start + size for event in events))
        self.assertTrue(self.ping(port))
        answer = subprocess.run(["redis-cli", "-p", str(port), "llen", "mylist"],
                                capture_output=True, text=True)
        self.assertEqual(answer.stdout.strip(), "300")
        self.benchmark(port, 300)
        server.signal(15)
        self.assertEqual(server.finish(), 0, server.stdout[-500:])


@needs_program("sqlite3", "sqlite3")
class Sqlite(E2ETest):
    SQL = ("create table t(a integer primary key, b text);"
           "with recursive c(x) as (select 1 union all select x+1 from c where x<200)"
           " insert into t select x, 'row ' || x from c;"
           "select count(*), sum(a), max(b) from t;"
           "pragma integrity_check;\n")

    def library_data(self, pid):
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        line = next(line for line in maps if "libsqlite3" in line and " rw-p " in line)
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        return start, end - start

    def test_a_database_is_sound_while_the_library_is_watched(self):
        shell = self.start([shutil.which("sqlite3"), self.folder / "data.db"])
        shell.say("select 'ready';\n")
        shell.read_until("ready")
        start, size = self.library_data(shell.pid)
        process = self.attach(shell, [f"{start:#x}:{size}"])
        shell.say(self.SQL)
        self.assertEqual(shell.finish(), 0, shell.stderr)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertIn("200|20100|row 99", shell.stdout)
        self.assertIn("ok", shell.stdout.splitlines()[-1])
        self.assertTrue(self.events())

    def test_heap_memory_of_the_shell_is_watched(self):
        shell = self.start([shutil.which("sqlite3"), ":memory:"])
        shell.say("select 'ready';\n")
        shell.read_until("ready")
        maps = pathlib.Path(f"/proc/{shell.pid}/maps").read_text().splitlines()
        start = int(next(line for line in maps if "[heap]" in line).split("-")[0], 16)
        process = self.attach(shell, [f"{start + 4096:#x}:8192"])
        shell.say(self.SQL)
        self.assertEqual(shell.finish(), 0, shell.stderr)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertIn("200|20100|row 99", shell.stdout)
