# SPDX-License-Identifier: MIT
"""A loop's stores to one variable: each is reported, once, in order, with values and line."""

import os
import re

from harness import E2ETest, line_of, TRACEES

N = 20000


class Loop(E2ETest):
    def check_loop(self, program, backend, n=N):
        events, oracle, process = self.launch(program, str(n), watch=["counter"],
                                              options=[f"--backend={backend}"])
        self.assertEqual(oracle.number("stores"), n)
        self.assertEqual(oracle.number("value"), n)
        self.assertEqual(len(events), n)
        self.assertEqual([event.old_int() for event in events], list(range(n)))
        self.assertEqual([event.new_int() for event in events], list(range(1, n + 1)))
        self.assertEqual({(event.file, event.line) for event in events},
                         {("loop.c", line_of("loop.c", "store"))})
        self.assertEqual({event.function for event in events}, {"write_counter"})
        self.check_sequence(events)
        return events

    def test_page_reports_every_store_of_a_loop(self):
        events = self.check_loop("loop", "page")
        self.assertEqual({event["backend"] for event in events}, {"page"})

    def test_hw_reports_every_store_of_a_loop(self):
        events = self.check_loop("loop", "hw")
        self.assertEqual({event["backend"] for event in events}, {"hw"})

    def test_the_default_back_end_reports_every_store_of_a_loop(self):
        self.check_loop("loop", "auto")

    def test_optimized_programs_are_no_different(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_loop("loop-O2", backend, 2000)

    def test_static_programs_at_fixed_addresses_are_no_different(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_loop("loop-static", backend, 2000)

    def test_programs_built_by_clang_are_no_different(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_loop("loop-clang", backend, 2000)

    def test_an_event_says_who_and_what(self):
        event = self.check_loop("loop", "page", 3)[0]
        self.assertEqual(event["v"], 1)
        self.assertEqual(event["variable_name"], "counter")
        self.assertIn(event["type"], ("long", "long int"))
        self.assertEqual(event["how_big"], 8)
        self.assertEqual(event.cause, "store")
        self.assertEqual(event["tid"], event["pid"])
        self.assertEqual(event["thread_name"], "loop")
        self.assertEqual((event["old_text"], event["new_text"]), ("0", "1"))
        self.assertEqual(os.path.basename(event["where"]["module"]), "loop")

    def test_a_running_program_is_attached_to(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                target = self.tracee("loop", "500")
                process = self.attach(target, ["counter"], [f"--backend={backend}"])
                oracle = self.end_tracee(target)
                self.assertEqual(process.finish(), 0, process.stderr)
                self.assertEqual(oracle.number("value"), 500)
                self.assertEqual([event.new_int() for event in self.events()],
                                 list(range(1, 501)))

    def test_a_stack_comes_with_each_event_when_asked_for(self):
        events, _, _ = self.launch("loop", "5", watch=["counter"], options=["--stack=4"])
        for event in events:
            self.assertEqual([frame["function"] for frame in event["where"]["stack"]][:2],
                             ["write_counter", "main"])

    def test_a_program_without_debug_information_is_watched_by_its_symbol(self):
        stripped = self.folder / "loop-stripped"
        self.start(["strip", "-g", "-o", stripped, TRACEES / "loop"]).finish()
        events, _ = self.launch_command([stripped, f"out={self.folder}/said", "50"],
                                        watch=["counter"])
        self.assertEqual([event.new_int() for event in events], list(range(1, 51)))
        self.assertEqual({event.function for event in events}, {"write_counter"})

    def test_a_ring_that_drops_counts_what_it_lost_and_invents_nothing(self):
        events, oracle, process = self.launch(
            "loop", str(N), watch=["counter"],
            options=["--backend=page", "--overflow=drop", "--ring=4"])
        self.assertEqual(oracle.number("value"), N)
        seen, dropped = re.search(r"stores: ([\d,]+) seen, ([\d,]+) dropped",
                                  process.stdout).groups()
        self.assertEqual(int(seen.replace(",", "")), N)
        self.assertEqual(len(events), N - int(dropped.replace(",", "")))
        self.assertEqual({event.cause for event in events}, {"store"})
        self.assertTrue(all(event.new_int() == event.old_int() + 1 for event in events))
        self.check_sequence(events)

    def test_a_small_ring_that_holds_the_target_loses_nothing(self):
        events, _, process = self.launch("loop", "5000", watch=["counter"],
                                         options=["--backend=page", "--ring=4"])
        self.assertEqual([event.new_int() for event in events], list(range(1, 5001)))
        self.assertIn("5,000 seen, 0 dropped", process.stdout)
