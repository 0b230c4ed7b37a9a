"""Programs of our own for the guest that are no servers: those of examples/ and tests/native. Built on demand, for they are large
(each brings its C++ library along) and the default root file system stays in the guest's memory."""
from __future__ import annotations

import os
import subprocess

import build
import default_root
import paths
from failure import Failure

# CMake target → its folder in the build and where its programs are in the guest.
EXAMPLES = ("examples", "examples", "examples")
TESTS = ("native_tests", "tests/native", "tests/native")


def examples_root() -> str:
    """A folder with the default root file system and /examples, up to date."""
    directory = os.path.join(paths.SYSTEM, "examples-root")
    if not os.environ.get("PORTICO_NO_BUILD"):
        build.build_targets([EXAMPLES[0]])
    seen = f"{default_root.__file__} {os.stat(default_root.__file__).st_mtime_ns}\n{fingerprint(EXAMPLES)}"
    if _read(f"{directory}.built-from") != seen or not os.path.isdir(directory):
        default_root.write(directory)
        install(EXAMPLES, directory)
        with open(f"{directory}.built-from", "w", encoding="utf-8") as stamp:
            stamp.write(seen)
    return directory


def install(group: tuple[str, str, str], root: str) -> None:
    """Copies a group's programs, stripped, into a root file system."""
    for path, name in _programs(group):
        target = os.path.join(root, group[2], name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        done = subprocess.run(["llvm-strip-19", "-o", target, path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"llvm-strip-19 failed: {done.stderr.strip()}")


def fingerprint(group: tuple[str, str, str]) -> str:
    """Changes when a program of the group does."""
    return "".join(f"{path} {os.stat(path).st_mtime_ns}\n" for path, _ in _programs(group))


def _programs(group: tuple[str, str, str]) -> list[tuple[str, str]]:
    """Path and name, with its folder, of each program of a group."""
    top = os.path.join(paths.SYSTEM, group[1], "programs")
    found = []
    for where, _, names in sorted(os.walk(top)):
        found += [(path := os.path.join(where, name), os.path.relpath(path, top)) for name in sorted(names)]
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
