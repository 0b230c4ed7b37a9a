"""Names of the numbers in a trace, as the program trace_names of the build prints them (tools/trace_names.cpp)."""
from __future__ import annotations

import os
import subprocess

import paths
from failure import Failure

PROGRAM = os.path.join(paths.SYSTEM, "tools", "trace_names")


class Names:
    """Number → name, by kind of number."""

    def __init__(self, text: str) -> None:
        self._tables: dict[str, dict[int, str]] = {}
        for line in text.splitlines():
            kind, number, name = line.split(" ", 2)
            self._tables.setdefault(kind, {})[int(number)] = name

    @classmethod
    def of_the_build(cls) -> Names:
        try:
            return cls(subprocess.run([PROGRAM], capture_output=True, text=True, check=True).stdout)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failure(f"the names for the trace are not to be had: {error}") from None

    def of(self, kind: str, number: int) -> str:
        return self._tables.get(kind, {}).get(number) or f"{kind} {number}"
