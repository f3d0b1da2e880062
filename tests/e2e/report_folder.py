# SPDX-License-Identifier: MIT
"""What the tests of `compare` and `view` share: a folder with reports, and running on them."""

import json
import os
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("MW_BUILD", "build")
MEMWATCH = os.path.abspath(os.environ.get("MEMWATCH", os.path.join(BUILD, "memwatch")))


class ReportFolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="memwatch-reports-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def save(self, name, content):
        """Returns the name: memwatch runs in the folder."""
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(content if isinstance(content, str) else json.dumps(content))
        return name

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as content:
            return content.read()

    def run_there(self, subcommand, *arguments, code=0):
        """Returns standard output and error; the exit code must be as said."""
        done = subprocess.run([MEMWATCH, subcommand, *arguments], capture_output=True,
                              timeout=60, cwd=self.folder,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()
