"""Collects how tests went and prints them as they end; the last line of a test run comes from here."""
from __future__ import annotations

import sys
import threading


class Results:
    """Locks: lock_ guards the counters and keeps the lines of one report together; guest tests report from two threads."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()
        self._passed = 0
        self._failed: list[str] = []

    def wants(self, name: str) -> bool:
        """Whether --filter lets this test run."""
        return self._wanted in name

    def wants_section(self, section: str) -> bool:
        """Whether a test whose name starts with `section`/ can be wanted; if not, nothing needs to be built for it."""
        head, slash, _ = self._wanted.partition("/")
        return not slash or section.endswith(head)

    def passed(self, name: str, seconds: float | None = None) -> None:
        with self._lock:
            self._passed += 1
            took = f" ({seconds:.1f} s)" if seconds is not None else ""
            self._print(f"ok      {name}{took}\n")

    def failed(self, name: str, why: str) -> None:
        with self._lock:
            self._failed.append(name)
            indented = "".join(f"    {line}\n" for line in why.rstrip().splitlines())
            self._print(f"FAILED  {name}\n{indented}")

    def note(self, text: str) -> None:
        with self._lock:
            self._print(f"{text}\n")

    def finish(self) -> int:
        """Prints the names that failed and the closing line; returns the exit status."""
        for name in self._failed:
            self._print(f"failed: {name}\n")
        self._print(f"{self._passed} passed, {len(self._failed)} failed\n")
        return 1 if self._failed else 0

    @staticmethod
    def _print(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
