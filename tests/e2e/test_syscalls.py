# SPDX-License-Identifier: MIT
"""System calls into watched memory succeed and are reported by name."""

import collections
import os
import subprocess

from harness import TRACEES, E2ETest, Oracle


DATAGRAMS = int(os.environ.get("MW_DATAGRAMS", "5000"))
CHILDREN = int(os.environ.get("MW_CHILDREN", "1000"))


class Syscalls(E2ETest):
    def check_program(self, program, watch, backend):
        events, oracle, _ = self.launch(program, watch=watch, options=[f"--backend={backend}"])
        self.assertEqual(oracle.all_of("failed"), [])
        self.assertEqual(oracle.number("failures"), 0)
        return events, oracle

    def test_no_call_fails_and_each_change_is_reported_with_its_name(self):
        for program in ("syscalls", "syscalls-O2"):
            with self.subTest(program):
                events, oracle = self.check_program(program, ["area"], "page")
                calls = [event["cause"]["syscall"]["name"] for event in events
                         if event.cause == "syscall" and event.old_part != event.new_part]
                expected = collections.Counter(oracle.all_of("changed"))
                missing = expected - collections.Counter(calls)
                self.assertEqual(missing, {}, "changed by a call that no event names")

    def test_the_values_that_calls_write_are_those_the_program_sees(self):
        events, _ = self.check_program("syscalls", ["area[512]@8"], "page")
        reads = [event for event in events if event.cause == "syscall"]
        self.assertIn(b"hey\xa5\xa5\xa5\xa5\xa5", [event.new for event in reads])
        self.assertIn((5).to_bytes(8, "little"), [event.new for event in reads])
        self.check_chain(events)

    def test_datagrams_into_a_watched_buffer_all_arrive(self):
        events, _ = self.check_program("syscalls", ["area[512]@4"], "page")
        numbers = [int.from_bytes(event.new, "little") for event in events
                   if event.cause == "syscall" and event["cause"]["syscall"]["name"] == "recvfrom"]
        self.assertEqual([n for n in numbers if n < 200][-199:], list(range(1, 200)))

    def test_a_call_says_its_arguments_and_result(self):
        events, _ = self.check_program("syscalls", ["area"], "page")
        call = next(event["cause"]["syscall"] for event in events if event.cause == "syscall"
                    and event["cause"]["syscall"]["name"] == "read")
        self.assertEqual(call["nr"], 0)
        self.assertEqual(call["result"], 12)
        self.assertGreaterEqual(len(call["args"]), 3)

    def test_no_call_fails_under_hw(self):
        self.check_program("syscalls", ["*(long *)(area + 512)"], "hw")


class Delivered(E2ETest):
    """What the kernel would drop for good if it could not write it, with a timer's signals."""

    def numbers(self, field, name):
        return [int.from_bytes(event.new_part, "little") for event in self.events()
                if event["field"] == field and event.cause == "syscall"
                and event["cause"]["syscall"]["name"] == name]

    def test_every_datagram_count_and_wait_status_is_delivered_and_reported(self):
        said = self.folder / "said"
        process = self.memwatch("launch", "--batch", f"--json={self.folder}/events.json",
                                "--backend=page", "-w", "inbox", "--", TRACEES / "delivered-O2",
                                f"out={said}", DATAGRAMS, CHILDREN, stdout=subprocess.DEVNULL)
        self.assertEqual(process.child.returncode, 0, process.stderr)
        self.assertEqual(Oracle(said.read_text())["missed"], "0")
        every = list(range(1, DATAGRAMS + 1))
        for field in ("udp", "local", "event"):
            self.assertEqual(self.numbers(field, "read"), every, field)
        self.assertEqual(self.numbers("status", "wait4"),
                         [(i % 255 + 1) << 8 for i in range(1, CHILDREN + 1)])
        self.check_sequence(self.events())
