"""Unit tests of the host command's parts: framing, archives, flags, names of things."""
import io
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import command
import cpio
import options
import root_file_system
import rootfs_cache
import run
import run_config
import slip
import paths
from exit_status import from_wait_status
from failure import Failure
from host_terminal import EscapeWatch


class SlipTest(unittest.TestCase):
    def test_round_trip_in_any_pieces(self):
        chooser = random.Random(1)
        for _ in range(200):
            data = bytes(chooser.choices((0xC0, 0xDB, 0xDC, 0xDD, 0, 65), k=chooser.randrange(3000)))
            line = slip.encode(slip.OUTPUT, data)
            decoder, received, position = slip.Decoder(), [], 0
            while position < len(line):
                step = chooser.randrange(1, 700)
                received += decoder.feed(line[position:position + step])
                position += step
            self.assertEqual(b"".join(piece for _, piece in received), data)
            self.assertTrue(all(channel == slip.OUTPUT and len(piece) < slip.FRAME_BYTES_MAX for channel, piece in received))

    def test_damage_costs_one_frame(self):
        line = slip.encode(1, b"first") + slip.encode(1, b"second")
        self.assertEqual(slip.Decoder().feed(b"noise" + line)[-2:], [(1, b"first"), (1, b"second")])
        self.assertEqual(slip.Decoder().feed(b"x" * 5000 + line), [(1, b"first"), (1, b"second")])
        self.assertEqual(slip.Decoder().feed(b"\xc0\1bad\xdb\xc0" + line), [(1, b"first"), (1, b"second")])

    def test_repeated_frames_come_once(self):
        first, second, third = (slip.encode(1, text) for text in (b"first", b"second", b"third"))
        for sent in range(len(second) + 1):  # whatever of it was on the line when the sender broke off
            again = b"\xdb" + slip.encode(slip.CONTROL, b"again 1")
            received = slip.Decoder().feed(first + second[:sent] + again + second + again + second + third)
            self.assertEqual(received, [(1, b"first"), (1, b"second"), (1, b"third")], sent)
        lost = slip.encode(slip.CONTROL, b"again 7")
        self.assertEqual(slip.Decoder().feed(first + lost + second), [(1, b"first"), (1, b"second")])

    def test_sender_repeats_what_was_lost(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender, decoder = slip.Sender(), slip.Decoder()
            for number in range(4):
                sender.add(1, b"%d" % number)
                sender.send(ours)
            self.assertEqual(len(decoder.feed(theirs.recv(4096)[:10])), 2)
            sender.add(1, b"4")
            sender.repeat(1)  # one more than was lost
            sender.add(1, b"5")
            sender.send(ours)
            self.assertEqual(sender.pending(), 0)
            self.assertEqual([data for _, data in decoder.feed(theirs.recv(4096))], [b"2", b"3", b"4", b"5"])
            for number in range(1000):
                sender.add(1, b"x" * 1000)
            sender.repeat(0)
            self.assertLessEqual(sender.pending(), 256 << 10)


class CpioTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.makedirs(f"{self.folder}/sub")
        with open(f"{self.folder}/large", "wb") as file:
            file.write(b"L" * 10_000)
        os.link(f"{self.folder}/large", f"{self.folder}/sub/same")
        os.symlink("/no/where", f"{self.folder}/link")
        os.chmod(f"{self.folder}/sub", 0o1777)
        os.mkfifo(f"{self.folder}/fifo")

    def packed(self):
        file = io.BytesIO()
        writer = cpio.Writer(file)
        root_file_system.pack(root_file_system.scan(self.folder), writer)
        writer.finish()
        return file.getvalue()

    def entries(self, archive):
        """name → (header fields, where its data starts, data), read independently of the writer."""
        found, position = {}, 0
        while archive[position:position + 6] == b"070701":
            fields = [int(archive[position + 6 + 8 * i:position + 14 + 8 * i], 16) for i in range(13)]
            name = archive[position + 110:position + 110 + fields[11]].rstrip(b"\0").decode()
            data = position + 110 + fields[11]
            data += -data % 4
            found[name] = (fields, data, archive[data:data + fields[6]])
            position = data + fields[6]
            position += -position % 4
        return found

    def test_kinds_modes_and_alignment(self):
        archive = self.packed()
        self.assertEqual(len(archive) % cpio.PAGE_BYTES, 0)
        entries = self.entries(archive)
        self.assertIn("TRAILER!!!", entries)
        fields, position, data = entries["root/large"]
        self.assertEqual((position % cpio.PAGE_BYTES, data, fields[4]), (0, b"L" * 10_000, 2))
        self.assertEqual(entries["root/link"][2], b"/no/where")
        self.assertEqual(entries["root/sub"][0][1], stat.S_IFDIR | 0o1777)
        self.assertTrue(stat.S_ISFIFO(entries["root/fifo"][0][1]))
        self.assertIn("root", entries)

    def test_hard_links_share_an_inode_and_one_copy(self):
        entries = self.entries(self.packed())
        self.assertEqual(entries["root/sub/same"][0][0], entries["root/large"][0][0])
        self.assertEqual(entries["root/sub/same"][2], b"")

    @unittest.skipUnless(shutil.which("cpio"), "no cpio(1) to compare with")
    def test_the_real_cpio_reads_it(self):
        listed = subprocess.run(["cpio", "-t", "--quiet"], input=self.packed(), capture_output=True, check=True)
        self.assertIn(b"root/sub/same", listed.stdout.splitlines())

    def test_cached_archive_follows_the_folder(self):
        with tempfile.TemporaryDirectory() as cache:
            paths.ROOTFS_CACHE, before = cache, paths.ROOTFS_CACHE
            try:
                first = rootfs_cache.archive_of(self.folder)
                self.assertEqual(rootfs_cache.archive_of(self.folder), first)
                os.chmod(f"{self.folder}/large", 0o600)
                second = rootfs_cache.archive_of(self.folder)
                self.assertNotEqual(second, first)
                self.assertEqual(os.listdir(cache), [os.path.basename(second)])
            finally:
                paths.ROOTFS_CACHE = before


class OptionsTest(unittest.TestCase):
    def parse(self, *arguments):
        return options.parse("run", run.FLAGS, list(arguments), words=None)

    def assert_refused(self, said, *arguments):
        with self.assertRaises(Failure) as caught:
            self.parse(*arguments)
        self.assertIn(said, str(caught.exception))
        self.assertEqual(caught.exception.status, 125)

    def test_spellings(self):
        for arguments in (["-m", "1G"], ["-m1G"], ["--memory", "1G"], ["--memory=1G"], ["-m", "1024"], ["-m", "1048576k"]):
            self.assertEqual(self.parse(*arguments)["memory"], 1 << 30)

    def test_the_programs_flags_are_its_own(self):
        self.assertEqual(self.parse("-c", "1", "ls", "-c", "--memory").words, ["ls", "-c", "--memory"])
        self.assertEqual(self.parse("--", "-odd").words, ["-odd"])
        self.assertEqual(self.parse("--").words, [])

    def test_wrong_flags_name_the_right_one(self):
        self.assert_refused("did you mean --memory?", "--memroy", "1G")
        self.assert_refused("did you mean --cpus?", "--cpu", "1")
        self.assert_refused("unknown flag -z", "-z")
        self.assert_refused("needs a value", "--memory")
        self.assert_refused("takes no value", "--verbose=1")
        self.assert_refused("did you mean microvm?", "--machine", "micro-vm")
        self.assert_refused("not an amount of memory", "-m", "lots")
        self.assert_refused("from 1 to 255", "-c", "0")
        self.assert_refused("seconds above 0", "--timeout", "-1")

    def test_commands(self):
        with self.assertRaises(Failure) as caught:
            command._dispatch("biuld", [])
        self.assertIn("did you mean build?", str(caught.exception))
        for name in command.SUMMARIES:
            self.assertIn(f"./portico {name}", command._help([name]))
        with self.assertRaises(Failure) as caught:
            command._dispatch("bench", [])
        self.assertEqual(caught.exception.status, 125)


class SmallPartsTest(unittest.TestCase):
    def test_wait_status(self):
        self.assertEqual([from_wait_status(status) for status in (0, 0x700, 9, 139)], [0, 7, 137, 139])

    def test_escape_takes_three_in_a_row(self):
        watch = EscapeWatch()
        self.assertFalse(watch.seen_in(b"\x1d\x1dx\x1d"))
        self.assertFalse(watch.seen_in(b"\x1d"))
        self.assertTrue(watch.seen_in(b"\x1d"))

    def test_run_config_without_program_is_a_login_shell(self):
        streams = run_config.Streams("terminal", "terminal", "stream", 132, 50)
        items = run_config.encode(streams, [], {"K": "V=W"}, None).split(b"\0")
        self.assertEqual(items[-3:], [b"arg=/bin/sh", b"arg=-l", b""])
        for item in (b"columns=132", b"rows=50", b"env=K=V=W"):
            self.assertIn(item, items)


if __name__ == "__main__":
    unittest.main()
