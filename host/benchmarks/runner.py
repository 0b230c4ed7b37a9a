"""portico bench: builds the benchmarks, runs them in the guest and beside it on Linux, and tells the figures (docs/benchmarks.md)."""
from __future__ import annotations

import json
import os
import sys

import options
import packages
import paths
from benchmarks import figures, page, programs, table
from benchmarks.figures import Run
from failure import usage
from options import Flag

BENCHMARKS = ("ipc",)
FLAGS = [
    Flag("json", "also write the rows there: name, unit, value, reach, peer, peer_value, …", "FILE"),
    Flag("html", "where the page with plots goes (default build/bench/ipc.html)", "FILE"),
    Flag("no-linux", "measure Portico alone; else Debian's kernel is fetched once and booted beside it"),
    Flag("filter", "measure only rows whose identifier in bench/ipc_rows.json contains this (repeatable)", "TEXT", "f", repeat=True),
    Flag("quick", "few repetitions: tells whether all works, not what it costs", short="q"),
]
_MEASURED = (("instructions", 1), ("ns", 1), ("ns", 2))
_MEASURED_QUICKLY = (("instructions", 1), ("ns", 2))
_THROUGHPUT = "throughput"  # what --filter calls the programs that do not measure rows
_THROUGHPUT_CPUS = (1, 2, 3, 4)


def main(arguments: list[str]) -> int:
    parsed = options.parse("bench", FLAGS, arguments, words=1)
    if not parsed.words or parsed.words[0] not in BENCHMARKS:
        named = f"there is no benchmark '{parsed.words[0]}'" if parsed.words else "bench needs the name of a benchmark"
        raise usage(f"{named}; there are: {', '.join(BENCHMARKS)}")
    packages.require(packages.TO_RUN, packages.TO_BUILD)
    programs.prepare()
    wanted = figures.asked()
    about = f"Measured by ./portico bench ipc under {programs.qemu_version()}"
    runs: list[Run] = []
    if not parsed["no-linux"]:
        from benchmarks import linux

        about += f", beside Linux {linux.prepare()} with the mitigations it chooses itself"
        runs += _on_linux(parsed, wanted)
    runs += _on_portico(parsed, wanted)
    _tell_all(figures.report(wanted, runs, parsed["filter"]), parsed, about)
    return 0


def _tell_all(report: figures.Report, parsed: options.Parsed, about: str) -> None:
    sys.stdout.write(f"{about}.\n\n{table.text(report)}")
    html = os.path.abspath(parsed["html"] or os.path.join(programs.FOLDER, "ipc.html"))
    _write(html, page.html(report, f"{about}."))
    sys.stdout.write(f"\nplots: {html}\n")
    if parsed["json"]:
        _write(os.path.abspath(parsed["json"]), json.dumps(figures.json_rows(report), indent=1) + "\n")


def _on_linux(parsed: options.Parsed, wanted: dict) -> list[Run]:
    from benchmarks import linux

    rows = figures.linux_rows_for(wanted, figures.chosen_rows(wanted, parsed["filter"]))
    return [_told("Linux", unit, cpus, lambda: linux.run("ipc_linux", unit, cpus, [*_quick(parsed), *rows]))
            for unit, cpus in _measured(parsed) if rows]


def _on_portico(parsed: options.Parsed, wanted: dict) -> list[Run]:
    rows = figures.linux_rows_for(wanted, figures.chosen_rows(wanted, parsed["filter"]))
    runs = []
    for unit, cpus in _measured(parsed):
        runs.append(_told("Portico", unit, cpus, lambda: programs.run("ipc_native", unit, cpus, [*_quick(parsed), *parsed["filter"]])))
        if rows:
            runs.append(_told("Linux programs on Portico", unit, cpus, lambda: programs.run("ipc_linux", unit, cpus, [*_quick(parsed), *rows])))
    if not parsed["filter"] or any(text in _THROUGHPUT for text in parsed["filter"]):
        boots = _MEASURED_QUICKLY if parsed["quick"] else (("instructions", 1), *(("ns", count) for count in _THROUGHPUT_CPUS))
        for unit, cpus in boots:
            runs.append(_told("ways to allocate ports", unit, cpus, lambda: programs.run("port_placement", unit, cpus, _quick(parsed))))
    return runs


def _measured(parsed: options.Parsed) -> tuple[tuple[str, int], ...]:
    return _MEASURED_QUICKLY if parsed["quick"] else _MEASURED


def _told(what: str, unit: str, cpus: int, run) -> Run:
    sys.stderr.write(f"portico: measuring {what}: {'instructions' if unit == 'instructions' else 'time'}, {cpus} CPU{'s' if cpus > 1 else ''}\n")
    return run()


def _quick(parsed: options.Parsed) -> list[str]:
    return ["--quick"] if parsed["quick"] else []


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
