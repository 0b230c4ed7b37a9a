"""The one exception of the host command: what went wrong in one line, and the exit status that says so."""
from __future__ import annotations

SYSTEM_FAILED = 125  # the host command or the system failed, not the program that was run
USAGE = 2


class Failure(Exception):
    """Ends the command: `str(failure)` goes to stderr, `status` becomes the exit status."""

    def __init__(self, cause: str, status: int = SYSTEM_FAILED) -> None:
        super().__init__(cause)
        self.status = status


def usage(cause: str) -> Failure:
    return Failure(cause, USAGE)
