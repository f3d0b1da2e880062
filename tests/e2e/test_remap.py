# SPDX-License-Identifier: MIT
"""The program unmaps, moves, empties and protects the memory that is watched: it notices nothing,
and each change is reported."""

import os

from harness import ARMED, E2ETest, Oracle, wait_until

VALUE = "*(long *)0x200000001000"


class Remap(E2ETest):
    def run_remap(self, mode, watch=VALUE, options=()):
        """Runs one mode of the tracee under a watch. Returns (events, oracle, memwatch)."""
        target = self.tracee("remap", mode)
        target.say()
        target.read_until("mapped")
        process = self.attach(target, [watch], ["--backend=page", *options])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.check_talk(process)
        self.assertEqual(oracle["failures"], "0", target.stdout)
        return self.events(), oracle, process

    @staticmethod
    def told(events):
        return [(cause_of(event), event["old_text"], event["new_text"]) for event in events]

    def check(self, mode, **options):
        events, oracle, process = self.run_remap(mode, **options)
        expected = [tuple(line.split("\t")[1:]) for line in oracle.text.splitlines()
                    if line.startswith("see\t")]
        self.assertTrue(expected)
        self.assertEqual(self.told(events), expected, process.stderr)
        self.check_sequence(events)
        return events, process

    def test_an_unmapped_watch_is_reported_and_stays_ended(self):
        events, process = self.check("munmap", options=["--stack"])
        self.assertIn("do_munmap", [frame["function"] for frame in events[-1]["where"]["stack"]])
        self.assertIsNone(events[-1]["new_value"])
        self.assertRegex(process.stderr, r"watch 1 \(.*\) ended: its memory was unmapped "
                                         r"\(munmap\) by thread \d+")

    def test_stores_reads_mappings_over_and_unmappings_come_in_their_order(self):
        self.check("sequence")

    def test_what_is_mapped_over_readonly_faults_as_alone_until_it_is_writable(self):
        self.check("readonly")

    def test_a_watch_follows_its_memory(self):
        events, process = self.check("move")
        self.assertEqual([event.address for event in events],
                         [0x200000001000, 0x210000001000, 0x200000001000, 0x200000001000])
        self.assertIn("moved from 0x200000001000 to 0x210000001000", process.stderr)

    def test_a_watch_follows_memory_whose_place_stays_mapped(self):
        self.check("dontunmap")

    def test_growing_and_shrinking_in_place_keeps_the_watch_until_it_is_cut_off(self):
        self.check("grow")

    def test_what_moves_over_a_watch_is_its_new_value(self):
        self.check("moveover")

    def test_calls_that_fail_alone_fail_the_same_way(self):
        self.check("failing")

    def test_protections_of_the_program_hold_and_the_watch_comes_back_with_them(self):
        self.check("protect")

    def test_advice_that_empties_is_reported_and_other_advice_harmless(self):
        self.check("madvise")

    def test_advice_that_may_empty_later_or_wants_writable_pages_works_as_alone(self):
        self.check("free")

    def test_advice_by_pidfd_is_followed(self):
        self.check("pidfd")

    def test_pages_of_a_file_that_change_places_are_followed(self):
        self.check("pages")

    def test_shared_memory_can_be_emptied_moved_and_cut_off(self):
        self.check("shared")

    def test_a_truncated_file_ends_its_watch(self):
        self.check("truncate")

    def test_a_file_truncated_by_its_path_ends_its_watch(self):
        self.check("truncate-path")

    def test_a_file_emptied_by_an_open_ends_its_watch(self):
        for mode in ("creat", "open", "openat", "openat2", "open-descriptor"):
            with self.subTest(mode):
                self.check(mode)

    def test_a_path_is_what_the_program_sees(self):
        self.check("truncate-root")

    def test_parts_of_a_file_that_are_emptied_or_change_places_are_reported(self):
        self.check("ranges")

    def test_a_file_truncated_by_another_process_ends_its_watch_at_the_next_look(self):
        for backend in ("page", "hw", "poll"):
            with self.subTest(backend):
                target = self.tracee("remap", "elsewhere")
                target.say()
                target.read_until("mapped")
                process = self.attach(target, [VALUE], [f"--backend={backend}"])
                target.say()
                target.read_until("file")
                wait_until(lambda: len(self.events()) == 1)
                os.truncate(Oracle(target.stdout)["file"], 4096)
                # Without a store only those that look by themselves can notice.
                if backend != "page":
                    process.wait_for(lambda: "ended: its memory was unmapped" in process.stderr,
                                     "notice")
                oracle = self.end_tracee(target)
                self.assertEqual(process.finish(), 0, process.stderr)
                self.assertEqual(oracle["failures"], "0", target.stdout)
                self.assertEqual(len(self.events()), 1)
                if backend == "page":
                    self.assertIn("ended: its memory is gone, or not what it was", process.stderr)

    def test_a_segment_attached_over_a_watch_is_its_new_value(self):
        self.check("shmat")

    def test_detached_segments_end_their_watch(self):
        self.check("shmdt")

    def test_a_shrinking_break_unmaps(self):
        self.check("brk", watch="*heap")

    def test_a_large_block_is_followed_through_realloc_until_it_is_freed(self):
        _, process = self.check("realloc", watch="*block")
        self.assertRegex(process.stderr, r"watch 1 \(\*block\) moved from 0x\w+ to 0x\w+")

    def test_a_sealed_watch_lets_go(self):
        events, _, process = self.run_remap("seal")
        self.assertEqual(self.told(events)[0], ("store", "0", "5"))

    def test_threads_lose_no_store_while_the_page_is_remapped(self):
        events, oracle, _ = self.run_remap("threads", watch="0x200000001040:24")
        self.assertEqual(len(events), oracle.number("stores"))
        self.check_chain(events)

    def test_parts_of_a_watch_end_or_change_by_themselves(self):
        events, oracle, _ = self.run_remap("parts", watch="0x200000001000:16384")
        parts = [(event.cause, f"{event.address:x}", str(event["how_big"])) for event in events
                 if event.cause in ("unmap", "syscall")]
        self.assertEqual(parts, [tuple(line.split()[1:]) for line in oracle.text.splitlines()
                                 if line.startswith("part ")])
        stores = [line for line in oracle.text.splitlines() if line.startswith("see\tstore")]
        self.assertEqual(len([event for event in events if event.cause == "store"]), len(stores))

    def test_watches_follow_threads_that_move_their_pages_at_the_same_time(self):
        target = self.tracee("remap", "movers")
        target.say()
        target.read_until("mapped")
        watches = [f"*(long *)0x20000000{page}000" for page in (1, 3, 5, 7)]
        process = self.attach(target, watches, ["--backend=page"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-2000:])
        self.assertEqual(oracle["failures"], "0", target.stdout)
        for name in watches:
            values = [event.new_int() for event in self.events()
                      if event["variable_name"] == name]
            self.assertEqual(values, list(range(1, 2 * oracle.number("moves") + 1)))

    def test_hardware_watches_follow_while_pages_are_guarded(self):
        target = self.tracee("remap", "move")
        target.say()
        target.read_until("mapped")
        process = self.attach(target, ["*(long *)0x200000001800"],
                              ["-e", f"watch -b hw {VALUE}", "--backend=page"], armed=False)
        process.wait_for(lambda: len(ARMED.findall(process.stderr)) == 2, "arm both watches")
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(oracle["failures"], "0", target.stdout)
        events = [event for event in self.events() if event["variable_name"] == VALUE]
        self.assertEqual(self.told(events), [("store", "0", "5"), ("store", "5", "6"),
                                             ("store", "6", "7"),
                                             ("unmap munmap", "7", "<unmapped>")])

    def test_hardware_watches_alone_leave_the_program_in_peace(self):
        for mode in ("munmap", "move", "shared", "protect", "threads"):
            with self.subTest(mode):
                target = self.tracee("remap", mode)
                target.say()
                target.read_until("mapped")
                process = self.attach(target, [VALUE], ["--backend=hw"])
                self.assertEqual(self.end_tracee(target)["failures"], "0", target.stdout)
                self.assertEqual(process.finish(), 0, process.stderr)

    def attach_hardware(self, mode):
        """Returns (target, memwatch) when the target has done its part, and lives on."""
        target = self.tracee("remap", mode, "hold")
        target.say()
        target.read_until("mapped")
        process = self.attach(target, [VALUE], ["--backend=hw"])
        target.say()
        target.read_until("done")
        return target, process

    def test_a_hardware_watch_notices_that_its_memory_is_gone(self):
        target, process = self.attach_hardware("gone")
        process.wait_for(lambda: "ended: its memory was unmapped" in process.stderr, "notice")
        self.assertEqual(self.end_tracee(target)["failures"], "0", target.stdout)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(self.told(self.events()), [("store", "0", "5")])

    def test_a_hardware_watch_notices_what_nobody_stored(self):
        target, process = self.attach_hardware("empty")
        wait_until(lambda: len(self.events()) == 2)
        self.assertEqual(self.end_tracee(target)["failures"], "0", target.stdout)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(self.told(self.events()), [("store", "0", "5"), ("external", "5", "0")])

    def test_the_guarded_pages_of_a_gone_watch_are_let_go_without_syscall_stops(self):
        for mode in ("munmap", "truncate"):
            with self.subTest(mode):
                events, _, _ = self.run_remap(mode, options=["--syscalls=off"])
                self.assertEqual(self.told(events)[0], ("store", "0", "5"))


def cause_of(event):
    if event.cause in ("syscall", "unmap"):
        name = event["cause"]["syscall"]["name"]
        return f"{event.cause} {name}"
    return event.cause
