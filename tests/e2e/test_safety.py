# SPDX-License-Identifier: MIT
"""memwatch is killed with SIGKILL at random moments: the target goes on, correctly, and in the end
it is as it was found. MW_SAFETY_KILLS says how often, for each way of watching: a kill that comes
between a store and the note of it is rare. Without it there are a few for three kinds of target."""

import ctypes
import errno
import os
import pathlib
import random
import signal
import struct
import time
import unittest

from harness import TRACEES, E2ETest, is_sanitized, lasting_state, status_of, wait_until

KILLS = int(os.environ.get("MW_SAFETY_KILLS", "0"))
FEW_KILLS, MODES_OF_FEW = 3, ("increments", "loops", "threads")
# Where the moment of the kill lies, in seconds after the watch is armed.
EARLIEST, LATEST = 0.0, 0.12
SEGV, TRAP = 1 << signal.SIGSEGV - 1, 1 << signal.SIGTRAP - 1


def code_of_ours(pid):
    """Whether there is executable memory without a name, which only memwatch would make."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return any(" r-xp " in line and line.split()[4] == "0" and len(line.split()) == 5
               for line in maps)


def state(pid):
    """What the guardian must have restored. Threads come and go, and mask signals meanwhile."""
    found = lasting_state(pid)
    maps = [part[:3] for part in found["maps"] if "survivor" in part[5]]
    return {"maps": maps, "cpus": found["Cpus_allowed"], "tracer": found["TracerPid"],
            "ours": code_of_ours(pid)}


def refuse_perf_events():
    """For preexec_fn: from here on perf_event_open() fails (a seccomp filter says EACCES)."""
    load_number, if_equal, answer = 0x20, 0x15, 0x06
    perf_event_open, error, allow = 298, 0x00050000 | errno.EACCES, 0x7fff0000
    steps = ((load_number, 0, 0, 0), (if_equal, 0, 1, perf_event_open), (answer, 0, 0, error),
             (answer, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code))
    set_seccomp, filter_mode = 22, 2
    if ctypes.CDLL(None).prctl(set_seccomp, filter_mode, program):
        os._exit(1)


class KillTest(E2ETest):
    memwatch_options = {}

    def kill_once(self, backend, mode, watch):
        target = start_survivor(self, mode)
        # A program that replaces our handler after the kill may have kept its address: the code
        # behind it has to stay.
        own_handlers = mode in ("signals", "one-shot")
        before = state(target.pid)
        handlers = int(status_of(target.pid)["SigCgt"], 16) & (SEGV | TRAP)
        process = self.attach(target, [watch], [f"--backend={backend}"], **self.memwatch_options)
        time.sleep(random.uniform(EARLIEST, LATEST))
        process.signal(signal.SIGKILL)
        process.finish()
        wait_until(lambda: target.child.poll() is not None or self.is_restored(target.pid, before, own_handlers))
        if target.child.poll() is None and not own_handlers:
            after = int(status_of(target.pid)["SigCgt"], 16) & (SEGV | TRAP)
            self.assertEqual(after, handlers)
        time.sleep(random.uniform(0, 0.02))
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["correct"], "1")
        return oracle.number("refused")

    @staticmethod
    def is_restored(pid, before, own_handlers):
        now = state(pid)
        return now == before or (own_handlers and {**now, "ours": False} == before)


class Kill(KillTest):
    def kill_often(self, backend, mode, watch="counter"):
        kills = KILLS or (FEW_KILLS if mode in MODES_OF_FEW else 0)
        if not kills:
            self.skipTest("MW_SAFETY_KILLS=N kills memwatch N times for each way of watching")
        if is_sanitized():
            self.skipTest("a sanitizer's guardian may hang: see end_stuck_guardians()")
        failures, refused = [], []
        for _ in range(kills):
            try:
                refused.append(self.kill_once(backend, mode, watch))
            except AssertionError as error:
                failures.append(str(error)[:300])
        print(f"{backend} {mode}: {kills - len(failures)} of {kills} lived and were correct; "
              f"a call failed in {sum(map(bool, refused))}, {sum(refused)} in all", flush=True)
        self.assertEqual(failures, [])


def add_test(backend, mode, watch):
    def test(self):
        self.kill_often(backend, mode, watch)

    name = mode.replace("-", "_")
    setattr(Kill, f"test_a_target_watched_by_{backend}_survives_with_{name}", test)


for BACKEND in ("page", "hw", "uffd", "poll"):
    for MODE in ("increments", "loops", "idle", "threads", "churn", "signals"):
        add_test(BACKEND, MODE, "counter")
for MODE in ("reader", "storm", "receiver"):
    for BACKEND in ("page", "uffd", "poll"):
        add_test(BACKEND, MODE, "message")
    add_test("hw", MODE, "*(long *)message")


class AnyMoment(KillTest):
    """The kill comes while memwatch attaches and arms, or while it takes all back again."""

    ways = (("page", "threads"), ("page", "idle"), ("hw", "increments"), ("uffd", "increments"),
            ("poll", "idle"))

    def start_memwatch(self, target, backend):
        process = self.attach(target, ["counter"], [f"--backend={backend}"], armed=False)
        time.sleep(random.uniform(0, 0.1))
        return process

    def stop_memwatch(self, target, backend):
        process = self.attach(target, ["counter"], [f"--backend={backend}"])
        process.signal(signal.SIGTERM)
        time.sleep(random.uniform(0, 0.03))
        return process

    def kill_in(self, begin, backend, mode):
        target = start_survivor(self, mode)
        wait_until(lambda: is_open(target.pid))
        before = state(target.pid)
        process = begin(target, backend)
        process.signal(signal.SIGKILL)
        process.finish()
        wait_until(lambda: target.child.poll() is not None or
                   (state(target.pid) == before and is_open(target.pid)))
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def kill_in_all_ways(self, begin):
        if is_sanitized():
            self.skipTest("a sanitizer's guardian may hang: see end_stuck_guardians()")
        for backend, mode in self.ways:
            with self.subTest(f"{backend} {mode}"):
                for _ in range(KILLS or FEW_KILLS * 2):
                    self.kill_in(begin, backend, mode)

    def test_a_target_survives_a_kill_before_the_watch_is_armed(self):
        self.kill_in_all_ways(self.start_memwatch)

    def test_a_target_survives_a_kill_of_a_memwatch_that_detaches(self):
        self.kill_in_all_ways(self.stop_memwatch)


class DebugRegisters(KillTest):
    """Where perf may not be used, ptrace sets them, and nobody takes them back by himself."""

    memwatch_options = {"preexec_fn": refuse_perf_events}

    def test_they_are_cleared_after_a_kill(self):
        for mode in ("increments", "idle", "threads", "churn"):
            with self.subTest(mode):
                for _ in range(KILLS or 2):
                    self.kill_once("hw", mode, "counter")

    def test_threads_that_are_made_meanwhile_have_them_too(self):
        events, oracle, _ = self.launch("churn", "40", "5", watch=["total"], options=[
            "--backend=hw", "--on=write"], preexec_fn=refuse_perf_events)
        self.assertEqual(len(events), oracle.number("stores"))


class Handlers(E2ETest):
    """The program sets, asks for and gets its signals as if nobody were there."""

    def test_actions_are_as_the_program_has_set_them(self):
        target = start_survivor(self, "actions")
        process = self.attach_for_a_second("page", target)
        wait_until(lambda: process.child.poll() is not None)
        self.assertFalse(code_of_ours(target.pid))
        self.check_actions(target, process)

    def test_actions_that_the_program_sets_under_hw_are_its_own(self):
        """What it has set before is answered with ours: docs/safety.md."""
        target = self.tracee("survivor", "actions")
        process = self.attach_for_a_second("hw", target)
        target.say()
        self.check_actions(target, process)

    def attach_for_a_second(self, backend, target):
        return self.attach(target, ["counter"], [f"--backend={backend}", "--duration=1"])

    def check_actions(self, target, process):
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertTrue(self.events())
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_faults_of_its_own_while_watches_come_and_go(self):
        target = start_survivor(self, "signals")
        for _ in range(10):
            process = self.attach(target, ["counter"], ["--max-events=30"])
            self.assertEqual(process.finish(), 0, process.stderr)
        self.assertFalse(code_of_ours(target.pid))
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_a_crash_of_the_target_is_its_own(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"])
        target.signal(signal.SIGSEGV)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(target.finish(), -signal.SIGSEGV)


class Rescue(E2ETest):
    def rescue(self, pid, *options):
        process = self.memwatch("rescue", *options, str(pid))
        return process.child.returncode, process.stdout + process.stderr

    def test_a_process_that_memwatch_has_not_touched_is_left_alone(self):
        target = self.running("loop")
        code, said = self.rescue(target.pid)
        self.assertEqual(code, 1, said)
        self.assertIn("nothing to do", said)
        self.assertEqual(self.end_tracee(target)["errors"], "0")

    def test_a_page_left_read_only_is_found_by_what_its_file_says(self):
        target = start_survivor(self, "orphan")
        before = state(target.pid)
        code, said = self.rescue(target.pid, "--dry-run")
        self.assertEqual(code, 0, said)
        self.assertEqual(state(target.pid), before)
        code, said = self.rescue(target.pid)
        self.assertEqual(code, 0, said)
        self.assertIn("writable again", said)
        self.assertEqual(self.end_tracee(target)["counter"], "1")

    def test_what_memwatch_left_says_how_to_undo_it(self):
        target = start_survivor(self, "idle")
        before = lasting_state(target.pid)
        process = self.attach(target, ["counter"])
        guardian = guardian_of(process.pid)
        os.kill(guardian, signal.SIGKILL)
        process.signal(signal.SIGKILL)
        process.finish()
        self.assertTrue(code_of_ours(target.pid))
        code, said = self.rescue(target.pid)
        self.assertEqual(code, 0, said)
        self.assertEqual(lasting_state(target.pid), before)
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_a_process_that_is_still_watched_is_refused(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"])
        code, said = self.rescue(target.pid)
        self.assertNotEqual(code, 0)
        self.assertIn("traced", said)
        process.signal(signal.SIGTERM)
        process.finish()
        self.assertEqual(self.end_tracee(target)["errors"], "0")


class Guardian(E2ETest):
    def test_it_ends_with_memwatch(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"])
        guardian = guardian_of(process.pid)
        self.assertNotEqual(os.getsid(guardian), os.getsid(process.pid))
        process.signal(signal.SIGTERM)
        process.finish()
        wait_until(lambda: not is_running(guardian))
        self.end_tracee(target)

    def test_a_signal_to_memwatchs_group_does_not_reach_it(self):
        target = start_survivor(self, "idle")
        process = self.attach(target, ["counter"])
        guardian = guardian_of(process.pid)
        self.assertNotEqual(os.getpgid(guardian), os.getpgid(process.pid))
        os.kill(guardian, signal.SIGTERM)
        os.kill(guardian, signal.SIGINT)
        self.assertTrue(is_running(guardian))
        process.signal(signal.SIGKILL)
        process.finish()
        wait_until(lambda: not code_of_ours(target.pid))
        self.assertEqual(self.end_tracee(target)["correct"], "1")


class Death(E2ETest):
    """A leader's death is told when all its threads' deaths have been: nobody may wait for it."""

    def test_memwatch_ends_with_a_target_that_is_killed_while_it_is_armed(self):
        for _ in range(15):
            target = start_survivor(self, "threads")
            process = self.attach(target, ["counter"], armed=False)
            time.sleep(random.uniform(0, 0.02))
            target.signal(signal.SIGKILL)
            process.finish()
            self.check_talk(process)


def start_survivor(test, mode):
    process = test.start([TRACEES / "survivor", mode])
    process.read_until("running")
    return process


def is_open(pid):
    """Whether no thread blocks any signal: pthread_create() does for a moment, and memwatch."""
    try:
        return not any(int(status_of(f"{pid}/task/{task.name}")["SigBlk"], 16)
                       for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False


def is_running(pid):
    try:
        return not status_of(pid)["State"].startswith("Z")
    except OSError:
        return False


def guardian_of(pid):
    wait_until(lambda: find_guardian(pid))
    return find_guardian(pid)


def find_guardian(pid):
    """The guardian has kept the command line that it was forked with."""
    wanted = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if ((entry / "comm").read_text() == "memwatch-guard\n" and
                        (entry / "cmdline").read_bytes() == wanted):
                    return int(entry.name)
            except OSError:
                pass
    return None


if __name__ == "__main__":
    unittest.main()
