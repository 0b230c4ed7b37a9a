"""portico bench: builds the benchmarks, runs them in the guest and beside it on Linux, and tells the figures (docs/benchmarks.md)."""
from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

import options
import packages
import paths
from benchmarks import figures, page, programs, table
from benchmarks.figures import Run
from failure import usage
from options import Flag


@dataclass(frozen=True)
class Benchmark:
    """What `./portico bench NAME` runs. Its table is bench/NAME_rows.json."""

    title: str
    both: str  # the program that runs on Linux, too
    whole: bool = False  # all that is in ipc_native and port_placement, not only what the table names
    boot: bool = False  # also how long the system takes to start
    swap: bool = False  # also how fast pages go to a disk and come back


BENCHMARKS = {
    "ipc": Benchmark("IPC", "ipc_linux", whole=True),
    "memory": Benchmark("memory and processes", "memory_posix", swap=True),
    "posix": Benchmark("Linux calls", "calls_posix", boot=True),
}
FLAGS = [
    Flag("json", "also write the rows there: name, unit, value, reach, peer, peer_value, …", "FILE"),
    Flag("html", "where the page with plots goes (default build/bench/NAME.html)", "FILE"),
    Flag("no-linux", "measure Portico alone; else Debian's kernel is fetched once and booted beside it"),
    Flag("filter", "measure only rows whose identifier in bench/NAME_rows.json contains this (repeatable)", "TEXT", "f", repeat=True),
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
    name = parsed.words[0]
    benchmark, wanted = BENCHMARKS[name], figures.asked(name)
    about = f"Measured by ./portico bench {name} under {programs.qemu_version()}"
    runs: list[Run] = []
    if not parsed["no-linux"]:
        from benchmarks import linux

        about += f", beside Linux {linux.prepare()} with the mitigations it chooses itself"
        runs += _on_linux(parsed, benchmark, wanted)
    runs += _on_portico(parsed, benchmark, wanted)
    _tell_all(figures.report(wanted, runs, parsed["filter"]), parsed, about)
    return 0


def _tell_all(report: figures.Report, parsed: options.Parsed, about: str) -> None:
    sys.stdout.write(f"{about}.\n\n{table.text(report)}")
    name = parsed.words[0]
    html = os.path.abspath(parsed["html"] or os.path.join(programs.FOLDER, f"{name}.html"))
    _write(html, page.html(report, BENCHMARKS[name].title, f"{about}."))
    sys.stdout.write(f"\nplots: {html}\n")
    if parsed["json"]:
        _write(os.path.abspath(parsed["json"]), json.dumps(figures.json_rows(report), indent=1) + "\n")


def _on_linux(parsed: options.Parsed, benchmark: Benchmark, wanted: dict) -> list[Run]:
    from benchmarks import linux

    rows = figures.linux_rows_for(wanted, figures.chosen_rows(wanted, parsed["filter"]))
    return [_told("Linux", unit, cpus, lambda: linux.run(benchmark.both, unit, cpus, [*_quick(parsed), *rows]))
            for unit, cpus in _measured(parsed) if rows]


def _on_portico(parsed: options.Parsed, benchmark: Benchmark, wanted: dict) -> list[Run]:
    chosen = figures.chosen_rows(wanted, parsed["filter"])
    rows = figures.linux_rows_for(wanted, chosen)
    native = parsed["filter"] if benchmark.whole else [row["row"] for row in chosen if not row.get("both") and "absent" not in row and "cpus" not in row]
    runs = []
    for unit, cpus in _measured(parsed):
        if benchmark.whole or native:
            runs.append(_told("Portico", unit, cpus, lambda: programs.run("ipc_native", unit, cpus, [*_quick(parsed), *native])))
        if rows:
            runs.append(_told("Linux programs on Portico", unit, cpus,
                              lambda: programs.run(benchmark.both, unit, cpus, [*_quick(parsed), *rows])))
    if benchmark.swap and (rows_of_swap := [row for row in chosen if row["row"].startswith("swap_")]):
        cpus = rows_of_swap[0]["cpus"]
        runs.append(_told_of("swap", lambda: programs.swap(cpus, bool(parsed["quick"]))))
    if benchmark.boot and any("cpus" in row for row in chosen):
        from benchmarks import boot

        runs.append(_told_of("boots", lambda: boot.measure(bool(parsed["quick"]))))
    if benchmark.whole and (not parsed["filter"] or any(text in _THROUGHPUT for text in parsed["filter"])):
        boots = _MEASURED_QUICKLY if parsed["quick"] else (("instructions", 1), *(("ns", count) for count in _THROUGHPUT_CPUS))
        for unit, cpus in boots:
            runs.append(_told("ways to allocate ports", unit, cpus, lambda: programs.run("port_placement", unit, cpus, _quick(parsed))))
    return runs


def _measured(parsed: options.Parsed) -> tuple[tuple[str, int], ...]:
    return _MEASURED_QUICKLY if parsed["quick"] else _MEASURED


def _told(what: str, unit: str, cpus: int, run) -> Run:
    return _told_of(f"{what}: {'instructions' if unit == 'instructions' else 'time'}, {cpus} CPU{'s' if cpus > 1 else ''}", run)


def _told_of(what: str, run) -> Run:
    sys.stderr.write(f"portico: measuring {what}\n")
    return run()


def _quick(parsed: options.Parsed) -> list[str]:
    return ["--quick"] if parsed["quick"] else []


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
