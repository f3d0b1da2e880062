# SPDX-License-Identifier: MIT
"""Loops whose stores are carried out several at a time give the same events and results as those
that stop at each."""

import re

from harness import E2ETest

# Built without optimization it keeps its variables in memory, and stops at each store.
PROGRAMS = ("tight", "tight-O2")
MASK = (1 << 64) - 1
AHEAD = re.compile(r"([\d,]+) stores carried out ahead")


def shuffled(x):
    x ^= x << 13 & MASK
    x ^= x >> 7
    return x ^ x << 17 & MASK


class Ahead(E2ETest):
    def check_ahead(self, program, process, at_least):
        ahead = int(AHEAD.search(process.stdout).group(1).replace(",", ""))
        if program == "tight-O2":
            self.assertGreaterEqual(ahead, at_least)
        else:
            self.assertEqual(ahead, 0)

    def run_mode(self, program, mode, watch, options=()):
        return self.launch(program, mode, watch=watch,
                           options=["--backend=page", "--on=write", *options])

    @staticmethod
    def of(events, name):
        return [event for event in events if event["variable_name"] == name]

    def test_each_element_is_reported_by_the_function_and_line_that_fills_it(self):
        for program in PROGRAMS:
            with self.subTest(program):
                events, _, process = self.run_mode(program, "fill", ["table"], ["--stack"])
                self.assertEqual([event.new_int() for event in events],
                                 [(i * 2654435761 & 0xffffffff) >> 7 for i in range(3072)])
                self.check_sequence(events)
                self.assertEqual({event.function for event in events}, {"fill"})
                self.assertEqual(len({event.line for event in events}), 1)
                callers = {event["where"]["stack"][1]["function"] for event in events}
                self.assertEqual(callers, {"do_fill"})
                self.check_ahead(program, process, 2000)

    def test_branches_lead_to_the_stores_that_they_lead_to_alone(self):
        x, sums, seen = 88172645463325252, [0, 0], []
        for _ in range(1000):
            x = shuffled(x)
            even = not x & 1
            sums[even] = sums[even] + (-(x & 7) if even else x >> 60) & MASK
            seen += [("sums.even" if even else "sums.odd", sums[even]), ("sums.small", x & 0xff)]
        for program in PROGRAMS:
            with self.subTest(program):
                events, oracle, process = self.run_mode(
                    program, "sort", ["sums.odd", "sums.even", "sums.small"])
                self.assertEqual([(event["variable_name"], int.from_bytes(event.new, "little"))
                                  for event in events], seen)
                alone = self.unwatched(program, "sort")
                for key in ("odd", "even", "small", "elsewhere"):
                    self.assertEqual(oracle[key], alone[key])
                self.check_ahead(program, process, 1000)

    def test_threads_add_as_if_each_addition_were_by_itself(self):
        for program in PROGRAMS:
            with self.subTest(program):
                events, oracle, process = self.run_mode(program, "threads", ["sums.total"])
                self.assertEqual(oracle["exact"], "1")
                self.assertEqual([event.new_int() for event in events],
                                 list(range(1, oracle.number("stores") + 1)))
                self.check_ahead(program, process, 1000)

    def test_a_loop_may_leave_the_watched_pages_and_run_into_its_own_fault(self):
        for program in PROGRAMS:
            with self.subTest(program):
                events, oracle, _ = self.run_mode(program, "edge", ["table[0]@1100"])
                self.assertEqual(oracle["right"], "1")
                self.assertEqual(len(events), 1100)

    def test_a_loop_may_rewrite_itself(self):
        for program in PROGRAMS:
            with self.subTest(program):
                target = self.tracee(program, "code")
                target.say()
                target.read_until("mapped")
                process = self.attach(target, ["*code_value", "data_value"],
                                      ["--backend=page", "--on=write"])
                oracle = self.end_tracee(target)
                self.assertEqual(process.finish(), 0, process.stderr)
                rounds, events = oracle.number("rounds"), self.events()
                self.assertEqual(oracle["data"], str(rounds - 1))
                self.assertEqual([event.new_int() for event in self.of(events, "data_value")],
                                 list(range(rounds)))
                self.assertEqual([event.new_int() for event in self.of(events, "*code_value")],
                                 list(range(1, rounds + 1)))

    def test_a_restartable_sequence_is_aborted_where_it_was_stopped(self):
        for program in PROGRAMS:
            with self.subTest(program):
                events, oracle, _ = self.run_mode(program, "restart", ["sums.odd", "sums.even"])
                self.assertEqual((oracle["aborts"], oracle["first"], oracle["second"]),
                                 ("1", "1", "0"))
                self.assertEqual([event["variable_name"] for event in events], ["sums.odd"])

    def test_signals_come_between(self):
        for program in PROGRAMS:
            with self.subTest(program):
                events, oracle, process = self.run_mode(program, "signals",
                                                        ["sums.total", "sums.ticks"])
                self.assertEqual(oracle["exact"], "1")
                for name, count in (("sums.total", "stores"), ("sums.ticks", "ticks")):
                    self.assertEqual([event.new_int() for event in self.of(events, name)],
                                     list(range(1, oracle.number(count) + 1)))
                self.check_ahead(program, process, 10000)
