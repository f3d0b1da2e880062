# SPDX-License-Identifier: MIT
"""Threads that store to one page at the same time: nothing is missed, nothing is torn."""

import collections

from harness import E2ETest

N = 2000


class Threads(E2ETest):
    def check_threads(self, threads, backend="page"):
        alone = self.unwatched("threads-O2", str(threads), str(N))
        events, oracle, _ = self.launch("threads-O2", str(threads), str(N), watch=["page"],
                                        options=[f"--backend={backend}"])
        self.assertEqual(oracle["hash"], alone["hash"], "memory differs from an unwatched run")
        self.assertEqual(len(events), oracle.number("stores"))
        self.check_sequence(events)
        self.check_chain(events)
        kinds = collections.Counter(event["how_big"] for event in events)
        self.assertEqual(kinds[16], oracle.number("vector"))
        atomic = [event for event in events if event.cause == "atomic"]
        self.assertEqual(len(atomic), oracle.number("atomic"))
        return events

    def test_two_threads_on_one_page_lose_nothing(self):
        self.check_threads(2)

    def test_eight_threads_on_one_page_lose_nothing(self):
        self.check_threads(8)

    def test_each_thread_is_told_apart(self):
        events = self.check_threads(4)
        self.assertEqual(set(collections.Counter(event["tid"] for event in events).values()), {N})

    def test_atomic_increments_are_reported_in_the_order_of_their_values(self):
        events, oracle, _ = self.launch("threads-O2", "4", str(N), watch=["page.shared"])
        self.assertEqual([event.new_int() for event in events],
                         list(range(1, oracle.number("shared") + 1)))

    def test_hw_sees_the_stores_of_every_thread(self):
        events, oracle, _ = self.launch("threads-O2", "4", str(N), watch=["page.plain[1]"],
                                        options=["--backend=hw"])
        self.assertEqual([event.new_int() for event in events],
                         [i + 1 for i in range(0, N, 3)])
        self.assertEqual(len({event["tid"] for event in events}), 1)
        self.assertEqual(oracle["hash"], self.unwatched("threads-O2", "4", str(N))["hash"])

    def test_threads_that_exist_at_attach_and_later_ones_are_covered(self):
        target = self.running("churn", "20")
        process = self.attach(target, ["slots"], ["--max-events=500"])
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(len(self.events()), 500)
        self.check_chain(self.events())
        self.assertEqual(self.end_tracee(target)["correct"], "1")

    def test_threads_that_come_and_go_lose_nothing(self):
        events, oracle, _ = self.launch("churn", "200", "10", watch=["total"],
                                        options=["--backend=page"])
        self.assertEqual(oracle["correct"], "1")
        self.assertEqual([event.new_int() for event in events],
                         list(range(1, oracle.number("stores") + 1)))

    def test_hw_counts_every_store_of_threads_that_come_and_go(self):
        """Two threads may store before either trap is looked at: then both events have the value
        of the second."""
        events, oracle, _ = self.launch("churn", "200", "10", watch=["total"],
                                        options=["--backend=hw", "--on=write"])
        self.assertEqual(oracle["correct"], "1")
        self.assertEqual(len(events), oracle.number("stores"))
        values = [event.new_int() for event in events]
        self.assertEqual(values, sorted(values))
        self.assertEqual(values[-1], oracle.number("stores"))

    def test_a_program_that_never_writes_is_left_in_peace(self):
        events, oracle, _ = self.launch("spin", "20", watch=["idle"])
        self.assertEqual(events, [])
        self.assertEqual(oracle["state"], self.unwatched("spin", "20")["state"])
