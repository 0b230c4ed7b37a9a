"""portico bench without a guest: figures joined from canned output, the table, the JSON, the page, wrong flags."""
import json
import math
import os
import re
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "host"))

from benchmarks import figures, page, plots, programs, runner, table
from benchmarks.figures import Run
from failure import Failure

ASKED = {
    "rows": [
        {"row": "call", "name": "call + reply", "unit": "instructions", "reach": 430, "peers": [{"name": "seL4", "value": 467}],
         "linux": ["pipe", "futex"]},
        {"row": "null", "name": "null call", "unit": "instructions", "reach": 90},
        {"row": "port", "name": "an idle port", "unit": "bytes", "reach": 256},
        {"row": "wait_10", "name": "10 objects", "unit": "instructions"},
        {"row": "wait_10000", "name": "10,000 objects", "unit": "instructions", "not_above": "wait_10"},
        {"row": "later", "name": "not there yet", "unit": "instructions", "reach": 5},
    ],
    "linux_rows": [{"row": "pipe", "short": "pipe", "name": "pipe, there and back"}, {"row": "futex", "short": "futex", "name": "futex"}],
    "plots": [{"row": "crossover", "name": "bytes <by> transport", "x": "bytes", "logarithmic": True},
              {"row": "throughput_call", "name": "calls", "x": "threads", "logarithmic": False}],
}
COUNTED = """noise of a console
{"row": "overhead_readings", "unit": "instructions", "value": 6.00, "minimum": 6.00}
{"row": "overhead_operation", "unit": "instructions", "value": 2.00, "minimum": 2.00}
{"row": "call", "unit": "instructions", "value": 501.02, "minimum": 500.50}
{"row": "null", "unit": "instructions", "value": 89.00, "minimum": 89.00}
{"row": "port", "unit": "bytes", "value": 126.48}
{"row": "wait_10", "unit": "instructions", "value": 1000.00, "minimum": 990.00}
{"row": "wait_10000", "unit": "instructions", "value": 1051.00, "minimum": 1000.00}
{"row": "later", "absent": "no such call"}
{"row": "crossover", "unit": "instructions", "series": "window", "x": [8, 16, 32], "y": [100.50, 120.00, 180.00]}
"""
TIMED = '{"row": "call", "unit": "ns", "value": 30000.00, "minimum": 29000.00}\n'
LINUX = """{"row": "pipe", "unit": "instructions", "value": 13000.00, "minimum": 10600.00}
{"row": "futex", "unit": "instructions", "value": 9100.00, "minimum": 9000.00}
"""
LINUX_HERE = """{"row": "pipe", "unit": "instructions", "value": 17000.00, "minimum": 16900.00}
{"row": "futex", "absent": "futex: Function not implemented"}
"""
THROUGHPUT = """{"row": "throughput", "unit": "messages/s", "style": "call", "placement": "one port", "senders": 1, "servers": 1, "value": 4000}
{"row": "throughput", "unit": "messages/s", "style": "call", "placement": "port per thread", "senders": 1, "servers": 1, "value": 6000}
{"row": "throughput", "unit": "messages/s", "style": "call", "placement": "one port", "senders": 2, "servers": 1, "value": 5000}
"""


def a_report(filters=()):
    runs = [Run("portico", 1, programs.rows_in(COUNTED), counted=True), Run("portico", 1, programs.rows_in(TIMED)),
            Run("portico", 2, programs.rows_in(TIMED)), Run("linux", 1, programs.rows_in(LINUX), counted=True),
            Run("portico", 1, programs.rows_in(LINUX_HERE), counted=True), Run("portico", 2, programs.rows_in(THROUGHPUT))]
    return figures.report(ASKED, runs, list(filters))


class FiguresTest(unittest.TestCase):
    def setUp(self):
        self.report = a_report()
        self.counted = {figure.row: figure for figure in self.report.counted}

    def test_values_reach_and_peers_come_together(self):
        call = self.counted["call"]
        self.assertEqual((call.value, call.minimum, call.reach, call.met), (501.02, 500.5, 430, False))
        self.assertEqual([(peer.name, peer.value, peer.here) for peer in call.peers],
                         [("Linux pipe", 10600.0, True), ("Linux futex", 9000.0, True), ("seL4", 467, False)])
        self.assertEqual(call.peer.name, "seL4")
        self.assertTrue(self.counted["null"].met)
        self.assertTrue(self.counted["port"].met)

    def test_what_must_not_grow(self):
        self.assertIsNone(self.counted["wait_10"].met)
        self.assertEqual((self.counted["wait_10000"].reach, self.counted["wait_10000"].met), (1050, False))

    def test_what_is_missing_has_no_value(self):
        later = self.counted["later"]
        self.assertEqual((later.value, later.met, later.absent), (None, None, "no such call"))

    def test_time_is_told_by_number_of_cpus(self):
        self.assertEqual([(figure.row, figure.cpus, figure.value, figure.reach) for figure in self.report.timed],
                         [("call", 1, 30000.0, None), ("call", 2, 30000.0, None)])

    def test_same_program_on_both(self):
        pipe, futex = self.report.same_program
        self.assertEqual((pipe.value, pipe.peers[0].value), (17000.0, 10600.0))
        self.assertEqual((futex.value, futex.absent, futex.peers[0].value), (None, "futex: Function not implemented", 9000.0))

    def test_throughput_is_compared_with_one_port(self):
        ratios = [figure.value / figure.peer.value for figure in self.report.throughput]
        self.assertEqual(ratios, [1.0, 1.5, 1.0])
        curve = next(curve for curve in self.report.curves if curve.series.startswith("one port"))
        self.assertEqual((curve.x, curve.y, curve.cpus), ([1, 2], [4000, 5000], 2))

    def test_throughput_under_icount_is_a_cost(self):
        report = figures.report(ASKED, [Run("portico", 1, programs.rows_in(THROUGHPUT), counted=True)], [])
        self.assertEqual((report.throughput[0].value, report.throughput[0].unit), (250_000.0, "instructions/message"))

    def test_a_row_of_both_is_its_own_peer_and_is_told_once(self):
        wanted = {"rows": [{"row": "fork", "name": "fork", "unit": "instructions", "both": True, "linux": ["fork"]},
                           {"row": "swap", "name": "swap", "unit": "instructions", "absent": "not measured yet"}],
                  "linux_rows": [{"row": "fork", "short": "", "name": "fork"}]}
        ours, theirs = ([{"row": "fork", "unit": "instructions", "value": value, "minimum": value}] for value in (80.0, 150.0))
        report = figures.report(wanted, [Run("portico", 1, ours, counted=True), Run("linux", 1, theirs, counted=True)], [])
        fork, swap = report.counted
        self.assertEqual((fork.value, [(peer.name, peer.value) for peer in fork.peers]), (80.0, [("Linux", 150.0)]))
        self.assertEqual((swap.value, swap.absent, report.same_program), (None, "not measured yet", []))

    def test_filter(self):
        self.assertEqual([figure.row for figure in a_report(["wait"]).counted], ["wait_10", "wait_10000"])

    def test_the_real_tables_are_sound(self):
        for benchmark in runner.BENCHMARKS:
            self.check_table(figures.asked(benchmark))

    def check_table(self, asked):
        names = [row["row"] for row in asked["rows"]]
        self.assertEqual(len(names), len(set(names)))
        known = {row["row"] for row in asked["linux_rows"]}
        for row in asked["rows"]:
            self.assertIn(row["unit"], ("instructions", "bytes", "ms", "MiB/s"), row)
            if row["unit"] == "MiB/s":  # a reach is what a figure may be at most
                self.assertNotIn("reach", row)
            self.assertLessEqual(set(row.get("linux", [])), known, row)
            self.assertTrue(row.get("not_above") is None or row["not_above"] in names, row)
            self.assertTrue(all(math.isfinite(peer["value"]) and peer["value"] > 0 for peer in row.get("peers", [])), row)


class OutputTest(unittest.TestCase):
    def test_table(self):
        text = table.text(a_report())
        self.assertRegex(text, r"(?m)^call \+ reply +501 +430  no   Linux futex 9,000 +seL4 467$")
        self.assertRegex(text, r"(?m)^an idle port +126 B +256  yes$")
        self.assertRegex(text, r"(?m)^pipe, there and back +17,000 +10,600$")
        self.assertRegex(text, r"(?m)^futex +not there +9,000$")
        self.assertRegex(text, r"(?m)^call, port per thread, 1 sender +6,000 ×1\.50$")
        self.assertIn("subtracted: 6 instructions", text)
        self.assertIn("not measured: not there yet\n", text)

    def test_json_has_the_keys_that_are_promised(self):
        rows = json.loads(json.dumps(figures.json_rows(a_report())))
        for row in rows:
            self.assertLessEqual({"name", "unit", "value", "reach", "peer", "peer_value"}, set(row))
        call = next(row for row in rows if row["row"] == "call")
        self.assertEqual((call["name"], call["unit"], call["value"], call["reach"], call["peer"], call["peer_value"], call["met"]),
                         ("call + reply", "instructions", 501.02, 430, "seL4", 467, False))
        self.assertEqual(next(row["absent"] for row in rows if row["row"] == "later"), "no such call")
        self.assertEqual(next(row["y"] for row in rows if row.get("series") == "window"), [100.5, 120.0, 180.0])

    def test_page_is_whole_and_fetches_nothing(self):
        html = page.html(a_report(), "IPC", "measured <here>")
        self.assertIn("measured &lt;here&gt;", html)
        self.assertNotRegex(html, r"<(script|link|img|iframe)|url\(|@import|https?://")
        drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
        self.assertGreaterEqual(len(drawings), 7)
        for drawing in drawings:
            xml.etree.ElementTree.fromstring(drawing)
            self.assertNotIn("nan", drawing)

    def test_curves_of_one_point_and_of_many(self):
        for series in ([("alone", [8.0], [5.0])], [("a", [8.0, 1 << 20], [500.0, 900_000.0]), ("b", [4096.0, 1 << 20], [800.0, 60_000.0])]):
            for logarithmic in (True, False):
                xml.etree.ElementTree.fromstring(plots.curves(series, "bytes", "instructions", logarithmic=logarithmic))

    def test_short_numbers(self):
        self.assertEqual([plots.short(value) for value in (8.0, 4096.0, 1048576.0, 20000.0, 2.5)], ["8", "4Ki", "1Mi", "20k", "2.5"])


class FlagsTest(unittest.TestCase):
    def assert_refused(self, cause, *arguments):
        with self.assertRaises(Failure) as caught:
            runner.main(list(arguments))
        self.assertIn(cause, str(caught.exception))
        self.assertEqual(caught.exception.status, 125)

    def test_wrong_words_and_flags(self):
        self.assert_refused("bench needs the name of a benchmark; there are: ipc, memory, posix")
        self.assert_refused("there is no benchmark 'ipx'", "ipx")
        self.assert_refused("does not take 'again'", "ipc", "again")
        self.assert_refused("did you mean --no-linux?", "--no-linx", "ipc")
        self.assert_refused("needs a value", "ipc", "--json")


if __name__ == "__main__":
    unittest.main()
