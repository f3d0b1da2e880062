# SPDX-License-Identifier: MIT
"""Programs that may do next to nothing: what memwatch does in their place must not end them. They
are served, or refused with a reason; their own results are right in every case."""

import signal
import unittest

from harness import TRACEES, E2ETest, status_of, wait_until

FILTERS = ("filter", "strict")
BACKENDS = ("page", "uffd", "hw", "poll")


class Confined(E2ETest):
    def confined(self, how):
        target = self.start([TRACEES / "confined", how])
        target.read_until("running")
        return target

    def watch(self, target, backend, watch="counter"):
        """Watches for some events. Returns (exit status, what memwatch said)."""
        process = self.attach(target, [watch], [f"--backend={backend}", "--max-events=20"],
                              armed=False)
        status = process.finish()
        self.check_talk(process)
        return status, process.stderr

    def end(self, target):
        target.say("\n")
        self.assertEqual(target.finish(), 0, f"{target.stdout} {target.stderr}")
        self.assertIn("correct 1", target.stdout)

    def test_a_filter_that_kills_is_never_met(self):
        for how in FILTERS:
            for backend in BACKENDS:
                with self.subTest(f"{how} {backend}"):
                    target = self.confined(how)
                    status, said = self.watch(target, backend)
                    if backend in ("page", "uffd"):
                        self.assertEqual(status, 4, said)
                        self.assertRegex(said, "filters its system calls .*use --backend=hw or poll")
                    else:
                        self.assertEqual(status, 0, said)
                        self.assertEqual(len(self.events()), 20)
                    self.end(target)

    def test_what_goes_without_system_calls_is_chosen(self):
        for how in FILTERS:
            for watch in ("counter", "message"):
                with self.subTest(f"{how} {watch}"):
                    target = self.confined(how)
                    status, said = self.watch(target, "auto", watch)
                    self.assertEqual(status, 0, said)
                    self.assertTrue(self.events())
                    self.end(target)

    def test_a_filter_that_lets_us_in_is_no_reason_to_refuse(self):
        for watch in ("counter", "message"):
            target = self.confined("container")
            status, said = self.watch(target, "page", watch)
            self.assertEqual(status, 0, said)
            self.assertEqual({event["backend"] for event in self.events()}, {"page"})
            self.end(target)

    def test_a_program_that_confines_itself_is_let_go_before(self):
        for how in ("late", "late-strict"):
            for backend in BACKENDS:
                with self.subTest(f"{how} {backend}"):
                    target = self.confined(how)
                    process = self.attach(target, ["counter"], [f"--backend={backend}"])
                    target.say("\n")
                    target.read_until("confined")
                    if backend == "page":
                        process.wait_for(lambda p=process: "seccomp" in p.stderr, "say so")
                    process.signal(signal.SIGTERM)
                    process.finish()
                    self.check_talk(process)
                    self.assertEqual(status_of(target.pid)["TracerPid"], "0")
                    self.end(target)

    def test_a_program_that_confines_itself_a_little_is_watched_on(self):
        target = self.confined("late-container")
        process = self.attach(target, ["counter"], ["--backend=page"])
        target.say("\n")
        target.read_until("confined")
        self.end(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertNotIn("seccomp", process.stderr)

    def test_a_confined_program_survives_a_kill_of_memwatch(self):
        for how in ("filter", "late", "container", "late-container"):
            # Without a handler in the target a trap that is on its way ends it: memwatch says so.
            for backend in ("poll",) if how == "filter" else ("hw", "poll"):
                with self.subTest(f"{how} {backend}"):
                    target = self.confined(how)
                    process = self.attach(target, ["*(long *)message"], [f"--backend={backend}"])
                    if how.startswith("late"):
                        target.say("\n")
                        target.read_until("confined")
                    process.signal(signal.SIGKILL)
                    process.finish()
                    wait_until(lambda t=target: target.child.poll() is not None or
                               status_of(t.pid)["TracerPid"] == "0")
                    self.end(target)

    def test_little_memory_few_files_and_no_locks_harm_nobody(self):
        for how in ("memory", "files", "locks"):
            for backend in BACKENDS:
                with self.subTest(f"{how} {backend}"):
                    target = self.confined(how)
                    status, said = self.watch(target, backend)
                    self.assertIn(status, (0, 1, 4), said)
                    if status:
                        self.assertRegex(said, "^memwatch: -w counter: the target .*use --backend=")
                    self.end(target)


if __name__ == "__main__":
    unittest.main()
