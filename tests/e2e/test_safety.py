# SPDX-License-Identifier: MIT
"""memwatch is killed with SIGKILL at random moments: the target goes on, correctly, and in the end
it is as it was found. MW_SAFETY_KILLS says how often, for each way of watching (10)."""

import os
import pathlib
import random
import signal
import time
import unittest

from harness import TRACEES, E2ETest, lasting_state, status_of, wait_until

KILLS = int(os.environ.get("MW_SAFETY_KILLS", "10"))
# Where the moment of the kill lies, in seconds after the watch is armed.
EARLIEST, LATEST = 0.0, 0.12
SEGV, TRAP = 1 << signal.SIGSEGV - 1, 1 << signal.SIGTRAP - 1


def code_of_ours(pid):
    """Whether there is executable memory without a name, which only memwatch would make."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return any(" r-xp " in line and line.split()[4] == "0" and len(line.split()) == 5
               for line in maps)


def state(pid):
    """What the guardian must have restored. Threads come and go, and mask signals meanwhile."""
    found = lasting_state(pid)
    maps = [part[:3] for part in found["maps"] if "survivor" in part[5]]
    return {"maps": maps, "cpus": found["Cpus_allowed"], "tracer": found["TracerPid"],
            "ours": code_of_ours(pid)}


class Kill(E2ETest):
    def kill_once(self, backend, mode, watch):
        target = self.start_survivor(mode)
        # A program that replaces our handler after the kill may have kept its address: the code
        # behind it has to stay.
        own_handlers = mode in ("signals", "one-shot")
        before = state(target.pid)
        handlers = int(status_of(target.pid)["SigCgt"], 16) & (SEGV | TRAP)
        process = self.attach(target, [watch], [f"--backend={backend}"])
        time.sleep(random.uniform(EARLIEST, LATEST))
        process.signal(signal.SIGKILL)
        process.finish()
        wait_until(lambda: target.child.poll() is not None or self.is_restored(target.pid, before, own_handlers))
        if target.child.poll() is None and not own_handlers:
            after = int(status_of(target.pid)["SigCgt"], 16) & (SEGV | TRAP)
            self.assertEqual(after, handlers)
        time.sleep(random.uniform(0, 0.02))
        oracle = self.end_tracee(target)
        self.assertEqual(oracle["correct"], "1")
        return oracle.number("refused")

    @staticmethod
    def is_restored(pid, before, own_handlers):
        now = state(pid)
        return now == before or (own_handlers and {**now, "ours": False} == before)

    def start_survivor(self, mode):
        process = self.start([TRACEES / "survivor", mode])
        process.read_until("running")
        return process

    def kill_often(self, backend, mode, watch="counter"):
        failures, refused = [], []
        for _ in range(KILLS):
            try:
                refused.append(self.kill_once(backend, mode, watch))
            except AssertionError as error:
                failures.append(str(error)[:300])
        print(f"{backend} {mode}: {KILLS - len(failures)} of {KILLS} lived and were correct; "
              f"a call failed in {sum(map(bool, refused))}, {sum(refused)} in all", flush=True)
        self.assertEqual(failures, [])


def add_test(backend, mode, watch):
    def test(self):
        self.kill_often(backend, mode, watch)

    name = mode.replace("-", "_")
    setattr(Kill, f"test_a_target_watched_by_{backend}_survives_with_{name}", test)


for BACKEND in ("page", "hw"):
    for MODE in ("increments", "idle", "threads", "churn", "signals"):
        add_test(BACKEND, MODE, "counter")
# Under hw, where system calls aren't traced, a program that keeps replacing its SIGTRAP handler
# replaces ours: docs/safety.md.
add_test("page", "one-shot", "counter")
for MODE in ("reader", "storm"):
    add_test("page", MODE, "message")
    add_test("hw", MODE, "*(long *)message")

if __name__ == "__main__":
    unittest.main()
