# SPDX-License-Identifier: MIT
"""Children of every kind work as if nobody watched their parent, and a watch goes on in the next
program when that has the same name."""

import os
import shutil
import tempfile
import unittest
import unittest.mock

from harness import MEMWATCH, TRACEES, E2ETest, Oracle


class Children(E2ETest):
    def check_children(self, mode, n, backend="page", count=True):
        events, oracle, process = self.launch("lineage", mode, str(n), watch=["page"],
                                              options=[f"--backend={backend}"])
        self.assertEqual(oracle["failures"], "0", oracle.text)
        if count:
            self.assertEqual(len(events), oracle.number("stores"), process.stderr)
            self.check_sequence(events)
            self.check_chain(events)
        return events

    def test_children_and_grandchildren_of_a_busy_parent_are_unharmed(self):
        self.check_children("tree", 20)

    def test_spawned_programs_of_a_busy_parent_are_unharmed(self):
        self.check_children("spawn", 10)

    def test_children_that_share_the_memory_are_watched_too(self):
        events = self.check_children("share", 20)
        self.assertEqual(len(events), 40)

    def test_children_of_a_target_watched_by_hardware_are_unharmed(self):
        for mode in ("tree", "spawn"):
            with self.subTest(mode):
                events, oracle, _ = self.launch("lineage", mode, "10", watch=["page.words[2]"],
                                                options=["--backend=hw"])
                self.assertEqual(oracle["failures"], "0", oracle.text)
                self.assertTrue(events)

    def test_children_are_unharmed_when_memwatch_comes_and_goes(self):
        target = self.running("lineage", "forever")
        for _ in range(5):
            process = self.attach(target, ["page"], ["--max-events=100"])
            self.assertEqual(process.finish(), 0, process.stderr)
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["failures"], "0", oracle.text)
        self.assertGreater(oracle.number("children"), 0)


class Exec(E2ETest):
    def check_exec(self, mode):
        """Each mode stores before, and ten times to words[20] in the new program."""
        events, oracle, process = self.launch("lineage", mode, watch=["page"])
        self.assertEqual(oracle["failures"], "0", oracle.text)
        self.assertEqual(oracle["after"], "10")
        self.assertEqual(oracle["home"], "1", "the new program has another affinity")
        self.assertRegex(process.stderr, r"watch 1 \(page\) goes on in the new program")
        after = [event["new_text"] for event in events if event["field"] == "words[20]"]
        self.assertEqual(after, [str(i) for i in range(1, 11)])
        self.check_sequence(events)
        return events

    def test_a_watch_goes_on_when_the_program_execs_itself(self):
        self.check_exec("exec")

    def test_threads_that_vanish_in_an_exec_leave_nothing_behind(self):
        for _ in range(10):
            self.check_exec("busyexec")

    def test_a_thread_other_than_the_leader_may_exec(self):
        for _ in range(10):
            self.check_exec("threadexec")

    def test_hardware_watches_go_on_in_the_new_program(self):
        for mode in ("exec", "busyexec", "threadexec"):
            with self.subTest(mode):
                events, oracle, process = self.launch("lineage", mode, watch=["page.words[20]"],
                                                      options=["--backend=hw"])
                self.assertEqual(oracle["failures"], "0", oracle.text)
                self.assertEqual([event.new_int() for event in events], list(range(1, 11)),
                                 process.stderr)

    def run_other(self, other, watch=("page",)):
        with unittest.mock.patch.dict(os.environ, OTHER=str(other)):
            return self.launch_command([TRACEES / "lineage", "other"], watch=watch)

    def test_a_watch_ends_when_the_new_program_lacks_its_name(self):
        events, process = self.run_other(TRACEES / "loop", ["page"])
        self.assertRegex(process.stderr, r"watch 1 \(page\) ended with exec: ")
        self.assertEqual([event["field"] for event in events], ["words[10]"])

    def test_a_script_is_watched_as_its_interpreter(self):
        script = self.folder / "after"
        script.write_text(f"#!{TRACEES / 'lineage'}\n")
        script.chmod(0o755)
        events, process = self.run_other(script)
        self.assertEqual([event["new_text"] for event in events if event["field"] == "words[20]"],
                         [str(i) for i in range(1, 11)], process.stderr)


@unittest.skipUnless(os.geteuid() == 0, "only root can make a set-user-ID program")
class Privileges(E2ETest):
    NOBODY = 65534

    def run_as_nobody(self, mode, mode_bits=0o4755, backend="page"):
        """Runs memwatch and the tracee as somebody who can't give what `id` has."""
        folder = tempfile.mkdtemp(prefix="memwatch-setuid-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        for source, name in ((MEMWATCH, "memwatch"), (TRACEES / "lineage", "lineage"),
                             (TRACEES / "lineage", "id")):
            shutil.copy(source, f"{folder}/{name}")
        os.chmod(f"{folder}/id", mode_bits)
        process = self.start([f"{folder}/memwatch", "launch", "--batch", "--exit-code",
                              f"--backend={backend}", "-w", "page.words[10]", "--",
                              f"{folder}/lineage", mode], user=self.NOBODY, group=self.NOBODY,
                             env=dict(os.environ, OTHER=f"{folder}/id"))
        process.finish()
        self.check_talk(process)
        return process

    def test_set_user_id_children_get_their_privileges(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                process = self.run_as_nobody("setuid", backend=backend)
                oracle = Oracle(process.stdout)
                self.assertEqual((oracle["spawned"], oracle["forked"]), ("42", "42"))

    def test_a_target_without_its_privileges_is_told_of(self):
        process = self.run_as_nobody("other")
        self.assertIn("without the privileges of its owner", process.stderr)

    def test_a_new_program_that_cannot_be_read_is_let_go(self):
        process = self.run_as_nobody("other", mode_bits=0o4711)
        self.assertRegex(process.stderr, r"(?s)cannot open /proc/.*detached")
