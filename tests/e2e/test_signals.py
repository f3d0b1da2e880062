# SPDX-License-Identifier: MIT
"""Programs with signals of their own are not disturbed."""

from harness import E2ETest, line_of


class Signals(E2ETest):
    def check_mode(self, mode, faults):
        events, oracle, _ = self.launch("signals", mode, "2000", watch=["counter"],
                                        options=["--backend=page"])
        self.assertEqual([event.new_int() for event in events], list(range(1, 2001)))
        self.assertEqual(oracle["intact"], "1", "the program's own dispositions are lost")
        self.assertEqual(oracle.number("faults"), faults)

    def test_a_program_handles_its_own_faults(self):
        self.check_mode("handler", 20)

    def test_a_blocked_sigsegv_stays_blocked(self):
        self.check_mode("blocked", 0)

    def test_an_ignored_sigsegv_stays_ignored(self):
        self.check_mode("ignored", 0)

    def test_stores_of_a_signal_handler_are_reported(self):
        for backend in ("page", "hw"):
            with self.subTest(backend):
                events, oracle, _ = self.launch("signals", "handler", "2000", watch=["ticks"],
                                                options=[f"--backend={backend}"])
                self.assertEqual([event.new_int() for event in events],
                                 list(range(1, oracle.number("ticks") + 1)))
                self.assertEqual({event.line for event in events} - {None},
                                 {line_of("signals.c", "tick")} if events else set())
