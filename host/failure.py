"""The one exception of the host command: what went wrong in one line, and the exit status that says so."""
from __future__ import annotations

SYSTEM_FAILED = 125  # the host command (wrong flags among it) or the system failed, not the program that was run


class Failure(Exception):
    """Ends the command: `str(failure)` goes to stderr, `status` becomes the exit status."""

    def __init__(self, cause: str, status: int = SYSTEM_FAILED) -> None:
        super().__init__(cause)
        self.status = status


def usage(cause: str) -> Failure:
    """The command was called wrongly. The same status, as of docker run: 2 may well be the program's own."""
    return Failure(cause)
