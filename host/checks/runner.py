"""portico test: all tests there are, one kind after the other, ending with one line of numbers (docs/testing.md)."""
from __future__ import annotations

import os

import options
import packages
from checks.results import Results
from failure import Failure
from options import Flag

FLAGS = [
    Flag("filter", "run only tests whose name contains this", "TEXT", "f", ""),
    Flag("quick", "one number of CPUs per test, one C library, no thread sanitizer, no slow tests", short="q"),
    Flag("coverage", "only measure how much of the kernel core its hosted tests reach"),
]


def main(arguments: list[str]) -> int:
    parsed = options.parse("test", FLAGS, arguments)
    packages.require(packages.TO_RUN, packages.TO_BUILD, packages.TO_TEST)
    if parsed["coverage"]:
        from checks import coverage

        return coverage.report()
    results = Results(str(parsed["filter"]))
    quick = bool(parsed["quick"])
    _section(results, "command", lambda: _command(results))
    _section(results, "unit-address", lambda: _unit(results, "address"))
    _section(results, "seeded", lambda: _seeded(results))
    _section(results, "fuzz", lambda: _fuzz(results, quick))
    _section(results, "model", lambda: _model(results))
    if not quick:
        _section(results, "unit-thread", lambda: _unit(results, "thread"))
    _section(results, "guest", lambda: _guest(results, quick))
    _section(results, "debian", lambda: _debian(results))
    # Last, for the pages are compared with generators that the unit tests have built.
    _section(results, "tidy", lambda: _tidy(results))
    return results.finish()


def _section(results: Results, name: str, run) -> None:
    """One kind of test. What keeps all of it from running is a failed test of its own, and the others go on."""
    if _is_unwanted(results, name):
        return
    try:
        run()
    except (Failure, OSError) as problem:
        results.failed(name, str(problem))


def _is_unwanted(results: Results, name: str) -> bool:
    """The guest's tests have names of several kinds; they filter for themselves."""
    return name != "guest" and not results.wants_section(name)


def _tidy(results: Results) -> None:
    from checks import tidy

    tidy.run(results)


def _command(results: Results) -> None:
    from checks import command_tests

    command_tests.run(results)


def _unit(results: Results, sanitizer: str) -> None:
    from checks import unit_tests

    unit_tests.run(results, sanitizer)


def _seeded(results: Results) -> None:
    from checks import seeded_bug_tests

    seeded_bug_tests.run(results)


def _fuzz(results: Results, quick: bool) -> None:
    from checks import fuzz_tests

    fuzz_tests.run(results, quick)


def _model(results: Results) -> None:
    from checks import model_tests

    model_tests.run(results)


def _debian(results: Results) -> None:
    import build
    from checks import debian_tests

    build.build_if_needed()
    os.environ["PORTICO_NO_BUILD"] = "1"
    debian_tests.run(results)


def _guest(results: Results, quick: bool) -> None:
    import build
    from checks import bench_tests, disk_tests, ext4_tests, guest_programs, interactive_tests, native_tests, share_tests, swap_tests, system_tests, trace_tests

    cases = guest_programs.cases(quick) + native_tests.cases(quick) + system_tests.cases(quick)
    cases += trace_tests.cases(quick) + interactive_tests.cases() + bench_tests.cases() + disk_tests.cases(quick) + ext4_tests.cases(quick)
    cases += share_tests.cases(quick) + swap_tests.cases(quick)
    cases = [case for case in cases if results.wants(case.name)]
    if not cases:
        return
    build.build_if_needed()
    os.environ["PORTICO_NO_BUILD"] = "1"
    guest_programs.prepare()
    from checks import guest

    guest.run_all(cases, results)
