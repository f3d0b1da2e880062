# SPDX-License-Identifier: MIT
"""Every kind of instruction that writes memory, with the values it leaves."""

from harness import E2ETest

FNV_START, FNV_PRIME, MASK = 0xcbf29ce484222325, 0x100000001b3, (1 << 64) - 1


def fnv(data):
    value = FNV_START
    for byte in data:
        value = (value ^ byte) * FNV_PRIME & MASK
    return f"{value:016x}"


class Instructions(E2ETest):
    def check_all(self, program, names, options=("--backend=page",)):
        watch = list(names)
        events, oracle, _ = self.launch(program, watch=watch, options=options)
        for name in names:
            with self.subTest(program=program, variable=name):
                mine = [event for event in events if event["variable_name"] == name]
                self.check_expected(mine, oracle, name)
        return events, oracle

    def test_read_modify_write_instructions(self):
        for program in ("rmw", "rmw-O2"):
            self.check_all(program, ["word", "pair"])

    def test_read_modify_write_instructions_under_hw(self):
        events, oracle, _ = self.launch("rmw", watch=["word"], options=["--backend=hw"])
        expected = [row[1:] for row in oracle.expected_of("word") if row[1] != row[2]]
        self.assertEqual([(event.old, event.new) for event in events], expected)

    def test_a_compare_and_exchange_that_fails_is_a_silent_store(self):
        events, oracle, _ = self.launch("rmw", watch=["word"],
                                        options=["--backend=page", "--on=write"])
        changed = [row for row in oracle.expected_of("word") if row[1] != row[2]]
        silent = [event for event in events if event.old == event.new]
        self.assertEqual(len(events) - len(silent), len(changed))
        self.assertGreaterEqual(len(silent), oracle.number("silent"))

    def test_vector_instructions(self):
        for program in ("vector", "vector-O2"):
            _, oracle = self.check_all(program, ["lanes"])
            self.assertEqual(oracle["hash"], self.unwatched(program)["hash"])

    def test_bare_string_instructions_give_a_piece_for_each_page(self):
        for program in ("rep", "rep-O2"):
            with self.subTest(program):
                events, oracle, _ = self.launch(program, watch=["block"],
                                                options=["--backend=page"])
                self.assertEqual(oracle["block"], self.unwatched(program)["block"])
                self.assertTrue(all(event.cause == "string" for event in events),
                                {event.cause for event in events})
                for event in events[:1]:
                    self.assertEqual(event["how_big"], 200)

    def test_the_events_of_block_writes_add_up_to_the_memory(self):
        """Played back on a copy, the events of a 4 KB window over two pages give what the tracee
        has in the end; each starts from what the one before left."""
        for program in ("rep", "rep-O2"):
            with self.subTest(program):
                events, oracle, _ = self.launch(program, watch=["block[2048]@4096"],
                                                options=["--backend=page"])
                self.check_chain(events)
                self.assertEqual(events[0].old, bytes(4096))
                self.assertEqual(events[-1].new.hex(), oracle["middle"])

    def test_libc_block_writes_add_up_to_the_memory(self):
        for program in ("rep", "rep-O2"):
            with self.subTest(program):
                events, oracle, _ = self.launch(program, watch=["area[2048]@4096"],
                                                options=["--backend=page"])
                self.check_chain(events)
                self.assertEqual(fnv(events[-1].new), oracle["strip"])
                self.assertEqual(oracle["area"], self.unwatched(program)["area"])

    def test_a_region_over_three_pages_leaves_memory_as_an_unwatched_run_does(self):
        events, oracle, _ = self.launch("rep", watch=["area"], options=["--backend=page"])
        self.assertEqual(oracle["area"], self.unwatched("rep")["area"])
        self.assertEqual(len({event.address // 4096 for event in events}), 3)
        self.check_sequence(events)
