# SPDX-License-Identifier: MIT
"""Which back end a watch gets when none is asked for, and when that changes."""

import os
import re
import unittest

from harness import E2ETest

MAX_MAP_COUNT = int(open("/proc/sys/vm/max_map_count", encoding="ascii").read())


def back_ends(events):
    """The back ends in the order of their first events, repeats left out."""
    order = []
    for event in events:
        if not order or order[-1] != event["backend"]:
            order.append(event["backend"])
    return order


class Plan(E2ETest):
    def test_an_ordinary_variable_is_guarded_by_its_page(self):
        events, _, _ = self.launch("loop", "10", watch=["counter"])
        self.assertEqual(back_ends(events), ["page"])

    def watch_address(self, tracee, words, size, options=()):
        target = self.tracee(*tracee, *words)
        address = re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1)
        process = self.attach(target, [f"{address}:{size}"], options)
        return target, process

    def test_a_word_on_a_stack_gets_a_debug_register(self):
        target, process = self.watch_address(["region-O2"], ["100", "1", "stack"], 8)
        self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertIn("hw", process.stderr)

    def test_a_buffer_on_a_stack_is_polled_and_that_is_said(self):
        target, process = self.watch_address(["region-O2"], ["100", "1", "stack"], 4096)
        self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertRegex(process.stderr, r"is polled.*stack")
        self.assertEqual(set(back_ends(self.events())), {"poll"})

    def test_a_target_with_io_uring_is_polled_and_that_is_said(self):
        target = self.tracee("uring", "100")
        process = self.attach(target, ["words"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        if oracle["ring"] == "0":
            self.skipTest("this kernel has no io_uring")
        self.assertRegex(process.stderr, r"is polled.*io_uring")
        self.assertEqual(set(back_ends(self.events())), {"poll"})

    def test_what_is_asked_for_is_what_one_gets(self):
        for backend in ("page", "hw", "poll"):
            with self.subTest(backend):
                events, _, _ = self.launch("loop", "1000", watch=["counter"],
                                           options=[f"--backend={backend}"])
                self.assertEqual(back_ends(events), [backend])


class Hot(E2ETest):
    """The tracee stores 200 times beside what is watched for each store to it."""

    def test_a_small_variable_on_a_hot_page_goes_to_a_debug_register_and_misses_nothing(self):
        events, oracle, process = self.launch("hot", "4000", watch=["page.watched"])
        self.assertEqual([event.new_int() for event in events],
                         list(range(1, oracle.number("stores") + 1)))
        self.assertEqual(back_ends(events), ["page", "hw"])
        self.assertRegex(process.stderr, r"stores a second beside it on its page")

    def test_a_larger_variable_on_a_hot_page_is_polled_and_ends_with_its_value(self):
        events, oracle, _ = self.launch("hot", "4000", watch=["page.table"])
        self.assertEqual(back_ends(events), ["page", "poll"])
        self.check_chain(events)
        last = [int.from_bytes(events[-1].new[i:i + 8], "little") for i in range(0, 128, 8)]
        self.assertEqual(sum(value * (i + 1) for i, value in enumerate(last)),
                         oracle.number("sum"))

    def test_a_page_that_has_cooled_down_is_guarded_again(self):
        for name, between in (("watched", "hw"), ("table", "poll")):
            with self.subTest(name):
                events, oracle, _ = self.launch("hot", "4000", "1500", watch=[f"page.{name}"],
                                                options=["--cool-down=500ms"])
                self.assertEqual(back_ends(events)[:2], ["page", between])
                self.check_chain(events)
                if name == "watched":
                    self.assertEqual(events[-1].new_int(), oracle.number("value"))

    def test_a_watch_of_a_chosen_back_end_stays_with_it(self):
        events, oracle, _ = self.launch("hot", "500", watch=["page.watched"],
                                        options=["--backend=page", "--hot-rate=1"])
        self.assertEqual(len(events), oracle.number("stores"))
        self.assertEqual(back_ends(events), ["page"])


@unittest.skipIf(MAX_MAP_COUNT > 100000, "the limit of mappings is too high to be reached")
class Many(E2ETest):
    def many(self, count, stride, backend):
        target = self.tracee("many", str(count), str(stride))
        address = int(re.search(r"^address (0x[0-9a-f]+)", target.stdout, re.M).group(1), 16)
        script = self.folder / "script"
        script.write_text("".join(f"watch {address + i * stride:#x}:8\n" for i in range(count)))
        process = self.attach(target, options=["-x", str(script), f"--backend={backend}"])
        process.wait_for(lambda: f"watch {count}:" in process.stderr, "arm its watches")
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr[-1000:])
        return self.events(), oracle, process

    def test_thousands_of_regions_each_report_their_own_stores(self):
        for backend in ("page", "poll", "uffd"):
            if backend == "uffd" and os.geteuid():
                continue
            with self.subTest(backend):
                events, oracle, _ = self.many(3000, 8192, backend)
                self.assertEqual(len(events), oracle.number("stores"))
                self.assertEqual(len({event["variable_id"] for event in events}),
                                 oracle.number("stores"))
                for event in events:
                    self.assertEqual(hex(event.address - event.address % 8),
                                     event["region_id"].split(":")[0])

    def test_more_pages_than_the_target_has_mappings_for_are_polled(self):
        events, oracle, process = self.many(MAX_MAP_COUNT // 8 + 50, 8192, "auto")
        self.assertEqual(len(events), oracle.number("stores"))
        self.assertRegex(process.stderr, r"is polled.*max_map_count")
        self.assertEqual({event["backend"] for event in events}, {"page", "poll", "hw"})
