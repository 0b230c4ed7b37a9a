"""Bugs put into the kernel on purpose, tests/seeded_bugs/NAME.patch: the tests that each names must fail with it (docs/testing.md).

Nothing but the patched file is compiled again: its object is linked before the library of the hosted build, which then does not need its own.
"""
from __future__ import annotations

import concurrent.futures
import dataclasses
import glob
import os
import re
import shlex
import shutil
import subprocess
import time

import build
import paths
from checks.results import Results
from failure import Failure

_FOLDER = os.path.join(paths.REPOSITORY, "tests", "seeded_bugs")
_HOSTED = os.path.join(paths.BUILD, "hosted-address")
_SCRATCH = os.path.join(paths.BUILD, "seeded")
_PROGRAMS = ("kernel_test", "kernel_explore_test")
_TEST_SECONDS = 60
_CAUGHT_BY = re.compile(r"^Caught by: (\S+) (\S+)$", re.MULTILINE)
# What a failing test prints, from the most to the least telling.
_WAYS = (("AddressSanitizer", "address sanitizer"), ("runtime error:", "undefined behaviour"), ("machine: ", "machine's demands"),
         ("panic: ", "assertion"), ("Assertion `", "assertion"), ("[  FAILED  ]", "expectation"))


@dataclasses.dataclass(frozen=True)
class Hunk:
    """Lines of a file and what they become; where they are is found by what they say."""
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    about: str
    source: str                   # the one file that it changes
    hunks: list[Hunk]
    tests: list[tuple[str, str]]  # programs and the names of their tests


def run(results: Results) -> None:
    bugs = [bug for bug in map(_read, sorted(glob.glob(os.path.join(_FOLDER, "*.patch")))) if results.wants(f"seeded/{bug.name}")]
    if not bugs:
        return
    os.makedirs(_HOSTED, exist_ok=True)
    build.configure(_HOSTED, ["-DPORTICO_HOSTED=ON", "-DPORTICO_SANITIZE=address"])
    build.ninja(_HOSTED, list(_PROGRAMS), quiet=True)
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    commands = {program: _commands(program) for program in _PROGRAMS}
    _check_without_bugs(bugs, results)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = [row for row in pool.map(lambda bug: _run_bug(bug, commands, results), bugs) if row]
    if rows:
        results.note(_table(rows))


def _read(path: str) -> Bug:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    name = os.path.basename(path).removesuffix(".patch")
    head, _, body = text.partition("\n--- ")
    about = head.split("\nCaught by: ")[0].replace("\n", " ").strip()
    sources = re.findall(r"^\+\+\+ b/(\S+)$", body, re.MULTILINE)
    hunks = []
    for part in re.split(r"^@@.*\n", body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        hunks.append(Hunk("\n".join(line[1:] for line in lines if line[:1] in (" ", "-")),
                          "\n".join(line[1:] for line in lines if line[:1] in (" ", "+"))))
    tests = _CAUGHT_BY.findall(head)
    if len(sources) != 1 or not hunks or not tests or not about or any(program not in _PROGRAMS for program, _ in tests):
        raise Failure(f"{path}: a seeded bug changes one file, says what is broken, and by which tests of {', '.join(_PROGRAMS)} it is caught")
    return Bug(name, about, sources[0], hunks, tests)


def _commands(program: str) -> list[str]:
    """All commands that make a program; the last one links it."""
    listed = subprocess.run(["ninja", "-C", _HOSTED, "-t", "commands", program], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise Failure(f"ninja does not tell how {program} is made: {listed.stderr}")
    return listed.stdout.strip().splitlines()


def _check_without_bugs(bugs: list[Bug], results: Results) -> None:
    """A test that fails anyway proves nothing."""
    started = time.monotonic()
    for program in _PROGRAMS:
        names = sorted({test for bug in bugs for of, test in bug.tests if of == program})
        if not names:
            continue
        failed, output = _test(os.path.join(_HOSTED, "kernel", program), ":".join(names))
        if failed:
            results.failed(f"seeded/without-bugs/{program}", "\n".join(output.splitlines()[-40:]))
        else:
            results.passed(f"seeded/without-bugs/{program}", time.monotonic() - started)


def _run_bug(bug: Bug, commands: dict[str, list[str]], results: Results) -> tuple[str, ...] | None:
    """A row of the table, if it was caught by all the tests that it names."""
    started = time.monotonic()
    row = None
    try:
        programs = _build(bug, commands)
        for program, test in bug.tests:
            failed, output = _test(programs[program], test)
            if not failed:
                last = "\n".join(output.splitlines()[-20:])
                raise Failure(f"{bug.about}\n{program} {test} did not find it:\n{last}")
            row = row or (bug.name, test, next((name for mark, name in _WAYS if mark in output), "crash"))
    except (Failure, OSError, subprocess.SubprocessError) as problem:
        results.failed(f"seeded/{bug.name}", str(problem))
        return None
    seconds = time.monotonic() - started
    results.passed(f"seeded/{bug.name}", seconds)
    return (*row, f"{seconds:.1f}")


def _build(bug: Bug, commands: dict[str, list[str]]) -> dict[str, str]:
    folder = os.path.join(_SCRATCH, bug.name)
    source = os.path.join(folder, bug.source)
    os.makedirs(os.path.dirname(source), exist_ok=True)
    with open(os.path.join(paths.REPOSITORY, bug.source), encoding="utf-8") as file:
        text = file.read()
    for hunk in bug.hunks:
        count = f"\n{text}".count(f"\n{hunk.before}\n")
        if count != 1:
            raise Failure(f"{bug.source} has these lines {count} times, not once:\n{hunk.before}")
        text = f"\n{text}".replace(f"\n{hunk.before}\n", f"\n{hunk.after}\n")[1:]
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    object_file = os.path.join(folder, "bug.o")
    wanted = sorted({program for program, _ in bug.tests})
    compilation = _compilation(bug, commands[wanted[0]])
    _call([*compilation, "-w", "-o", object_file, "-c", source])
    made = {}
    for program in wanted:
        made[program] = os.path.join(folder, program)
        link = shlex.split(commands[program][-1].removeprefix(": && ").removesuffix(" && :"))
        at = link.index("-o")
        _call([*link[:at], "-Wl,--strip-debug", object_file, "-o", made[program], *link[at + 2:]])
    return made


def _compilation(bug: Bug, commands: list[str]) -> list[str]:
    """How the build compiles the file, less what and where to."""
    original = os.path.join(paths.REPOSITORY, bug.source)
    command = next((shlex.split(line) for line in commands if line.endswith(f"-c {original}")), None)
    if command is None:
        raise Failure(f"{bug.source} is no source of the hosted kernel")
    return command[:command.index("-MD")]


def _call(command: list[str]) -> None:
    done = subprocess.run(command, cwd=_HOSTED, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{os.path.basename(command[0])} failed:\n{done.stdout}")


def _test(program: str, names: str) -> tuple[bool, str]:
    """Whether one of the tests failed, and what was printed."""
    done = subprocess.run([program, f"--gtest_filter={names}", "--gtest_color=no"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=_TEST_SECONDS, check=False)
    return done.returncode != 0, done.stdout.decode("utf-8", "replace")


def _table(rows: list[tuple[str, ...]]) -> str:
    rows = [("bug", "caught by", "as", "seconds"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("        " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
