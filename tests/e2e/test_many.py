# SPDX-License-Identifier: MIT
"""Scripts of many watch commands, which are armed together: what is told, numbered, refused and
left behind is as if each came by itself."""

import collections
import os
import re
import signal
import unittest

from harness import E2ETest, lasting_state, wait_until

STRIDE = 8192
ANNOUNCED = re.compile(r"^memwatch: watch (\d+): (\S+) \(.*, (\w+)\)$", re.M)


def code_of(process):
    """An address of its program's code, which nobody can write."""
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
        return "0x" + next(line.split("-")[0] for line in maps if " r-xp " in line)


class ManyTest(E2ETest):
    def start_many(self, count):
        """A target with that many words. Returns it and the expressions of the words."""
        target = self.tracee("many", str(count), str(STRIDE))
        address = int(re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1), 16)
        return target, [f"{address + i * STRIDE:#x}:8" for i in range(count)]

    def run_script(self, target, lines, backend="auto", options=(), armed=True):
        self.script = self.folder / "script"
        self.script.write_text("".join(line + "\n" for line in lines))
        return self.attach(target, armed=armed, options=["-x", str(self.script),
                                                         f"--backend={backend}", *options])

    def await_watch(self, process, number):
        process.wait_for(lambda: f"watch {number}: " in process.stderr, f"arm watch {number}")

    def check_announced(self, process, expressions):
        """Each watch is announced, in order, with its number."""
        announced = ANNOUNCED.findall(process.stderr)
        self.assertEqual([(int(number), name) for number, name, _ in announced],
                         list(enumerate(expressions, 1)))
        return [backend for _, _, backend in announced]

    def check_failed_at(self, process, number, why=""):
        """The last that is said is what failed, and where it stands."""
        self.assertEqual(process.finish(), 1)
        self.assertRegex(process.stderr.splitlines()[-1],
                         rf"^memwatch: {self.script}:{number}: .*{why}")

    def check_each_store(self, expressions, oracle):
        """Each word was written once."""
        events = self.events()
        self.assertEqual(collections.Counter(event["variable_name"] for event in events),
                         dict.fromkeys(expressions, 1))
        self.assertEqual(oracle["correct"], "1")
        return events


class Script(ManyTest):
    def test_watches_in_a_row_are_numbered_and_told_in_their_order(self):
        for backend in ("page", "poll"):
            with self.subTest(backend):
                target, words = self.start_many(1500)
                process = self.run_script(target, [f"watch {word}" for word in words], backend)
                self.await_watch(process, 1500)
                oracle = self.end_tracee(target)
                self.assertEqual(process.finish(), 0, process.stderr[-500:])
                self.assertEqual(set(self.check_announced(process, words)), {backend})
                self.check_each_store(words, oracle)

    def test_a_bad_expression_in_the_middle_ends_the_script_at_its_line(self):
        for bad in ("no_such_variable", "0x10:8", "*(long *)0"):
            with self.subTest(bad):
                target, words = self.start_many(1200)
                before = lasting_state(target.pid)
                lines = [f"watch {word}" for word in words]
                lines[700] = f"watch {bad}"
                process = self.run_script(target, lines, "page", armed=False)
                self.check_failed_at(process, 701)
                self.check_announced(process, words[:700])
                self.assertEqual(lasting_state(target.pid), before)
                self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_the_first_of_several_bad_ones_is_told(self):
        target, words = self.start_many(40)
        lines = [f"watch {word}" for word in words]
        # The one can't be armed, the other can't even be resolved.
        lines[10], lines[20] = f"watch {code_of(target)}:8", "watch no_such_variable"
        process = self.run_script(target, lines, "page", armed=False)
        self.check_failed_at(process, 11, "is read-only")
        self.check_announced(process, words[:10])
        self.end_tracee(target)

    def test_other_commands_run_between_the_watches_that_they_stand_between(self):
        target, words = self.start_many(300)
        lines = [f"watch {word}" for word in words[:200]]
        lines += ["unwatch 5 150", f"watch -n again {words[4]}", "disable 7", "print 1+1"]
        lines += [f"watch {word}" for word in words[200:]]
        process = self.run_script(target, lines, "page")
        self.await_watch(process, 301)
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-500:])
        self.check_announced(process, words[:200] + ["again"] + words[200:])
        gone = (words[4], words[149], words[6])
        events = self.check_each_store([word for word in words if word not in gone] + ["again"],
                                       oracle)
        self.assertEqual({int(event["variable_id"]) for event in events},
                         set(range(1, 302)) - {5, 150, 7})

    def test_what_was_watched_together_can_be_unwatched(self):
        for backend in ("page", "poll"):
            with self.subTest(backend):
                target, words = self.start_many(600)
                before = lasting_state(target.pid)
                lines = [f"watch {word}" for word in words] + ["unwatch", "print 40+2"]
                process = self.run_script(target, lines, backend, armed=False)
                self.assertEqual(process.finish(), 0, process.stderr[-500:])
                self.assertEqual(self.events(), [])
                self.assertEqual(lasting_state(target.pid), before)
                self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_watches_of_the_command_line_are_armed_together_too(self):
        target, words = self.start_many(300)
        process = self.attach(target, words, ["--backend=page"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-500:])
        self.check_announced(process, words)
        self.check_each_store(words, oracle)

    def test_each_of_many_watches_of_a_busy_variable_sees_every_store_from_its_arming_on(self):
        target = self.running("loop")
        # A short ring: what is in it when the target ends is to be reported 40 times, still.
        process = self.run_script(target, ["watch counter"] * 40, "page", options=["--ring=64"])
        self.await_watch(process, 40)
        wait_until(lambda: (self.folder / "events.json").stat().st_size)
        self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-500:])
        by_watch = collections.defaultdict(list)
        for event in self.events():
            by_watch[event["variable_id"]].append(event)
        self.assertEqual(len(by_watch), 40)
        self.assertEqual(len({events[-1].new for events in by_watch.values()}), 1)
        for events in by_watch.values():
            self.check_chain(events)
            self.assertEqual(events[-1].new_int() - events[0].old_int(), len(events))


class Refused(ManyTest):
    def test_debug_registers_within_many_are_four(self):
        target, words = self.start_many(300)
        lines = [f"watch {'-b hw ' if i >= 150 else ''}{word}" for i, word in enumerate(words)]
        process = self.run_script(target, lines, "page", armed=False)
        self.check_failed_at(process, 155, "hardware watchpoints")
        self.assertEqual(self.check_announced(process, words[:154]), ["page"] * 150 + ["hw"] * 4)
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_back_ends_may_be_mixed(self):
        target, words = self.start_many(400)
        kinds = ["hw" if i in (3, 4, 100, 399) else ("page", "poll")[i // 5 % 2]
                 for i in range(400)]
        process = self.run_script(target, [f"watch -b {kind} {word}"
                                           for kind, word in zip(kinds, words)])
        self.await_watch(process, 400)
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-500:])
        self.assertEqual(self.check_announced(process, words), kinds)
        events = self.check_each_store(words, oracle)
        self.assertEqual({event["variable_name"]: event["backend"] for event in events},
                         dict(zip(words, kinds)))

    def test_memory_that_can_t_be_written_in_the_middle_is_named(self):
        target, words = self.start_many(300)
        lines = [f"watch {word}" for word in words]
        lines[130] = f"watch {code_of(target)}:8"
        for backend in ("page", "poll"):
            with self.subTest(backend):
                process = self.run_script(target, lines, backend, armed=False)
                self.check_failed_at(process, 131, "is read-only")
                self.check_announced(process, words[:130])
        self.assertEqual(self.end_tracee(target)["correct"], "1")


class Ended(ManyTest):
    def interrupt_arming(self, backend, interrupt):
        """Does something while 20,000 are being armed. Returns the target and memwatch."""
        target, words = self.start_many(20_000 if backend != "page" else 7_000)
        process = self.run_script(target, [f"watch {word}" for word in words], backend,
                                  armed=False)
        self.await_watch(process, 200)
        interrupt(target, process)
        return target, process

    def test_a_target_that_ends_meanwhile_ends_the_script(self):
        for backend in ("page", "poll"):
            with self.subTest(backend):
                _, process = self.interrupt_arming(
                    backend, lambda target, _: target.signal(signal.SIGKILL))
                self.assertEqual(process.finish(), 1, process.stderr[-500:])
                self.assertRegex(process.stderr, rf"{self.script}:\d+: ")
                self.check_talk(process)

    def test_a_target_survives_that_memwatch_is_killed_meanwhile(self):
        for backend in ("page", "poll", "uffd"):
            if backend == "uffd" and os.geteuid():
                continue
            with self.subTest(backend):
                target, process = self.interrupt_arming(
                    backend, lambda _, process: process.signal(signal.SIGKILL))
                process.finish()
                oracle = self.end_tracee(target)
                self.assertEqual(oracle["correct"], "1")

    def test_memwatch_that_is_told_to_end_meanwhile_leaves_no_trace(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                target, words = self.start_many(7_000)
                before = lasting_state(target.pid)
                process = self.run_script(target, [f"watch {word}" for word in words], "page",
                                          armed=False)
                self.await_watch(process, 200)
                process.signal(number)
                self.assertEqual(process.finish(), 128 + number, process.stderr[-500:])
                wait_until(lambda: lasting_state(target.pid) == before)
                self.assertEqual(self.end_tracee(target)["correct"], "1")


if __name__ == "__main__":
    unittest.main()
