# SPDX-License-Identifier: MIT
"""However memwatch ends, the target goes on, correctly, and nothing of memwatch stays in it."""

import os
import signal
import subprocess
import time

from harness import (MEMWATCH, PATIENCE, SIGNALS, TRACEES, E2ETest, Oracle, lasting_state,
                     status_of, wait_until)


class Detach(E2ETest):
    def attach_and_see_events(self, target, backend, *options):
        process = self.attach(target, ["counter"], [f"--backend={backend}", *options])
        process.wait_for(lambda: (self.folder / "events.json").stat().st_size > 1000,
                         "report an event")
        return process

    def check_goes_on(self, target):
        self.assertEqual(status_of(target.pid)["TracerPid"], "0")
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["errors"], "0")
        self.assertEqual(oracle["stores"], oracle["value"])

    def test_detach_leaves_maps_masks_and_affinity_as_they_were(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.running("loop")
                before = lasting_state(target.pid)
                process = self.attach_and_see_events(target, backend, "--max-events=300")
                self.assertEqual(process.finish(), 0, process.stderr)
                self.assertEqual(lasting_state(target.pid), before)
                self.check_goes_on(target)

    def test_a_watch_ends_after_its_duration(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"], ["--duration=3"])
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertTrue(self.events())
        self.check_goes_on(target)

    def test_a_watch_ends_after_so_many_events(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"], ["--max-events=7"])
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual([event["seq"] for event in self.events()], list(range(1, 8)))
        self.check_goes_on(target)

    def test_memwatch_may_be_ended_by_a_signal(self):
        for number, name in SIGNALS.items():
            for backend in ("page", "hw"):
                with self.subTest(signal=name, backend=backend):
                    target = self.running("loop")
                    before = lasting_state(target.pid)
                    process = self.attach_and_see_events(target, backend)
                    process.signal(number)
                    self.assertEqual(process.finish(), 128 + number, process.stderr)
                    self.assertEqual(lasting_state(target.pid), before)
                    self.check_goes_on(target)

    def test_a_launched_target_survives_the_end_of_memwatch(self):
        said = self.folder / "said"
        process = self.start([MEMWATCH, "launch", "--batch",
                              f"--json={self.folder}/events.json", "-w", "counter", "--",
                              TRACEES / "loop", "0", f"out={said}"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
        process.wait_for(lambda: said.exists() and "running" in said.read_text(), "run")
        process.signal(signal.SIGTERM)
        process.child.wait(PATIENCE)
        process.say()
        wait_until(lambda: "done 1" in said.read_text())
        self.assertEqual(Oracle(said.read_text())["errors"], "0")

    def test_attaching_again_and_again_changes_nothing(self):
        target = self.running("loop")
        before = lasting_state(target.pid)
        for _ in range(10):
            process = self.attach(target, ["counter"], ["--max-events=20"])
            self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(lasting_state(target.pid), before)
        self.check_goes_on(target)

    def test_threads_that_come_and_go_survive_the_detach(self):
        target = self.running("churn", "50")
        # While it creates a thread, glibc blocks every signal: look until it doesn't.
        wait_until(lambda: not int(status_of(target.pid)["SigBlk"], 16))
        before = signal_state(target.pid)
        for _ in range(5):
            process = self.attach(target, ["total"], ["--max-events=50"])
            self.assertEqual(process.finish(), 0, process.stderr)
        wait_until(lambda: signal_state(target.pid) == before)
        self.assertEqual(self.end_tracee(target)["correct"], "1")


def signal_state(pid):
    status = status_of(pid)
    # glibc handles a real-time signal from its first thread on.
    caught = int(status["SigCgt"], 16) & 0x7fffffff
    return [caught, *(status[key] for key in ("SigBlk", "SigIgn", "Cpus_allowed"))]


class Death(E2ETest):
    def test_a_target_that_is_killed_ends_the_watch(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.running("loop")
                process = self.attach(target, ["counter"], [f"--backend={backend}"])
                target.signal(signal.SIGKILL)
                self.assertEqual(process.finish(), 0, process.stderr)
                self.assertEqual(target.finish(), -signal.SIGKILL)
                self.assertRegex(process.stderr, r"killed by signal 9")

    def test_a_target_that_ends_by_itself_ends_the_watch(self):
        target = self.tracee("loop", "10", "3")
        process = self.attach(target, ["counter"])
        target.say()
        self.assertEqual(target.finish(), 3)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(len(self.events()), 10)

    def test_the_exit_code_of_a_launched_command_is_passed_on_when_asked_for(self):
        _, _, process = self.launch("loop", "10", "3", watch=["counter"],
                                    options=["--exit-code"], code=3)
        self.assertEqual(process.child.returncode, 3)

    def test_the_target_survives_a_kill_of_memwatch(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.running("loop")
                process = self.attach(target, ["counter"], [f"--backend={backend}"])
                process.wait_for(lambda: (self.folder / "events.json").stat().st_size > 1000,
                                 "report an event")
                process.signal(signal.SIGKILL)
                process.finish()
                time.sleep(0.1)
                oracle = self.end_tracee(target)
                self.assertEqual(oracle["errors"], "0")
                self.assertEqual(oracle["stores"], oracle["value"])

    def test_no_process_of_memwatch_stays_behind(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"], ["--max-events=5"])
        self.assertEqual(process.finish(), 0, process.stderr)
        ours = [pid for pid in os.listdir("/proc") if pid.isdigit() and
                status_or_none(pid).get("PPid") == str(process.pid)]
        self.assertEqual(ours, [])
        self.end_tracee(target)


def status_or_none(pid):
    try:
        return status_of(pid)
    except OSError:
        return {}
