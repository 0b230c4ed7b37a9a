"""Runs tests that boot the guest, two at a time, and tells of each failure what the log said last."""
from __future__ import annotations

import difflib
import os
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import paths
from checks.results import Results

PARALLEL = 2
LOG_LINES = 15
DIFF_LINES = 40
TEST_ROOT = os.path.join(paths.BUILD, "test-root")
LOGS = os.path.join(paths.BUILD, "test-logs")
_KILL_AFTER_SECONDS = 30.0  # beyond the command's own --timeout


class Case:
    """One test in the guest: a name, and a function that runs it with a log file and returns why it failed, or ""."""

    def __init__(self, name: str, run: Callable[[str], str]) -> None:
        self.name, self.run = name, run


class Ended:
    """What a run of the host command left."""

    def __init__(self, status: int, stdout: bytes, stderr: bytes) -> None:
        self.status, self.stdout, self.stderr = status, stdout, stderr


def run_all(cases: list[Case], results: Results) -> None:
    os.makedirs(LOGS, exist_ok=True)
    with ThreadPoolExecutor(PARALLEL) as pool:
        for _ in pool.map(lambda case: _run_one(case, results), cases):
            pass


def _run_one(case: Case, results: Results) -> None:
    log = os.path.join(LOGS, re.sub(r"[^\w.-]+", "_", case.name) + ".log")
    with open(log, "wb"):
        pass
    started = time.monotonic()
    try:
        why = case.run(log)
    except (OSError, subprocess.SubprocessError, AssertionError) as problem:
        why = f"{type(problem).__name__}: {problem}"
    if why:
        results.failed(case.name, f"{why}\n{_last_lines(log)}")
    else:
        results.passed(case.name, time.monotonic() - started)


def portico_run(log: str, timeout: float, flags: list[str], program: list[str], stdin: bytes = b"", by: str = "run") -> Ended:
    """Runs a program in the guest through the host command itself (its subcommand `by`), as a user would."""
    command = [os.path.join(paths.REPOSITORY, "portico"), by, "--log", log, "--kernel-words", "trace", "--timeout", str(timeout), *flags,
               "--", *program]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout + _KILL_AFTER_SECONDS, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def difference(what: str, expected: bytes, actual: bytes) -> str:
    """"" if equal, else a readable diff."""
    if expected == actual:
        return ""
    lines = list(difflib.unified_diff(_lines(expected), _lines(actual), "expected", "actual", lineterm="", n=2))
    cut = [f"… {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return "\n".join([f"{what} differs:", *lines[:DIFF_LINES], *cut])


def _lines(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return lines[:-1] + ([lines[-1] + " (no newline at the end)"] if lines[-1] else [])


def _last_lines(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()[-LOG_LINES:]
    return "last lines of the log:\n" + "\n".join(f"  {line}" for line in lines) if lines else "the log is empty"
