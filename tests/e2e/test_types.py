# SPDX-License-Identifier: MIT
"""Names, types and places: members, inlining, the heap, C++."""

import collections
import subprocess

from harness import TRACEES, E2ETest, line_of, needs_program


class Members(E2ETest):
    def check_members(self, program):
        events, oracle, _ = self.launch(program, watch=["cfg"], options=["--backend=page"])
        got = [("cfg" + field(event), event["old_text"], event["new_text"], event.line)
               for event in events][:len(oracle.members)]
        for want, have in zip(oracle.members, got):
            path, old, new, line = want
            with self.subTest(program=program, member=path):
                self.assertEqual(have[0], path)
                self.assertEqual(have[3], line)
                if path == "cfg.chosen":
                    self.assertIn(new, have[2])
                else:
                    self.assertEqual(have[1:3], (old, new))
        self.assertGreaterEqual(len(events), len(oracle.members) + 2)

    def test_each_member_is_named_and_typed(self):
        self.check_members("structs")

    def test_the_same_built_by_clang(self):
        self.check_members("structs-clang")

    def test_one_member_is_watched_alone(self):
        events, oracle, _ = self.launch("structs", watch=["cfg.limits[3].hard"])
        self.assertEqual([(event["old_text"], event["new_text"]) for event in events],
                         [("0", "-7")])
        self.assertEqual(oracle["sizeof"], "120")

    def test_unions_and_other_structures_by_value(self):
        events, oracle, _ = self.launch("structs", watch=["cfg.value", "spare", "cfg.raw", "wide"])
        for name in ("cfg.value", "spare", "cfg.raw", "wide"):
            mine = [event for event in events if event["variable_name"] == name]
            self.check_expected(mine, oracle, name)

    def test_a_bit_field_reports_only_its_own_bits(self):
        events, _, _ = self.launch("structs", watch=["cfg.mode"])
        self.assertEqual([(event["old_text"], event["new_text"]) for event in events],
                         [("0", "5")])


def field(event):
    text = event.get("field") or ""
    return text if not text or text[0] in ".[" else "." + text


class Places(E2ETest):
    def test_an_inlined_writer_is_named_with_its_callers(self):
        events, _, _ = self.launch("optimized-O2", "40", watch=["tuning.level"])
        self.assertEqual(len(events), 40)
        for event in events:
            self.assertEqual(event.function, "set_level")
            self.assertEqual(event.line, line_of("optimized.c", "set_level"))
        inlined = events[0]["where"].get("inlined") or []
        self.assertIn("tune", str(inlined))

    def test_each_line_of_a_function_is_told_apart(self):
        events, _, _ = self.launch("optimized", "10", watch=["tuning"])
        self.assertEqual(collections.Counter(event.line for event in events),
                         {line_of("optimized.c", "set_level"): 10,
                          line_of("optimized.c", "gain"): 10})

    def test_variables_of_one_name_are_told_apart_by_file(self):
        events, oracle, _ = self.launch("ambiguous", watch=["'ambiguous.c'::state"])
        self.assertEqual([event.new_int() for event in events], [1, 2, 3, 4, 5])
        self.assertEqual({event.line for event in events}, {line_of("ambiguous.c", "mine")})
        events, oracle, _ = self.launch("ambiguous", watch=["'ambiguous_other.c'::state"])
        self.assertEqual([event.new_int() for event in events], [-1, -2, -3, -4, -5])
        self.assertEqual(oracle.number("state"), 5)


@needs_program("addr2line", "binutils")
class Addr2line(E2ETest):
    """Places agree with those of binutils, inlined functions included."""

    def frames_of(self, program, offsets):
        done = subprocess.run(["addr2line", "-ifs", "-e", TRACEES / program, "-a", *offsets],
                              capture_output=True, text=True, check=True)
        frames = {}
        for line in done.stdout.splitlines():
            if line.startswith("0x"):
                frames[int(line, 16)] = current = []
            else:
                current.append(line.split(" (discriminator")[0])
        return frames

    def check_program(self, program, watch):
        events, _, _ = self.launch(program, watch=[watch], options=["--backend=page"])
        frames = self.frames_of(program, {event["where"]["offset"] for event in events})
        self.assertTrue(frames)
        for event in events:
            expected = frames[int(event["where"]["offset"], 16)]
            with self.subTest(program=program, offset=event["where"]["offset"]):
                self.assertEqual([event.function, f"{event.file}:{event.line}"], expected[:2])
                self.assertEqual(len(event["where"]["inlined"]), len(expected) // 2 - 1)

    def test_places_agree_with_addr2line(self):
        for program, watch in (("optimized-O2", "tuning"), ("rmw-O2", "word"),
                               ("vector-O2", "lanes"), ("structs-clang", "cfg")):
            self.check_program(program, watch)


class Heap(E2ETest):
    def test_an_object_on_the_heap_by_way_of_a_pointer(self):
        target = self.tracee("heap")
        process = self.attach(target, ["head->value", "head->next->value"])
        oracle = self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        events = self.events()
        for name, first in (("head->value", 1), ("head->next->value", 101)):
            values = [event.new_int() for event in events if event["variable_name"] == name
                      and event.line == line_of("heap.c", "value")]
            self.assertEqual(values, list(range(first, first + 10)))
        self.assertEqual(oracle.number("next"), 110)

    def test_stores_of_the_allocator_are_told_from_the_programs_own(self):
        target = self.tracee("heap")
        process = self.attach(target, ["*head"])
        self.end_tracee(target)
        self.assertEqual(process.finish(), 0, process.stderr)
        marked = [event["metadata"].get("allocator", False) for event in self.events()]
        self.assertEqual(marked[:10], [False] * 10)
        self.assertTrue(all(marked[10:]) and marked[10:], "free() writes its books there")


class Cpp(E2ETest):
    def test_members_of_classes_and_templates_in_namespaces(self):
        for program in ("shapes", "shapes-O2"):
            with self.subTest(program):
                events, oracle, _ = self.launch(program, watch=["geometry::total.value",
                                                                "geometry::shelf.content"])
                totals = [event for event in events
                          if event["variable_name"] == "geometry::total.value"]
                self.assertEqual(totals[-1].new_int(), oracle.number("total"))
                self.assertEqual(len(totals), 20)
                self.assertIn("counter::add", totals[0].function)
                self.assertEqual(totals[0].line, line_of("shapes.cc", "add"))
                shelf = [event for event in events if event not in totals]
                self.assertEqual([event.new_int() for event in shelf],
                                 [2 * i for i in range(1, 21)])
