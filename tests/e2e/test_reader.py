# SPDX-License-Identifier: MIT
"""Whoever reads memwatch's output may stop reading: neither memwatch nor the target hangs."""

import signal

from harness import MEMWATCH, E2ETest, pipe_is_full, status_of, wait_until


class StuckReader(E2ETest):
    def check_it_lets_go(self, *command):
        target = self.running("loop")
        process = self.start([*command, MEMWATCH, "attach", "-w", "counter", target.pid])
        process.wait_for(lambda: pipe_is_full(process), "fill the pipe")
        process.signal(signal.SIGTERM)
        wait_until(lambda: status_of(target.pid)["TracerPid"] == "0")
        self.assertEqual(self.end_tracee(target)["errors"], "0")

    def test_a_signal_lets_the_target_go_all_the_same(self):
        self.check_it_lets_go()

    def test_it_does_so_with_json(self):
        self.check_it_lets_go("sh", "-c", 'exec "$0" "$@" --json')

    def test_it_does_so_when_messages_have_the_same_reader(self):
        self.check_it_lets_go("sh", "-c", 'exec "$0" "$@" 2>&1')
