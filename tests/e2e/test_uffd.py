# SPDX-License-Identifier: MIT
"""The back end uffd: every store is caught in the act, the kernel's included, without a stop at
system calls."""

import os
import re
import unittest

from harness import E2ETest, lasting_state, line_of

SLOT = 64
SIZE = 256 << 10


def may_wait_for_the_kernel():
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/proc/sys/vm/unprivileged_userfaultfd"):
        return "this kernel has no userfaultfd"
    return None


@unittest.skipIf(may_wait_for_the_kernel(), may_wait_for_the_kernel())
class Uffd(E2ETest):
    def attach_to_region(self, target, options=()):
        address = int(re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1), 16)
        return self.attach(target, [f"{address:#x}:{SIZE}"], ["--backend=uffd", *options])

    def watch_region(self, kind, stores, threads=1, program="region-O2"):
        target = self.tracee(program, str(stores), str(threads), kind)
        process = self.attach_to_region(target, ["--on=write"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        return self.events(), oracle, process

    def final_sum(self, events):
        slots = {}
        for event in events:
            base = int(event["region_id"].split(":")[0], 16)
            slot, start = divmod(event.address - base, SLOT)
            value = bytearray(slots.get(slot, 0).to_bytes(8, "little"))
            value[start:start + event["how_big"]] = event.new_part
            slots[slot] = int.from_bytes(value, "little")
        return sum(value * (slot + 1) for slot, value in slots.items()) % 2 ** 64

    def test_each_store_is_reported_with_its_place(self):
        for kind in ("bss", "heap", "shared"):
            with self.subTest(kind):
                events, oracle, _ = self.watch_region(kind, 1500, program="region")
                self.assertEqual(len(events), oracle.number("stores"))
                self.assertEqual(self.final_sum(events), oracle.number("sum"))
                self.assertEqual({event.line for event in events}, {line_of("region.c", "store")})
                self.assertEqual({event["backend"] for event in events}, {"uffd"})
                self.check_sequence(events)

    def test_threads_on_the_same_pages_lose_nothing(self):
        for threads in (2, 8):
            with self.subTest(threads=threads):
                events, oracle, _ = self.watch_region("heap", 500, threads)
                self.assertEqual(len(events), oracle.number("stores"))
                self.assertEqual(self.final_sum(events), oracle.number("sum"))
                self.assertEqual(len({event["tid"] for event in events}), threads)

    def test_what_the_kernel_stores_is_reported_as_the_call(self):
        events, oracle, process = self.watch_region("read", 1000)
        calls = [event["cause"]["syscall"] for event in events if event.cause == "syscall"]
        # Zeros into zeros differ in nothing: only slot 0 had another value.
        self.assertEqual([call["name"] for call in calls], ["read"])
        self.assertEqual(calls[0]["result"], 8)
        self.assertEqual(self.final_sum(events), oracle.number("sum"))
        self.assertEqual(process.child.returncode, 0)

    def test_an_active_stack_may_be_watched(self):
        events, oracle, _ = self.watch_region("stack", 300)
        stores = [event for event in events if event.function == "write_slots"]
        self.assertEqual(len(stores), oracle.number("stores"))

    def test_memory_of_a_file_is_refused_with_a_way_out(self):
        target = self.tracee("region-O2", "10", "1", "file")
        address = re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1)
        process = self.memwatch("attach", "--batch", "--backend=uffd", "-w", f"{address}:{SIZE}",
                                str(target.pid))
        self.end_tracee(target)
        self.assertEqual(process.child.returncode, 1)
        self.assertRegex(process.stderr, r"userfaultfd can't guard")

    def follow_mappings(self, *words):
        target = self.tracee("unmaps", *words)
        address = int(re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1), 16)
        process = self.attach(target, [f"{address:#x}:4096"], ["--backend=uffd"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(oracle["kept"], "1")
        events = [event for event in self.events() if event.cause == "store"]
        self.assertEqual([int.from_bytes(event.new_part, "little") for event in events],
                         [1, 2, 3, 4])
        return process

    def test_memory_that_is_given_back_is_watched_on_and_its_unmapping_ends_the_watch(self):
        process = self.follow_mappings()
        self.assertRegex(process.stderr, r"watch 1 .* ended: its memory was unmapped")

    def test_memory_that_moves_ends_the_watch_and_works_on(self):
        process = self.follow_mappings("move")
        self.assertRegex(process.stderr, r"watch 1 .* ended: its memory was (moved|unmapped)")

    def test_detach_leaves_no_trace(self):
        target = self.running("region", "0", "1", "forever")
        before = lasting_state(target.pid)
        for _ in range(3):
            process = self.attach_to_region(target, ["--max-events=20"])
            self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(lasting_state(target.pid), before)
        self.assertEqual(self.end_tracee(target).number("done"), 1)

    def test_the_target_survives_a_kill_of_memwatch(self):
        for _ in range(5):
            target = self.running("region", "0", "1", "forever")
            process = self.attach_to_region(target)
            process.child.kill()
            process.child.wait()
            self.assertEqual(self.end_tracee(target).number("done"), 1)
