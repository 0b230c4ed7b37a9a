"""Bugs put into the kernel on purpose, tests/seeded_bugs/NAME.patch: the tests that each names must fail with it (docs/testing.md).

Nothing but the patched file is compiled again. For hosted tests its object is linked before the library of the hosted build, which then does
not need its own; for native tests in the guest it takes the other's place in the kernel, which is then booted.
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
from collections.abc import Callable

import build
import paths
from checks.results import Results
from failure import Failure

_FOLDER = os.path.join(paths.REPOSITORY, "tests", "seeded_bugs")
_HOSTED = os.path.join(paths.BUILD, "hosted-address")
_SCRATCH = os.path.join(paths.BUILD, "seeded")
_PROGRAMS = ("kernel_test", "kernel_explore_test")
_GUEST = "guest"  # stands for a program: the test is one of tests/native, run on two CPUs
_TEST_SECONDS = 60
_CAUGHT_BY = re.compile(r"^Caught by: (\S+) (\S+)$", re.MULTILINE)
# What a failing test prints, from the most to the least telling.
_WAYS = (("timed out after ", "hang"), ("FAILED ", "demand"), ("AddressSanitizer", "address sanitizer"), ("runtime error:", "undefined behaviour"), ("machine: ", "machine's demands"),
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

    @property
    def in_guest(self) -> bool:
        return self.tests[0][0] == _GUEST


def run(results: Results) -> None:
    bugs = [bug for bug in map(_read, sorted(glob.glob(os.path.join(_FOLDER, "*.patch")))) if results.wants(f"seeded/{bug.name}")]
    if not bugs:
        return
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    hosted, guest = [bug for bug in bugs if not bug.in_guest], [bug for bug in bugs if bug.in_guest]
    rows = (_run_hosted(hosted, results) if hosted else []) + (_run_guest(guest, results) if guest else [])
    if rows:
        results.note(_table(rows))


def _run_hosted(bugs: list[Bug], results: Results) -> list[tuple[str, ...]]:
    os.makedirs(_HOSTED, exist_ok=True)
    build.configure(_HOSTED, ["-DPORTICO_HOSTED=ON", "-DPORTICO_SANITIZE=address"])
    build.ninja(_HOSTED, list(_PROGRAMS), quiet=True)
    commands = {program: _commands(_HOSTED, program) for program in _PROGRAMS}
    _check_without_bugs(bugs, results)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [row for row in pool.map(lambda bug: _run_bug(bug, lambda: _build(bug, commands), results), bugs) if row]


def _run_guest(bugs: list[Bug], results: Results) -> list[tuple[str, ...]]:
    """One after the other, for each guest has two CPUs. That the tests pass without the bugs is a test of theirs, native/NAME."""
    from checks import guest_programs

    build.build_if_needed()
    guest_programs.prepare()
    commands = _commands(paths.SYSTEM, "kernel/kernel")
    rows = [_run_bug(bug, lambda bug=bug: {_GUEST: _build_kernel(bug, commands)}, results) for bug in bugs]
    return [row for row in rows if row]


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
    if len(sources) != 1 or not hunks or not tests or not about or not {program for program, _ in tests} <= {*_PROGRAMS} and \
            {program for program, _ in tests} != {_GUEST}:
        raise Failure(f"{path}: a seeded bug changes one file, says what is broken, and by which tests of {', '.join(_PROGRAMS)} it is caught, "
                      f"or by which of {_GUEST}")
    return Bug(name, about, sources[0], hunks, tests)


def _commands(folder: str, program: str) -> list[str]:
    """All commands that make a program; the last one links it."""
    listed = subprocess.run(["ninja", "-C", folder, "-t", "commands", program], capture_output=True, text=True, check=False)
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


def _run_bug(bug: Bug, make: Callable[[], dict[str, str]], results: Results) -> tuple[str, ...] | None:
    """A row of the table, if it was caught by all the tests that it names."""
    started = time.monotonic()
    row = None
    try:
        programs = make()
        for program, test in bug.tests:
            failed, output = _test_in_guest(programs[program], bug.name, test) if program == _GUEST else _test(programs[program], test)
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


def _patched(bug: Bug) -> str:
    """A copy of the source with the bug in it."""
    source = os.path.join(_SCRATCH, bug.name, bug.source)
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
    return source


def _build(bug: Bug, commands: dict[str, list[str]]) -> dict[str, str]:
    folder = os.path.join(_SCRATCH, bug.name)
    object_file = os.path.join(folder, "bug.o")
    wanted = sorted({program for program, _ in bug.tests})
    _call(_HOSTED, [*_compilation(bug, commands[wanted[0]]), "-w", "-o", object_file, "-c", _patched(bug)])
    made = {}
    for program in wanted:
        made[program] = os.path.join(folder, program)
        link = _link(commands[program])
        at = link.index("-o")
        _call(_HOSTED, [*link[:at], "-Wl,--strip-debug", object_file, "-o", made[program], *link[at + 2:]])
    return made


def _build_kernel(bug: Bug, commands: list[str]) -> str:
    kernel, object_file = (os.path.join(_SCRATCH, bug.name, name) for name in ("kernel.elf", "bug.o"))
    _call(paths.SYSTEM, [*_compilation(bug, commands), "-w", "-o", object_file, "-c", _patched(bug)])
    link = _link(commands)
    objects = [word for word in link if word.endswith(f"/{bug.source.removeprefix('kernel/')}.o")]
    if len(objects) != 1:
        raise Failure(f"the kernel has {len(objects)} objects of {bug.source}")
    link[link.index(objects[0])] = object_file
    link[link.index("-o") + 1] = kernel
    _call(paths.SYSTEM, link)
    return kernel


def _link(commands: list[str]) -> list[str]:
    return shlex.split(commands[-1].removeprefix(": && ").removesuffix(" && :"))


def _compilation(bug: Bug, commands: list[str]) -> list[str]:
    """How the build compiles the file, less what and where to."""
    original = os.path.join(paths.REPOSITORY, bug.source)
    command = next((shlex.split(line) for line in commands if line.endswith(f"-c {original}")), None)
    if command is None:
        raise Failure(f"{bug.source} is no source of the kernel that is to be tested")
    return command[:command.index("-MD")]


def _call(folder: str, command: list[str]) -> None:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{os.path.basename(command[0])} failed:\n{done.stdout}")


def _test(program: str, names: str) -> tuple[bool, str]:
    """Whether one of the tests failed, and what was printed."""
    done = subprocess.run([program, f"--gtest_filter={names}", "--gtest_color=no"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=_TEST_SECONDS, check=False)
    return done.returncode != 0, done.stdout.decode("utf-8", "replace")


def _test_in_guest(kernel: str, bug: str, name: str) -> tuple[bool, str]:
    """Whether a native test failed on this kernel, and what it and the kernel said."""
    from checks.guest import TEST_ROOT

    log = os.path.join(_SCRATCH, bug, "log")
    command = [os.path.join(paths.REPOSITORY, "portico"), "run", "-c", "2", "--rootfs", TEST_ROOT, "--root-in-memory", "--log", log,
               "--timeout", str(_TEST_SECONDS), "--", f"/tests/native/{name}_test"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * _TEST_SECONDS,
                          env={**os.environ, "PORTICO_KERNEL": kernel}, check=False)
    with open(log, encoding="utf-8", errors="replace") as file:
        return done.returncode != 0, done.stdout.decode("utf-8", "replace") + file.read()


def _table(rows: list[tuple[str, ...]]) -> str:
    rows = [("bug", "caught by", "as", "seconds"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("        " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
