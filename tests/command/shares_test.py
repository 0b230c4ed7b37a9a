"""What --volume becomes: folders, QEMU's arguments, words for the guest."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import disks
import shares
from failure import Failure


class SharesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_a_folder_and_its_place(self):
        share = shares.parse(f"{self.folder}:/data")
        self.assertEqual((share.folder, share.target, share.read_only), (self.folder, "/data", False))
        self.assertTrue(shares.parse(f"{self.folder}:/data:ro").read_only)
        self.assertFalse(shares.parse(f"{self.folder}:/data:rw").read_only)
        self.assertEqual(shares.parse(f"{self.folder}://a/./b/../c/").target, "/a/c")
        with_colon = os.path.join(self.folder, "a:b")
        os.mkdir(with_colon)
        self.assertEqual(shares.parse(f"{with_colon}:/data").folder, with_colon)
        self.assertTrue(os.path.isabs(shares.parse(".:/data").folder))

    def test_what_cannot_be_shared_is_told(self):
        file = os.path.join(self.folder, "file")
        open(file, "wb").close()
        for text, why in {f"{self.folder}": "HOSTDIR:GUESTDIR", f"{self.folder}:data": "absolute", f"{self.folder}/none:/data": "not there",
                          f"{file}:/data": "no folder", f"{self.folder}:/": "--rootfs", f"{self.folder}:": "HOSTDIR", ":/data": "HOSTDIR",
                          f"{self.folder}:ro": "HOSTDIR", f"{self.folder}:/data/..": "--rootfs"}.items():
            with self.assertRaises(ValueError, msg=text) as raised:
                shares.parse(text)
            self.assertIn(why, str(raised.exception), text)

    def test_words_for_the_guest(self):
        given = [shares.Share("/x", "/a b"), shares.Share("/y", "/c", read_only=True)]
        self.assertEqual(shares.entries(given), ["share=share0:rw:/a b", "share=share1:ro:/c"])
        with self.assertRaises(Failure):
            shares.entries([shares.Share("/x", "/a"), shares.Share("/y", "/a")])
        with self.assertRaises(Failure):
            shares.entries([shares.Share("/x", f"/{i}") for i in range(5)])

    def test_they_stand_behind_the_disks(self):
        given = [shares.Share("/x,y", "/a"), shares.Share("/z", "/c", read_only=True)]
        words = " ".join(shares.arguments("microvm", given, 1))
        for wanted in ("local,id=share0,path=/x,,y,security_model=none,multidevs=remap -device virtio-9p-device,bus=virtio-mmio-bus.9,fsdev=share0,"
                       "mount_tag=share0", "readonly=on -device virtio-9p-device,bus=virtio-mmio-bus.17,fsdev=share1,mount_tag=share1"):
            self.assertIn(wanted, words)
        self.assertEqual(len(disks.kernel_words("microvm", [disks.Disk("a"), *given])), 3)
        self.assertIn("virtio-9p-pci,disable-legacy=on,fsdev=share0", " ".join(shares.arguments("q35", given, 0)))
        self.assertEqual(shares.arguments("microvm", [], 3), [])


if __name__ == "__main__":
    unittest.main()
