# SPDX-License-Identifier: MIT
"""Threads that store to one page at the same time: nothing is missed, nothing is torn."""

import collections
import os
import subprocess

from harness import TRACEES, E2ETest, Oracle, each_event, line_of

N = 2000
# Stores of each thread of the tracee `mixed`.
MIXED_STORES = int(os.environ.get("MW_MIXED_STORES", "2000"))


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


class Mixed(E2ETest):
    """Eight threads store in every way to four pages that two more read() into."""

    THREADS = 8
    READ_SIZE = 24
    KINDS = ("plain8", "plain16", "plain32", "plain64", "silent", "vector", "rep", "xchg",
             "lock_inc", "lock_xadd", "cmpxchg")

    def run_mixed(self, backend):
        """Returns the oracle; the events are in the folder's events.json."""
        said = self.folder / "said"
        process = self.memwatch("launch", "--batch", f"--json={self.folder}/events.json",
                                "--on=write", f"--backend={backend}", "-w", "pages", "--",
                                TRACEES / "mixed-O2", f"out={said}", self.THREADS, MIXED_STORES,
                                stdout=subprocess.DEVNULL)
        self.assertEqual(process.child.returncode, 0, process.stderr)
        return Oracle(said.read_text())

    def check_mixed(self, backend, vague=()):
        oracle = self.run_mixed(backend)
        self.assertEqual(oracle["correct"], "1")
        self.assertEqual(oracle["misread"], "0")
        memory = bytearray(4 * 4096)
        by_line, reads, read_bytes, silent = collections.Counter(), 0, 0, 0
        for number, event in enumerate(each_event(self.folder / "events.json"), 1):
            self.assertEqual(event["seq"], number)
            at = event.address - int(event["region_id"].split(":")[0], 16)
            part = slice(at, at + event["how_big"])
            self.assertEqual(memory[part], event.old_part, f"lost before event {number}")
            memory[part] = event.new_part
            silent += event.old_part == event.new_part
            if event.cause in ("syscall", *vague):
                self.assertIn(event["cause"].get("syscall", {"name": "read"})["name"], ["read"])
                reads += 1
                read_bytes += event["how_big"]
            else:
                by_line[event.line, event["tid"]] += 1
        self.check_counts(oracle, by_line, silent)
        self.assertEqual(read_bytes, self.READ_SIZE * oracle.number("read"))
        self.assertEqual(fnv1a(memory), oracle["hash"])
        return reads, oracle

    def check_counts(self, oracle, by_line, silent):
        refused = oracle.number("refused")
        self.assertEqual(silent, oracle.number("silent") + refused)
        for kind in self.KINDS:
            of_threads = [count for (line, _), count in by_line.items()
                          if line == line_of("mixed.c", kind)]
            self.assertEqual(sum(of_threads),
                             oracle.number(kind) + (refused if kind == "cmpxchg" else 0), kind)
            self.assertEqual(len(of_threads), self.THREADS)
            if kind != "cmpxchg":
                self.assertEqual(len(set(of_threads)), 1, kind)
        self.assertEqual({line for line, _ in by_line},
                         {line_of("mixed.c", kind) for kind in self.KINDS})

    def test_page_sees_every_store_and_every_read_with_its_values(self):
        reads, oracle = self.check_mixed("page")
        self.assertEqual(reads, oracle.number("read"))

    def test_uffd_sees_every_store_and_all_that_is_read_with_its_values(self):
        """Two threads that read into neighbouring bytes at the same time are one event, and one
        that reads while the page is open for somebody else may be nobody's."""
        reads, oracle = self.check_mixed("uffd", vague=["external"])
        self.assertLessEqual(reads, oracle.number("read"))


def fnv1a(memory):
    value = 0xcbf29ce484222325
    for byte in memory:
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return f"{value:016x}"
