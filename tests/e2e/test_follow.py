# SPDX-License-Identifier: MIT
"""With --follow-fork, every process that a target makes is watched from its first instruction on,
and none of them notices."""

import collections
import os
import random
import signal
import subprocess
import time

from harness import MEMWATCH, E2ETest, is_sanitized, pipe_is_full, status_of, wait_until

KILLS = int(os.environ.get("MW_SAFETY_KILLS", "0"))


def counts_of(oracle):
    """What each process says it has stored; one that becomes another program says it twice."""
    counts = collections.Counter()
    for line in oracle.text.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "count":
            counts[int(words[1])] += int(words[2])
    return counts


def complaints_of(oracle):
    return [line for line in oracle.text.splitlines() if line.startswith(("wrong", "status"))]


class FollowTest(E2ETest):
    def check_family(self, mode, n, processes, backend="page", chain=True, program="family"):
        """Each process's events are as many as it says, and fit each other."""
        events, oracle, process = self.launch(program, mode, str(n), watch=["words"],
                                              options=["--follow-fork", f"--backend={backend}"])
        self.assertEqual(complaints_of(oracle), [], process.stderr)
        counts = counts_of(oracle)
        self.assertEqual(len(counts), processes)
        seen = collections.Counter(event["pid"] for event in events)
        self.assertEqual(seen, collections.Counter({pid: n for pid, n in counts.items() if n}),
                         process.stderr)
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
        for pid in counts if chain else ():
            own = [event for event in events if event["pid"] == pid]
            self.check_chain(own)
            times = [event["timestamp_ns"] for event in own]
            self.assertEqual(times, sorted(times))
        return events, oracle, process


class Forks(FollowTest):
    def test_a_child_that_stores_at_once_is_seen_from_its_first_store_on(self):
        events, oracle, process = self.check_family("short", 10, processes=11)
        first = {}
        for event in events:
            first.setdefault(event["pid"], event)
        children = set(first) - {oracle.number("pid")}
        for pid in children:
            self.assertEqual((first[pid]["old_text"], first[pid]["new_text"]), ("0", "1"))
            self.assertRegex(process.stdout, rf"\n\s+{pid}\s+{oracle['pid']}\s+family\s+21 .*code 0")

    def test_children_made_while_nothing_is_armed_are_let_go(self):
        events, oracle, process = self.launch("family", "short", "10", watch=["words"],
                                              options=["--follow-fork", "-e", "disable 1"])
        self.assertEqual(complaints_of(oracle), [], process.stderr)
        self.assertEqual(events, [])
        for pid in set(counts_of(oracle)) - {oracle.number("pid")}:
            self.assertNotRegex(process.stdout, rf"\n\s+{pid}\s+{oracle['pid']}\s")

    def test_children_of_children_are_seen(self):
        self.check_family("deep", 5, processes=6)

    def test_two_hundred_short_children_are_seen(self):
        self.check_family("short", 200, processes=201)

    def test_fifty_children_at_once_are_seen(self):
        self.check_family("many", 50, processes=51)

    def test_threads_that_store_while_others_fork_are_seen(self):
        self.check_family("threads", 10, processes=11)

    def test_what_is_read_and_written_at_once_is_each_process_s_own(self):
        for mode, processes in (("threads", 20), ("many", 20)):
            self.check_family(mode, processes, processes=processes + 1, program="family-O2")

    def test_system_calls_in_children_are_seen(self):
        events, _, _ = self.check_family("reads", 5, processes=6)
        self.assertEqual(sum(event["cause"]["kind"] == "syscall" for event in events), 5)

    def test_signals_reach_children_once_and_show_no_stops(self):
        self.check_family("signals", 30, processes=31)

    def test_children_can_be_stopped_and_continued(self):
        self.check_family("stops", 10, processes=11)

    def test_children_can_be_killed_at_once(self):
        self.check_family("killed", 30, processes=1)

    def test_a_child_outlives_its_parent(self):
        self.check_family("orphan", 50, processes=2)


class BackEnds(FollowTest):
    def test_hardware_sees_children(self):
        for mode, processes in (("short", 11), ("threads", 11)):
            with self.subTest(mode):
                events, oracle, _ = self.launch(
                    "family", mode, "10", watch=["words[1]"],
                    options=["--follow-fork", "--backend=hw"])
                self.assertEqual(complaints_of(oracle), [])
                seen = collections.Counter(event["pid"] for event in events)
                self.assertEqual(sorted(seen.values()), [21] * 10)
                self.assertEqual(len(counts_of(oracle)), processes)

    def test_polling_sees_children(self):
        events, oracle, _ = self.launch("family", "short", "10", watch=["words[1]"],
                                        options=["--follow-fork", "--backend=poll"])
        self.assertEqual(complaints_of(oracle), [])
        self.assertEqual(len(counts_of(oracle)), 11)
        last = {event["pid"]: event["new_text"] for event in events}
        self.assertEqual(list(last.values()), ["21"] * 10)


class Programs(FollowTest):
    def test_new_programs_are_asked_for_the_same_names(self):
        events, _, process = self.check_family("spawn", 3, processes=10, chain=False)
        self.assertEqual(sum(event["field"] == "[6]" for event in events), 3 * 3 * 20)
        self.assertEqual(process.stderr.count("is let go: nothing in it is watched"), 3)
        self.assertEqual(process.stderr.count("(words) goes on in the new program"), 9)



def is_traced(pid):
    try:
        return status_of(pid)["TracerPid"] != "0"
    except OSError:
        return False


def tree_of(pid):
    """The process and all its living descendants."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE,
                              text=True, check=False).stdout.split()
    return [pid] + [other for child in children for other in tree_of(int(child))]


class Ends(FollowTest):
    """However memwatch ends, all processes go on as if it had never been there."""

    def check_goes_on(self, target):
        oracle = self.end_tracee(target)
        self.assertEqual(complaints_of(oracle), [])
        self.assertIn("children", oracle.text)

    def watch_forever(self, *options, watch="words"):
        target = self.running("family", "forever")
        return target, self.attach(target, [watch], ["--follow-fork", *options])

    def test_a_signal_lets_all_of_them_go(self):
        for _ in range(5):
            target, process = self.watch_forever()
            wait_until(lambda: (self.folder / "events.json").read_bytes().count(b"\n") > 100)
            process.signal(signal.SIGTERM)
            process.finish()
            self.assertFalse(any(map(is_traced, tree_of(target.pid))))
            self.check_goes_on(target)

    def test_the_number_of_events_is_that_of_all(self):
        target, process = self.watch_forever("--max-events=1000")
        self.assertEqual(process.finish(), 0, process.stderr)
        events = self.events()
        self.assertEqual([event["seq"] for event in events], list(range(1, 1001)))
        self.assertGreater(len({event["pid"] for event in events}), 3)
        self.check_goes_on(target)

    def test_the_duration_is_that_of_all(self):
        target, process = self.watch_forever("--duration=0.3")
        self.assertEqual(process.finish(), 0, process.stderr)
        self.check_goes_on(target)

    def test_they_live_when_memwatch_is_killed(self):
        if is_sanitized():
            self.skipTest("a sanitizer's guardian may hang: see end_stuck_guardians()")
        for backend, watch in ("page", "words"), ("hw", "words[7]"), ("poll", "words"):
            for _ in range(KILLS or 3):
                with self.subTest(backend=backend):
                    target, process = self.watch_forever(f"--backend={backend}", watch=watch)
                    time.sleep(random.uniform(0, 0.2))
                    process.signal(signal.SIGKILL)
                    process.finish()
                    self.check_goes_on(target)

    def test_a_stuck_reader_holds_nobody_once_a_signal_comes(self):
        target = self.running("family", "forever")
        process = self.start([MEMWATCH, "attach", "--batch", "--json", "--follow-fork",
                              "-w", "words", target.pid])
        process.wait_for(lambda: pipe_is_full(process), "fill the pipe")
        process.signal(signal.SIGTERM)
        wait_until(lambda: not any(map(is_traced, tree_of(target.pid))))
        self.check_goes_on(target)
