"""portico bench: builds the benchmarks, runs them in the guest and beside it on Linux, and tells the figures (docs/benchmarks.md)."""
from __future__ import annotations

import json
import os
import sys

import options
import packages
import paths
from benchmarks import figures, programs, table
from failure import usage
from options import Flag

BENCHMARKS = ("ipc",)
FLAGS = [
    Flag("json", "also write the rows there: name, unit, value, reach, peer, peer_value", "FILE"),
    Flag("filter", "measure only rows whose identifier contains this (repeatable)", "TEXT", "f", repeat=True),
    Flag("quick", "few repetitions: whether all works, not what it costs", short="q"),
]


def main(arguments: list[str]) -> int:
    parsed = options.parse("bench", FLAGS, arguments, words=1)
    if not parsed.words or parsed.words[0] not in BENCHMARKS:
        named = f"there is no benchmark '{parsed.words[0]}'" if parsed.words else "bench needs the name of a benchmark"
        raise usage(f"{named}; there are: {', '.join(BENCHMARKS)}")
    packages.require(packages.TO_RUN, packages.TO_BUILD)
    programs.prepare()
    runs = _runs(parsed)
    report = figures.report(figures.asked(), runs, parsed["filter"])
    sys.stdout.write(table.text(report))
    if parsed["json"]:
        _write(parsed["json"], json.dumps(figures.json_rows(report), indent=1) + "\n")
    return 0


def _runs(parsed: options.Parsed) -> list[figures.Run]:
    """Each program on each system, in instructions and in time."""
    flags = [*(["--quick"] if parsed["quick"] else []), *parsed["filter"]]
    runs = []
    for unit, cpus in (("instructions", 1), ("ns", 1), ("ns", 2)):
        _tell(f"measuring {unit} on Portico, {cpus} CPU{'s' if cpus > 1 else ''}")
        runs.append(programs.run("ipc_native", unit, cpus, flags))
    return runs


def _tell(text: str) -> None:
    sys.stderr.write(f"portico: {text}\n")


def _write(path: str, text: str) -> None:
    with open(os.path.abspath(path), "w", encoding="utf-8") as file:
        file.write(text)
