"""What --disk and --swap become: files, QEMU's arguments, words for the guest."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import disks
from failure import Failure


class DisksTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def image(self, name):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.truncate(4096)
        return path

    def test_an_image_and_how_it_is_used(self):
        path = self.image("a.img")
        self.assertEqual((disks.parse(path).file, disks.parse(path).read_only, disks.parse(path).format), (path, False, "raw"))
        self.assertEqual((disks.parse(f"{path}:ro").file, disks.parse(f"{path}:ro").read_only), (path, True))
        self.assertEqual(disks.parse(self.image("b.qcow2")).format, "qcow2")
        with_colon = self.image("c:d")
        self.assertEqual(disks.parse(f"{with_colon}:ro").file, with_colon)

    def test_what_is_no_image_is_refused(self):
        for text in (os.path.join(self.folder.name, "missing"), self.folder.name, "", ":ro", "blkdebug:conf:/missing"):
            with self.assertRaises(ValueError, msg=text):
                disks.parse(text)

    def test_errors_are_injected_by_qemu(self):
        path = self.image("a.img")
        self.assertEqual(disks.parse(f"blkdebug:rules:{path}").file, f"blkdebug:rules:{path}")

    def test_microvm_is_told_where_its_disks_are(self):
        found = [disks.Disk("a"), disks.Disk("b", read_only=True), disks.Disk("c"), disks.Disk("d,e")]
        self.assertEqual(disks.kernel_words("microvm", found),
                         [f"virtio_mmio.device=512@{address}" for address in
                          ("0xfeb00200:25", "0xfeb01200:33", "0xfeb02200:41", "0xfeb00400:26")])
        words = " ".join(disks.arguments("microvm", 2, found, 5))
        for wanted in ("bus=virtio-mmio-bus.1,drive=disk0", "bus=virtio-mmio-bus.9,drive=disk1", "bus=virtio-mmio-bus.2,drive=disk3",
                       "force-legacy=false", "file=d,,e"):
            self.assertIn(wanted, words)
        self.assertEqual(words.count("readonly=on"), 1)

    def test_pci_finds_them_itself(self):
        self.assertEqual(disks.kernel_words("q35", [disks.Disk("a")]), [])
        self.assertIn("virtio-blk-pci,disable-legacy=on,drive=disk0,num-queues=4", disks.arguments("q35", 8, [disks.Disk("a")], 5))

    def test_without_disks_nothing_changes(self):
        self.assertEqual((disks.kernel_words("microvm", []), disks.arguments("microvm", 2, [], 5)), ([], []))

    def test_swap_is_the_last_disk_and_has_no_name(self):
        given = disks.parse(self.image("a.img"))
        found, entries = disks.of_flags([given], 1 << 20)
        self.addCleanup(disks.close, found)
        self.assertEqual(entries, ["swap=vdb"])
        self.assertEqual(os.fstat(found[1].descriptor).st_size, 1 << 20)
        self.assertEqual(os.fstat(found[1].descriptor).st_nlink, 0)
        self.assertIn("file=/proc/self/fd/7,", " ".join(disks.arguments("q35", 2, found, 7)))
        self.assertEqual(given.descriptor, None)

    def test_swap_is_a_size_or_an_image(self):
        self.assertEqual(disks.parse_swap("512M"), 512 << 20)
        image = disks.parse_swap(self.image("a.img"))
        found, entries = disks.of_flags([], image)
        self.assertEqual((found, entries), ([image], ["swap=vda"]))
        for text in ("512X", "missing.img", "/missing.img", self.folder.name, f"{image.file}:ro"):
            with self.assertRaises(ValueError, msg=text):
                disks.parse_swap(text)

    def test_too_many_are_refused(self):
        given = [disks.Disk(f"{i}") for i in range(disks.COUNT_MAX)]
        self.assertEqual(disks.of_flags(given, None), (given, []))
        with self.assertRaises(Failure):
            disks.of_flags(given, 1 << 20)


if __name__ == "__main__":
    unittest.main()
