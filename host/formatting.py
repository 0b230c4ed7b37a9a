"""portico format: clang-format over the C++ and C sources, by the settings in .clang-format."""
from __future__ import annotations

import os
import subprocess
import sys

import options
import packages
import paths
from failure import Failure
from options import Flag

FLAGS = [Flag("check", "change nothing; name the files that are not in the format and end with status 1")]
_FOLDERS = ("abi", "libs", "kernel", "runtime", "protocols", "posix", "servers", "drivers", "tests", "bench")
_ENDINGS = (".h", ".cpp", ".c")


def main(arguments: list[str]) -> int:
    parsed = options.parse("format", FLAGS, arguments)
    packages.require(packages.TO_FORMAT)
    if parsed["check"]:
        wrong = unformatted()
        sys.stdout.write("".join(f"{path}\n" for path in wrong))
        return 1 if wrong else 0
    _clang_format(["-i"])
    return 0


def sources() -> list[str]:
    """Paths from the repository's root."""
    found = []
    for folder in _FOLDERS:
        for where, _, names in os.walk(os.path.join(paths.REPOSITORY, folder)):
            found += [os.path.relpath(os.path.join(where, name), paths.REPOSITORY) for name in names if name.endswith(_ENDINGS)]
    return sorted(found)


def unformatted() -> list[str]:
    report = _clang_format(["--dry-run"])
    return sorted({line.partition(":")[0] for line in report.splitlines() if "[-Wclang-format-violations]" in line})


def _clang_format(arguments: list[str]) -> str:
    files = sources()
    if not files:
        return ""
    done = subprocess.run(["clang-format-19", "--style=file", *arguments, *files], cwd=paths.REPOSITORY, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise Failure(f"clang-format failed: {done.stderr.strip()}")
    return done.stderr
