# SPDX-License-Identifier: MIT
"""Children of a watched program live on unharmed; those that share its memory are seen."""

from harness import E2ETest


class Forks(E2ETest):
    def check_mode(self, mode, n=5):
        events, oracle, process = self.launch("forks", mode, str(n), watch=["counter"],
                                              options=["--backend=page"])
        self.assertEqual(oracle.all_of("child"), [], "a child was harmed")
        self.assertEqual(oracle.number("failures"), 0)
        return events, oracle, process

    def test_a_forked_child_writes_its_copy_unharmed_and_unreported(self):
        events, oracle, _ = self.check_mode("fork")
        self.assertEqual([event.new_int() for event in events], [1, 2, 3, 4, 5])
        self.assertEqual(oracle.number("value"), 5)

    def test_a_vforked_child_shares_memory_and_is_reported(self):
        events, _, _ = self.check_mode("vfork")
        self.assertEqual([event.new_int() for event in events], list(range(1, 11)))

    def test_a_spawned_child_runs(self):
        events, _, _ = self.check_mode("spawn")
        self.assertEqual([event.new_int() for event in events], list(range(1, 11)))

    def test_a_child_by_clone_vm_is_reported(self):
        events, _, _ = self.check_mode("clonevm")
        self.assertEqual([event.new_int() for event in events], list(range(1, 11)))
        self.assertGreater(len({event["tid"] for event in events}), 1)

    def test_children_under_hw_are_unharmed(self):
        for mode in ("fork", "vfork", "spawn"):
            with self.subTest(mode):
                _, oracle, _ = self.launch("forks", mode, "3", watch=["counter"],
                                           options=["--backend=hw"])
                self.assertEqual(oracle.number("failures"), 0)

    def test_exec_ends_or_resolves_the_watch_and_the_new_program_runs(self):
        target = self.tracee("forks", "exec", "1")
        process = self.attach(target, ["counter"])
        target.say()
        self.assertEqual(target.finish(), 0, target.stdout)
        self.assertIn("done 1", target.stdout)
        self.assertEqual(process.finish(), 0, process.stderr)
        self.assertEqual(self.events()[0].new_int(), 1)
