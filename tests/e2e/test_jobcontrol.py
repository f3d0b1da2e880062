# SPDX-License-Identifier: MIT
"""Stopping, going on and ending, by others than memwatch, and crowds of threads."""

import os
import signal
import time

from harness import ARMED, MEMWATCH, E2ETest, status_of, wait_until


def is_stopped(pid):
    """By job control; a tracer keeps its own stops as `t`, and this one too."""
    return status_of(pid)["State"].startswith(("T", "t"))


class JobControl(E2ETest):
    def wait_for_events(self, process, more_than=0):
        path = self.folder / "events.json"
        process.wait_for(lambda: path.stat().st_size > more_than, "report an event")
        return path.stat().st_size

    def check_rests(self):
        """What was under way may still be written: then nothing comes any more."""
        def is_quiet():
            size = (self.folder / "events.json").stat().st_size
            time.sleep(0.3)
            return (self.folder / "events.json").stat().st_size == size
        wait_until(is_quiet)

    def check_loop(self, target, process=None):
        """Every store of the loop was made, and all between the first and the last event seen."""
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["errors"], "0")
        self.assertEqual(oracle["stores"], oracle["value"])
        if process:
            self.assertEqual(process.finish(), 0, process.stderr)
            self.check_talk(process)
            events = self.events()
            self.check_chain(events)
            self.assertEqual(events[-1].new_int(), oracle.number("stores"))

    def stop(self, target):
        target.signal(signal.SIGSTOP)
        wait_until(lambda: is_stopped(target.pid))

    def test_a_watched_target_stops_and_goes_on(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.running("loop")
                process = self.attach(target, ["counter"], [f"--backend={backend}"])
                for _ in range(5):
                    size = self.wait_for_events(process)
                    self.stop(target)
                    self.check_rests()
                    target.signal(signal.SIGCONT)
                    self.wait_for_events(process, size)
                self.check_loop(target, process)

    def test_a_target_may_be_stopped_and_continued_faster_than_it_is_handled(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"])
        for i in range(200):
            target.signal(signal.SIGTSTP if i % 2 else signal.SIGSTOP)
            target.signal(signal.SIGCONT)
        self.wait_for_events(process, self.wait_for_events(process))
        self.check_loop(target, process)

    def test_a_target_may_be_stopped_while_it_is_armed(self):
        target = self.running("loop")
        for _ in range(10):
            process = self.attach(target, ["counter"], ["--max-events=300"], armed=False)
            for _ in range(20):
                target.signal(signal.SIGSTOP)
                time.sleep(0.002)
                target.signal(signal.SIGCONT)
            self.assertEqual(process.finish(), 0, process.stderr)
            self.assertEqual(len(self.events()), 300)
        self.check_loop(target)

    def test_a_stopped_target_stays_stopped_until_it_is_continued(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.running("loop")
                self.stop(target)
                process = self.attach(target, ["counter"], [f"--backend={backend}"])
                time.sleep(0.2)
                self.assertTrue(is_stopped(target.pid))
                self.assertEqual(self.events(), [])
                target.signal(signal.SIGCONT)
                self.wait_for_events(process)
                self.check_loop(target, process)

    def test_a_stopped_target_stays_stopped_when_memwatch_leaves(self):
        target = self.running("loop")
        self.stop(target)
        process = self.attach(target, ["counter"])
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish(), 128 + signal.SIGTERM, process.stderr)
        wait_until(lambda: status_of(target.pid)["TracerPid"] == "0")
        time.sleep(0.1)
        self.assertTrue(status_of(target.pid)["State"].startswith("T"))
        target.signal(signal.SIGCONT)
        self.check_loop(target)

    def test_a_target_that_was_stopped_while_watched_stays_stopped_when_memwatch_leaves(self):
        target = self.running("loop")
        process = self.attach(target, ["counter"])
        self.wait_for_events(process)
        self.stop(target)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish(), 128 + signal.SIGTERM, process.stderr)
        time.sleep(0.1)
        self.assertTrue(status_of(target.pid)["State"].startswith("T"))
        target.signal(signal.SIGCONT)
        self.check_loop(target)

    def test_the_parent_of_a_watched_process_sees_it_stop(self):
        target = self.tracee("jobs", "stops", "5")
        process = self.attach(target, ["page"])
        target.say()
        for _ in range(5):
            self.assertEqual(os.waitid(os.P_PID, target.pid, os.WSTOPPED).si_status,
                             signal.SIGSTOP)
            target.signal(signal.SIGCONT)
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["failures"], "0", oracle.text)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(len(self.events()), 10)


class Threads(E2ETest):
    def test_two_hundred_threads_on_one_page_lose_nothing(self):
        events, oracle, _ = self.launch("jobs", "crowd", "200", "50", watch=["page"])
        self.assertEqual(oracle["failures"], "0", oracle.text)
        self.assertEqual(len(events), oracle.number("stores"))
        self.check_sequence(events)
        self.check_chain(events)

    def test_memwatch_comes_and_goes_while_threads_do(self):
        target = self.start_running_threads()
        for _ in range(20):
            process = self.attach(target, ["page.shared"], ["--max-events=30"])
            self.assertEqual(process.finish(), 0, process.stderr)
            self.check_talk(process)
            self.assertEqual(len(self.events()), 30)
        target.say()
        self.assertEqual(target.finish(), 7)

    def start_running_threads(self):
        target = self.tracee("jobs", "quit")
        target.say()
        target.read_until("running")
        return target

    def test_a_process_may_end_while_its_threads_come_and_go(self):
        for _ in range(10):
            target = self.start_running_threads()
            process = self.attach(target, ["page.shared"])
            target.say()
            self.assertEqual(target.finish(), 7)
            self.assertEqual(process.finish(), 0, process.stderr)
            self.assertIn("exited with code 7", process.stderr)

    def test_a_process_may_end_while_it_is_armed(self):
        for i in range(20):
            target = self.start_running_threads()
            process = self.attach(target, ["page.shared"], armed=False)
            time.sleep(i * 0.002)
            target.say()
            self.assertEqual(target.finish(), 7)
            self.assertIn(process.finish(), (0, 1, 2, 4), process.stderr)
            self.check_talk(process)

    def test_a_process_may_be_killed_while_it_is_held(self):
        target = self.running("loop")
        process = self.start_interrupted(target)
        target.signal(signal.SIGKILL)
        self.assertEqual(target.finish(), -signal.SIGKILL)
        process.say("quit\n")
        self.assertEqual(process.finish(), 0, process.stderr)

    def start_interrupted(self, target):
        process = self.start([MEMWATCH, "attach", "-w", "counter", target.pid])
        # Arming stops it as well, for a moment.
        process.wait_for(lambda: ARMED.search(process.stderr), "arm its watch")
        process.say("interrupt\n")
        wait_until(lambda: status_of(target.pid)["State"].startswith("t"))
        return process

    def test_a_debugger_can_be_watched(self):
        events, oracle, _ = self.launch("jobs", "debugger", "10", watch=["page.own[0]"])
        self.assertEqual(oracle["failures"], "0", oracle.text)
        self.assertEqual([event.new_int() for event in events], list(range(1, 11)))
