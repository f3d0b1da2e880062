# SPDX-License-Identifier: MIT
"""On what the figures were measured: enough to compare them, nothing that names the machine."""

import datetime
import os
import pathlib
import re
import shutil
import subprocess

VERSIONS = {
    "gdb": ["gdb", "--version"],
    "lldb": ["lldb", "--version"],
    "valgrind": ["valgrind", "--version"],
    "perf": ["perf", "--version"],
    "bpftrace": ["bpftrace", "--version"],
    "libc": ["ldd", "--version"],
}
VERSION = re.compile(r"\d+(\.\d+)+")


def version_in(text):
    """The last version number of the first line that has one."""
    for line in text.splitlines():
        matches = list(VERSION.finditer(line))
        if matches:
            return matches[-1].group()
    return None


def version_of(command):
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return version_in(done.stdout)


def cpu_facts(text):
    """(model, whether under a hypervisor) by /proc/cpuinfo."""
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.*)$", text, re.MULTILINE)
    return (model.group(1).strip() if model else "unknown",
            "hypervisor" in (flags.group(1).split() if flags else []))


def describe(memwatch):
    model, virtualised = cpu_facts(pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": model, "cpus": len(os.sched_getaffinity(0)), "virtualised": virtualised,
        "memory_gib": round(memory / (1 << 30)),
        "kernel": VERSION.search(os.uname().release).group(),
        "load_before": os.getloadavg()[0],
        "versions": {"memwatch": version_of([memwatch, "--version"]),
                     **{name: version_of(command) for name, command in VERSIONS.items()}},
    }
