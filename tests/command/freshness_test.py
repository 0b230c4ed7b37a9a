"""Whether the command sees that sources have changed since the build."""
import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import freshness
import paths


class FreshnessTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.source = os.path.join(folder, "kernel", "main.cpp")
        names = {"REPOSITORY": folder, "STAMP": f"{folder}/stamp", "KERNEL": f"{folder}/kernel.elf", "BOOT_ARCHIVE": f"{folder}/boot.cpio"}
        for patch in (mock.patch.multiple(paths, **names), mock.patch.dict(os.environ)):
            patch.start()
            self.addCleanup(patch.stop)
        os.environ.pop("PORTICO_NO_BUILD", None)
        os.mkdir(os.path.dirname(self.source))
        for path in (self.source, paths.KERNEL, paths.BOOT_ARCHIVE):
            with open(path, "w", encoding="ascii"):
                pass
        os.utime(self.source, (1000, 1000))
        with open(paths.STAMP, "w", encoding="ascii") as stamp:
            stamp.write(freshness.fingerprint())

    def test_unchanged_sources_are_fresh(self):
        self.assertTrue(freshness.is_built())

    def test_changed_new_and_removed_sources_are_not(self):
        future = 2_000_000_000
        os.utime(self.source, (future, future))
        self.assertFalse(freshness.is_built())
        os.utime(self.source, (1000, 1000))
        self.assertTrue(freshness.is_built())
        with open(f"{self.source}.h", "w", encoding="ascii"):
            pass
        self.assertFalse(freshness.is_built())

    def test_missing_products_are_not(self):
        os.unlink(paths.BOOT_ARCHIVE)
        self.assertFalse(freshness.is_built())


if __name__ == "__main__":
    unittest.main()
