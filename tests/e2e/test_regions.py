# SPDX-License-Identifier: MIT
"""What is watched and what is not: neighbours, overlaps, slices, pages, addresses."""

import collections

from harness import E2ETest, TRACEES, line_of, symbol_address


class Neighbours(E2ETest):
    """Unwatched words, bytes and elements beside the watched ones give no event."""

    def check_one(self, expression, backend):
        events, oracle, _ = self.launch("neighbours", "200", watch=[expression],
                                        options=[f"--backend={backend}"])
        self.check_expected(events, oracle, expression)
        self.assertEqual(oracle["hash"], self.unwatched("neighbours", "200")["hash"])

    def test_a_word_between_busy_words(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_one("row.watched", backend)

    def test_a_byte_between_busy_bytes_of_the_same_word(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_one("row.bytes[3]", backend)

    def test_an_element_between_busy_elements(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                self.check_one("row.table[7]", backend)


class Regions(E2ETest):
    def names(self, events):
        return collections.Counter(event["variable_name"] for event in events)

    def test_two_watches_on_one_page_are_told_apart(self):
        events, oracle, _ = self.launch("optimized", "30", watch=["tuning.level", "tuning.gain"])
        self.assertEqual(self.names(events), {"tuning.level": 30, "tuning.gain": 30})
        self.check_sequence(events)
        self.assertEqual(oracle.number("gain"), 30)

    def test_a_store_into_overlapping_regions_is_reported_for_each(self):
        events, _, _ = self.launch("optimized", "30",
                                   watch=["tuning", "tuning.level", "tuning.gain"])
        self.assertEqual(self.names(events),
                         {"tuning": 60, "tuning.level": 30, "tuning.gain": 30})

    def test_the_same_variable_may_be_watched_twice(self):
        events, _, _ = self.launch("loop", "30", watch=["counter", "counter"])
        self.assertEqual(len(events), 60)
        self.assertEqual(len({event["variable_id"] for event in events}), 2)

    def test_a_watch_is_called_as_its_user_likes(self):
        events, _, _ = self.launch("loop", "3", options=["-n", "requests", "-w", "counter"])
        self.assertEqual(self.names(events), {"requests": 3})

    def test_stores_that_straddle_two_pages(self):
        for program in ("crossing", "crossing-O2"):
            with self.subTest(program):
                events, oracle, _ = self.launch(program, watch=["area[4064]@64"],
                                                options=["--backend=page"])
                self.check_expected(events, oracle, "edge")
                self.assertEqual(oracle["hash"], self.unwatched(program)["hash"])

    def test_only_the_part_of_a_store_inside_the_region_is_reported(self):
        events, oracle, _ = self.launch("crossing", watch=["area[4096]@8"],
                                        options=["--backend=page"])
        expected = [(old[32:40], new[32:40]) for _, old, new
                    in oracle.expected_of("edge") if old[32:40] != new[32:40]]
        self.assertEqual([(event.old, event.new) for event in events], expected)
        for event in events:
            self.assertGreaterEqual(event.address % 4096, 0)
            self.assertLess(event.address % 4096, 8)

    def test_a_slice_reports_its_own_elements_only(self):
        events, oracle, _ = self.launch("crossing", watch=["area[4090]@3"],
                                        options=["--backend=page"])
        expected = [(old[26:29], new[26:29]) for _, old, new
                    in oracle.expected_of("edge") if old[26:29] != new[26:29]]
        self.assertEqual([(event.old, event.new) for event in events], expected)

    def test_an_address_and_a_length_are_enough(self):
        address = symbol_address(None, TRACEES / "loop-static", "counter")
        events, _, _ = self.launch("loop-static", "100", watch=[f"{address:#x}:8"])
        self.assertEqual([event.new_int() for event in events], list(range(1, 101)))
        self.assertEqual({event.line for event in events}, {line_of("loop.c", "store")})

    def test_an_address_in_a_running_program(self):
        target = self.tracee("loop", "100")
        address = symbol_address(target.pid, TRACEES / "loop", "counter")
        process = self.attach(target, [f"{address:#x}:8", f"*(long *){address:#x}"])
        self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(len(self.events()), 200)

    def test_half_a_variable_by_address(self):
        address = symbol_address(None, TRACEES / "loop-static", "counter")
        events, _, _ = self.launch("loop-static", "600", watch=[f"{address + 1:#x}:1"])
        self.assertEqual([(event.old, event.new) for event in events],
                         [(b"\0", b"\1"), (b"\1", b"\2")])


class Silent(E2ETest):
    def test_same_value_stores_are_counted_but_not_reported(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                events, oracle, process = self.launch("silent", "1000", watch=["flag"],
                                                      options=[f"--backend={backend}"])
                self.assertEqual([event.new_int() for event in events], list(range(1, 251)))
                self.assertEqual(oracle.number("silent"), 750)
                self.assertRegex(process.stdout, r"\b750\b")

    def test_on_write_reports_same_value_stores_too(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                events, oracle, _ = self.launch("silent", "1000", watch=["flag"],
                                                options=["--on=write", f"--backend={backend}"])
                self.assertEqual(len(events), oracle.number("stores"))
                self.assertEqual([event.new_int() for event in events],
                                 [i // 4 + 1 for i in range(1000)])
                self.check_chain(events)
