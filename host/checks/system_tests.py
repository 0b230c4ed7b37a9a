"""System tests: one small TOML file each in tests/system (docs/testing.md lists the keys)."""
from __future__ import annotations

import os
import re
import subprocess
import tempfile
import tomllib

import paths
from checks.guest import TEST_ROOT, Case, Ended, difference, portico_run
from failure import Failure

FOLDER = os.path.join(paths.REPOSITORY, "tests", "system")
_DEFAULTS: dict[str, object] = {
    "about": "", "command": [], "script": "", "stdin": "", "stdin_repeat": 1, "workdir": "/tmp", "flags": [], "cpus": [2], "timeout": 60, "rootfs": "default",
    "slow": False, "compare_with_host": False, "expect_status": 0, "expect_stdout": None, "expect_contains": [], "expect_regex": [],
    "expect_absent": [], "expect_stderr": "", "run_by": "run", "expect_stderr_regex": [], "expect_stderr_absent": [],
}
_FOLDERS_OF_PROGRAMS = ("bin", "sbin", "usr/bin", "usr/sbin")


def cases(quick: bool) -> list[Case]:
    found = []
    for name in sorted(os.listdir(FOLDER)):
        if not name.endswith(".toml"):
            continue
        test = load(os.path.join(FOLDER, name))
        if quick and test["slow"]:
            continue
        cpus = test["cpus"][:1] if quick else test["cpus"]
        for count in cpus:
            found.append(Case(f"system/{name.removesuffix('.toml')}/cpus-{count}", lambda log, test=test, count=count: _run(test, count, log)))
    return found


def load(path: str) -> dict:
    """The test with all keys. A misspelt key must not make a test that checks nothing, so it fails."""
    try:
        with open(path, "rb") as file:
            given = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"{path}: {error}") from None
    unknown = sorted(set(given) - set(_DEFAULTS))
    if unknown:
        raise Failure(f"{path}: unknown keys: {', '.join(unknown)}")
    test = {**_DEFAULTS, **given}
    if bool(test["command"]) == bool(test["script"]):
        raise Failure(f"{path}: give either command or script")
    return test


def _run(test: dict, cpus: int, log: str) -> str:
    program = test["command"] or ["sh", "-c", test["script"]]
    flags = ["--cpus", str(cpus), "-w", test["workdir"], *test["flags"]]
    if test["rootfs"] == "test":
        flags += ["--rootfs", TEST_ROOT, "--root-in-memory"]
    ended = portico_run(log, test["timeout"], flags, program, _stdin(test), test["run_by"])
    return "\n".join(filter(None, _judge(test, program, ended)))


def _stdin(test: dict) -> bytes:
    return test["stdin"].encode() * test["stdin_repeat"]


def _judge(test: dict, program: list[str], ended: Ended) -> list[str]:
    status, stdout = test["expect_status"], test["expect_stdout"]
    if test["compare_with_host"]:
        host = _on_host(program, _stdin(test), test["timeout"])
        status, stdout = host.status, host.stdout.decode("utf-8", "surrogateescape")
    text, errors = ended.stdout.decode("utf-8", "replace"), ended.stderr.decode("utf-8", "replace")
    problems = []
    if ended.status != status:
        problems.append(f"exit status is {ended.status}, expected {status}; stderr: {errors[-2000:].strip()}")
    if stdout is not None:
        problems.append(difference("stdout", stdout.encode("utf-8", "surrogateescape"), ended.stdout))
    problems += [f"stdout lacks {wanted!r}" for wanted in test["expect_contains"] if wanted not in text]
    problems += [f"stdout has no match of {wanted!r}" for wanted in test["expect_regex"] if not re.search(wanted, text, re.MULTILINE)]
    problems += [f"stdout contains {unwanted!r}" for unwanted in test["expect_absent"] if unwanted in text]
    wrong_errors = [f"stderr lacks {wanted!r}" for wanted in [test["expect_stderr"]] if wanted not in errors]
    wrong_errors += [f"stderr has no match of {wanted!r}" for wanted in test["expect_stderr_regex"] if not re.search(wanted, errors, re.MULTILINE)]
    wrong_errors += [f"stderr contains {unwanted!r}" for unwanted in test["expect_stderr_absent"] if unwanted in errors]
    if wrong_errors:
        problems += [*wrong_errors, f"stderr was:\n{errors[-2000:].strip()}"]
    if problems and stdout is None:
        problems.append(f"stdout was:\n{text[-2000:]}")
    return problems


def _on_host(program: list[str], stdin: bytes, timeout: float) -> Ended:
    """The same command with the same busybox on Linux, in an empty folder."""
    search = ":".join(os.path.join(TEST_ROOT, folder) for folder in _FOLDERS_OF_PROGRAMS)
    environment = {"PATH": search, "HOME": "/root", "LANG": "C.UTF-8"}
    with tempfile.TemporaryDirectory() as folder:
        path = next((found for part in search.split(":") if os.path.lexists(found := os.path.join(part, program[0]))), program[0])
        done = subprocess.run([path, *program[1:]], input=stdin, capture_output=True, env=environment, cwd=folder, timeout=timeout,
                              check=False)
    return Ended(done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout, done.stderr)
