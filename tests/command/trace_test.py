"""portico trace: from bytes in the guest's memory to a file that a viewer shows whole."""
import gzip
import json
import os
import struct
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

import fake_build
import trace_rings
from checks.trace_check import TraceFile, problems
from failure import Failure
from trace_names import Names
from trace_story import Story

_EVENTS = ("none", "enter", "leave", "send", "call", "reply", "notify", "take", "wake", "switch", "fault", "upcall", "interrupt", "timer",
           "kick", "thread-end", "process-end", "thread", "thread-name", "process-name")
_MESSAGES = ("send", "call", "reply", "notification", "cancelled", "fault", "foreign call")
NAMES = Names("\n".join([*(f"event {number} {name}" for number, name in enumerate(_EVENTS)),
                         *(f"message {number} {name}" for number, name in enumerate(_MESSAGES)),
                         "call 7 port_call", "call 9 port_receive", "call 2 port_send", "method 5 file.read", "linux 257 openat", "fault 2 page fault"]))
HEADER_AT, BASE, ENTRIES = 4096, 65536, 8
CLIENT, SERVER = 11, 22


def event(ns, cpu, thread, kind, detail=0, value=0, other=0, message="call"):
    if kind == "call":
        other |= _MESSAGES.index(message) << 56
    return trace_rings.Event(ns, cpu, thread, _EVENTS.index(kind), detail, value, other)


def name(ns, thread, kind, text):
    low, high = struct.unpack("<QQ", text.encode().ljust(16, b"\0"))
    return event(ns, None, thread, kind, 0, low, high)


class RingsTest(unittest.TestCase):
    """A memory file as the kernel leaves it: a header, rings behind each other."""

    def setUp(self):
        self.memory = os.memfd_create("test")
        self.addCleanup(os.close, self.memory)
        patch = mock.patch.object(trace_rings, "physical_address", lambda image, section: HEADER_AT)
        patch.start()
        self.addCleanup(patch.stop)

    def fill(self, *rings, magic=b"OPTRACE1", entry_bytes=32):
        """Each ring is a list of ticks, the oldest first; the clock ticks twice a nanosecond and began at 100."""
        os.pwrite(self.memory, struct.pack("<8sQQIIQQ", magic, BASE, ENTRIES, len(rings) - 1, entry_bytes, 2_000_000_000, 100), HEADER_AT)
        for index, ticks in enumerate(rings):
            os.pwrite(self.memory, struct.pack("<Q", len(ticks)), HEADER_AT + 64 + 64 * index)
            os.pwrite(self.memory, bytes(32 * ENTRIES), BASE + 32 * ENTRIES * index)
            for number, tick in enumerate(ticks):
                place = BASE + 32 * (ENTRIES * index + number % ENTRIES)
                os.pwrite(self.memory, struct.pack("<QIHHQQ", tick, number, 1, 0, 0, 0), place)

    def read(self):
        return trace_rings.read(self.memory, "kernel")

    def test_events_of_all_cpus_in_the_order_of_their_times(self):
        self.fill([100, 140, 180], [120, 160], [110])
        rings = self.read()
        self.assertEqual([(event.ns, event.cpu) for event in rings.events], [(0, 0), (5, None), (10, 1), (20, 0), (30, 1), (40, 0)])
        self.assertEqual((rings.lost, rings.cpus), (0, 2))

    def test_a_ring_that_came_round(self):
        self.fill(list(range(200, 400, 10)), [100, 320, 350], [90])
        rings = self.read()
        kept = [event for event in rings.events if event.cpu == 0]
        self.assertEqual([event.thread for event in kept], list(range(13, 20)), "of 20 the last 8, without the one that may be half new")
        self.assertEqual([event.ns for event in rings.events if event.cpu == 1], [125], "what is older shows one CPU only")
        self.assertEqual(rings.lost, 13 + 2)
        self.assertEqual([event.ns for event in rings.events if event.cpu is None], [0], "names stay")

    def test_memory_without_rings_is_refused(self):
        for bad in ({"magic": b"\0" * 8}, {"entry_bytes": 40}):
            self.fill([100], [100], **bad)
            self.assertRaises(Failure, self.read)

    def test_sections_are_found_where_the_loader_puts_them(self):
        mock.patch.stopall()
        with open("/bin/busybox", "rb") as file:
            entry, = struct.unpack_from("<Q", file.read(64), 0x18)
        text = trace_rings.physical_address("/bin/busybox", ".text")
        self.assertTrue(0 < text <= entry)
        for image in ("/bin/busybox", "/dev/null", __file__):
            self.assertRaises(Failure, trace_rings.physical_address, image, ".trace")


class StoryTest(unittest.TestCase):
    NAMED = [event(1, None, CLIENT, "thread", value=1), event(1, None, SERVER, "thread", value=2), name(1, 1, "process-name", "client"),
             name(1, 2, "process-name", "server"), name(2, SERVER, "thread-name", "worker")]

    def tell(self, *events, cpus=2, lost=0):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "trace.json")
            told = Story(trace_rings.Rings(sorted([*self.NAMED, *events], key=lambda one: one.ns), lost, cpus), NAMES)
            told.trace.write(path, {"lost": lost})
            trace = TraceFile(path)
        self.assertEqual(problems(trace), [])
        return trace

    def slices(self, trace, thread):
        return [(piece["name"], piece["ts"], piece["dur"]) for piece in trace.slices if piece["tid"] == thread]

    def arrows(self, trace):
        return [(start["name"], start["tid"], start["ts"], end["tid"], end["ts"]) for start, end in trace.arrows()]

    def test_a_call_and_its_reply(self):
        trace = self.tell(
            event(100, 0, SERVER, "switch", value=2), event(110, 0, SERVER, "enter", 9), event(120, 0, CLIENT, "switch", value=1),
            event(200, 0, CLIENT, "enter", 7), event(210, 0, CLIENT, "call", 5, 0xABC, 3), event(220, 0, SERVER, "take", 1, 0xABC, 3),
            event(230, 0, SERVER, "wake"), event(240, 0, SERVER, "switch", value=2), event(300, 0, SERVER, "enter", 9),
            event(310, 0, SERVER, "reply", 0, 0xABC, CLIENT), event(320, 0, CLIENT, "wake"), event(330, 0, CLIENT, "switch", value=1),
            event(400, 0, CLIENT, "enter", 2))
        self.assertEqual(self.arrows(trace), [("file.read", CLIENT, 210, SERVER, 220), ("file.read reply", SERVER, 310, CLIENT, 311)])
        self.assertEqual(self.slices(trace, CLIENT), [
            ("running", 120, 80), ("port_call", 200, 130), ("call file.read", 210, 30), ("blocked", 240, 71),
            ("reply to file.read comes", 311, 19), ("ready", 320, 10), ("running", 330, 70), ("port_send", 400, 2)])
        self.assertEqual(self.slices(trace, SERVER)[:6], [
            ("running", 100, 10), ("port_receive", 110, 130), ("blocked", 120, 100), ("take file.read", 220, 20), ("ready", 230, 10),
            ("running", 240, 60)])
        self.assertEqual(trace.threads[2, SERVER], "worker")
        self.assertEqual(trace.processes[1], "client")

    def test_cpu_tracks_have_gaps_when_idle(self):
        trace = self.tell(event(100, 1, CLIENT, "switch", value=1), event(150, 1, 0, "switch"), event(190, 1, SERVER, "switch", value=2),
                          event(200, 1, SERVER, "enter", 2))
        track = next(tid for (_, tid), name in trace.threads.items() if name == "CPU 1")
        self.assertEqual(self.slices(trace, track), [("client", 100, 50), ("server/worker", 190, 12)])
        self.assertIn(("ready", 150, 52), self.slices(trace, CLIENT))

    def test_queued_messages_are_told_apart_and_places_used_again(self):
        def one(at, place):
            return (event(at, 0, CLIENT, "send", 5, place, 3), event(at + 5, 1, SERVER, "take", 0, place, 3))

        trace = self.tell(event(90, 0, CLIENT, "switch", value=1), event(91, 1, SERVER, "switch", value=2), event(92, 0, CLIENT, "enter", 2),
                          event(93, 1, SERVER, "enter", 9), *one(100, 0x10), *one(101, 0x20), *one(200, 0x10))
        self.assertEqual([(start, end) for _, _, start, _, end in self.arrows(trace)], [(100, 105), (101, 106), (200, 205)])

    def test_a_forwarded_call_goes_on_under_its_id(self):
        trace = self.tell(event(10, 0, CLIENT, "enter", 7), event(20, 0, CLIENT, "call", 5, 1, 3), event(30, 1, SERVER, "enter", 9),
                          event(31, 1, SERVER, "take", 1, 1, 3), event(40, 1, SERVER, "call", 5, 1, 4), event(50, 0, 33, "take", 1, 1, 4),
                          event(60, 0, 33, "reply", 0, 1, CLIENT))
        self.assertEqual([(start, end) for _, start, _, end, _ in self.arrows(trace)], [(CLIENT, SERVER), (SERVER, 33), (33, CLIENT)])
        self.assertIn("forward file.read", [piece["name"] for piece in trace.slices])

    def test_calls_that_the_kernel_makes_in_a_threads_name(self):
        def reported(at, kind, number):
            return (event(at, 0, CLIENT, "call", number, at, 3, kind), event(at + 10, 0, SERVER, "switch", value=2),
                    event(at + 20, 0, SERVER, "take", _MESSAGES.index(kind), at, 3), event(at + 30, 0, SERVER, "reply", 0, at, CLIENT),
                    event(at + 40, 0, CLIENT, "wake"), event(at + 50, 0, CLIENT, "switch", value=1))

        trace = self.tell(event(10, 0, SERVER, "enter", 9), event(20, 0, CLIENT, "switch", value=1), *reported(100, "foreign call", 257),
                          *reported(200, "fault", 0))
        self.assertEqual([arrow[0] for arrow in self.arrows(trace)], ["Linux openat", "Linux openat reply", "fault", "fault reply"])
        outer = [piece[0] for piece in self.slices(trace, CLIENT) if piece[0] in ("running", "Linux openat", "fault")]
        self.assertEqual(outer, ["running", "Linux openat", "running", "fault", "running"])

    def test_an_asynchronous_reply_arrives_as_a_message(self):
        trace = self.tell(event(10, 0, CLIENT, "enter", 7), event(20, 0, CLIENT, "call", 5, 8, 3), event(25, 0, CLIENT, "leave"),
                          event(30, 1, SERVER, "enter", 9), event(31, 1, SERVER, "take", 1, 8, 3), event(40, 1, SERVER, "reply", 0, 8, 0),
                          event(50, 0, CLIENT, "enter", 9), event(55, 0, CLIENT, "take", 2, 8, 6))
        self.assertEqual(self.arrows(trace), [("file.read", CLIENT, 20, SERVER, 31), ("file.read reply", SERVER, 40, CLIENT, 55)])

    def test_an_interrupt_upon_somebody_is_not_his_doing(self):
        trace = self.tell(event(10, 0, CLIENT, "switch", value=1), event(20, 0, CLIENT, "interrupt", 4), event(21, 0, CLIENT, "notify", 0, 0x30, 3),
                          event(22, 0, SERVER, "take", 3, 0x30, 3), event(23, 0, SERVER, "wake"), event(5000, 0, CLIENT, "enter", 2))
        (arrow,) = self.arrows(trace)
        self.assertEqual(arrow[0], "notification")
        self.assertEqual(next(name for (_, tid), name in trace.threads.items() if tid == arrow[1]), "CPU 0 interrupts")
        self.assertEqual([piece[0] for piece in self.slices(trace, CLIENT)], ["running", "port_send"])

    def test_what_was_lost_leaves_no_loose_ends(self):
        """Any end of any run makes a good file: arrows need both ends, slices a beginning that was seen."""
        whole = [event(100, 0, SERVER, "switch", value=2), event(110, 0, SERVER, "enter", 9), event(120, 0, CLIENT, "switch", value=1),
                 event(200, 0, CLIENT, "enter", 7), event(210, 0, CLIENT, "call", 5, 1, 3), event(220, 0, SERVER, "take", 1, 1, 3),
                 event(230, 0, SERVER, "wake"), event(240, 0, SERVER, "switch", value=2), event(250, 0, SERVER, "fault", 2),
                 event(260, 0, SERVER, "enter", 9), event(270, 0, SERVER, "reply", 0, 1, CLIENT), event(280, 0, CLIENT, "wake"),
                 event(290, 0, 0, "switch"), event(300, 0, CLIENT, "switch", value=1), event(310, 0, CLIENT, "thread-end", value=1),
                 event(311, 0, 0, "process-end", value=1), event(320, 0, 0, "switch")]
        for start in range(len(whole) + 1):
            for end in range(start, len(whole) + 1):
                self.tell(*whole[start:end])


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.environment = fake_build.make(self.folder.name)

    def trace(self, *arguments):
        return fake_build.portico(self.environment, "trace", *arguments)

    def test_the_run_counts_and_a_missing_trace_is_told(self):
        done = self.trace("status", str(7 << 8))
        self.assertEqual(done.returncode, 7)
        self.assertIn(b"portico: no trace: ", done.stderr)
        self.assertEqual(self.trace("status", "0").returncode, 125)

    def test_the_guest_gets_its_memory_as_a_file_and_room_for_rings(self):
        done = self.trace("--buffer", "64K", "--kernel-words", "processes=9", "argv")
        words = done.stdout.decode().splitlines()
        self.assertEqual(words[words.index("-append") + 1], "processes=9 trace=65536")
        self.assertIn("memory-backend-file,id=memory,share=on,size=262144K,mem-path=/proc/self/fd/5", words)

    def test_sizes_that_can_not_be_are_refused(self):
        for flags in (("--buffer", "3M"), ("--buffer", "1K"), ("--buffer", "64M", "-m", "256M"), ("-o", "/nowhere/there/trace.json")):
            done = self.trace(*flags, "status", "0")
            self.assertEqual((done.returncode, done.stdout), (125, b""))
            self.assertTrue(done.stderr.startswith(b"portico: --"), done.stderr)


class CheckTest(unittest.TestCase):
    """The judge of traces sees what is wrong with them."""

    def judge(self, *events, names=True):
        metadata = [{"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "p"}},
                    {"ph": "M", "name": "thread_name", "pid": 1, "tid": 2, "args": {"name": "t"}}] if names else []
        with tempfile.NamedTemporaryFile("wb", suffix=".json.gz") as file:
            with gzip.open(file.name, "wt") as packed:
                json.dump({"traceEvents": [*metadata, *({"pid": 1, "tid": 2, **event} for event in events)], "otherData": {}}, packed)
            return "\n".join(problems(TraceFile(file.name)))

    def test_good_and_bad_files(self):
        outer = {"ph": "X", "name": "outer", "ts": 1.0, "dur": 10.0}
        start, end = ({"ph": phase, "name": "m", "id": 1, "ts": ts} for phase, ts in (("s", 1.0), ("f", 3.0)))
        inner = {"ph": "X", "name": "inner", "ts": 3.0, "dur": 2.0}
        self.assertEqual(self.judge(outer, start, inner, end), "")
        self.assertIn("outlasts outer", self.judge(outer, {**inner, "dur": 20.0}))
        self.assertIn("comes behind", self.judge(inner, outer))
        self.assertIn("0 ends", self.judge(outer, start))
        self.assertIn("touches no slice", self.judge(outer, start, {**end, "ts": 4.0}))
        self.assertIn("has no thread name", self.judge(outer, names=False))
        self.assertIn("has no name", self.judge({**outer, "name": ""}))


if __name__ == "__main__":
    unittest.main()
