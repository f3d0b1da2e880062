# SPDX-License-Identifier: MIT
"""The back end poll: what changed is found by looking, whoever changed it, and the last look sees
what the program leaves behind."""

import os
import pathlib
import pwd
import re
import subprocess
import unittest

from harness import E2ETest, MEMWATCH, TRACEES, lasting_state

SLOT = 64
SIZE = 256 << 10
KINDS = ("bss", "data", "heap", "shared", "file", "stack")


def final_sum(events, initial=None):
    """The oracle's sum over all slots, from the events alone."""
    slots = dict(initial or {})
    for event in events:
        base = int(event["region_id"].split(":")[0], 16)
        offset = event.address - base
        slot = offset // SLOT
        old = bytearray(slots.get(slot, 0).to_bytes(8, "little"))
        start = offset % SLOT
        assert start + event["how_big"] <= 8, event
        assert bytes(old[start:start + event["how_big"]]) == event.old_part, event
        old[start:start + event["how_big"]] = event.new_part
        slots[slot] = int.from_bytes(old, "little")
    return sum(value * (slot + 1) for slot, value in slots.items()) % 2 ** 64


class Poll(E2ETest):
    def attach_to_region(self, target, options=()):
        address = int(re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1), 16)
        return self.attach(target, [f"{address:#x}:{SIZE}"], ["--backend=poll", *options])

    def check_region(self, kind, stores, threads=1, options=()):
        target = self.tracee("region-O2", str(stores), str(threads), kind)
        process = self.attach_to_region(target, options)
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        events = self.events()
        self.assertGreater(len(events), 0)
        self.check_sequence(events)
        initial = {0: 1} if kind == "data" else None
        self.assertEqual(final_sum(events, initial), oracle.number("sum"))
        for event in events:
            self.assertEqual(event.cause, "poll")
            self.assertEqual(event["backend"], "poll")
            self.assertEqual(event["tid"], 0)
            self.assertIsNone(event["where"])
        return events

    def test_the_last_look_leaves_the_values_of_the_program(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.check_region(kind, 200000)

    def test_stores_of_several_threads_while_it_looks_all_end_up_in_the_values(self):
        for window in ("1ms", "10ms"):
            with self.subTest(window):
                self.check_region("heap", 10000000, 4, [f"--window={window}"])

    def test_a_slow_writer_is_seen_value_by_value(self):
        events = self.check_region("pause", 50, options=["--window=1ms"])
        self.assertGreater(len({event["timestamp_ns"] // 1000000 for event in events}), 5)

    def test_what_the_kernel_stores_is_seen(self):
        self.check_region("read", 2000)

    def test_a_variable_shows_its_last_value(self):
        events, oracle, _ = self.launch("loop", "500000", watch=["counter"],
                                        options=["--backend=poll", "--window=1ms"])
        self.assertEqual(events[-1].new_int(), oracle.number("value"))
        self.check_chain(events)

    def test_watches_that_overlap_each_show_the_last_value(self):
        events, oracle, _ = self.launch("optimized", "3000",
                                        watch=["tuning", "tuning.level", "tuning.gain"],
                                        options=["--backend=poll", "--window=1ms"])
        last = {event["variable_name"]: event for event in events}
        self.assertEqual(last["tuning.gain"].new_int(), oracle.number("gain"))
        self.assertEqual(set(last), {"tuning", "tuning.level", "tuning.gain"})

    def test_a_page_watch_beside_it_misses_nothing(self):
        events, oracle, _ = self.launch("loop", "300", options=[
            "-e", "watch -b poll counter", "-e", "watch -b page counter"])
        by = {kind: [event for event in events if event["backend"] == kind]
              for kind in ("poll", "page")}
        self.assertEqual(len(by["page"]), oracle.number("stores"))
        self.assertEqual(by["poll"][-1].new_int(), oracle.number("value"))
        for chain in by.values():
            self.check_chain(chain)

    def test_detach_leaves_no_trace(self):
        target = self.running("loop")
        before = lasting_state(target.pid)
        for _ in range(3):
            process = self.attach(target, ["counter"], ["--backend=poll", "--max-events=3"])
            self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(lasting_state(target.pid), before)
        self.assertEqual(self.end_tracee(target)["errors"], "0")

    def test_the_target_survives_a_kill_of_memwatch(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"], ["--backend=poll"])
        process.child.kill()
        process.child.wait()
        self.assertEqual(self.end_tracee(target)["errors"], "0")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to run as somebody else")
class Unprivileged(E2ETest):
    def test_a_user_may_look_at_a_process_of_his_own(self):
        nobody = pwd.getpwnam("nobody")

        def become_nobody():
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)

        os.chmod(self.folder, 0o777)
        target = self.start([self.copy(TRACEES / "region-O2"), "wait", "100000"],
                            preexec_fn=become_nobody)
        target.read_until("ready")
        address = re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1)
        process = self.start([self.copy(MEMWATCH), "attach", "--batch", "--backend=poll",
                              f"--json={self.folder}/events.json", "-w", f"{address}:{SIZE}",
                              str(target.pid)], preexec_fn=become_nobody,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        process.wait_for(lambda: "watch 1:" in process.stderr, "arm its watch")
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(final_sum(self.events()), oracle.number("sum"))

    def copy(self, path):
        """Where it was built may be closed to others."""
        there = self.folder / os.path.basename(path)
        there.write_bytes(pathlib.Path(path).read_bytes())
        there.chmod(0o755)
        return there
