"""From the guest's reports to the exit status of the host command (docs/host.md, Exit status)."""
from __future__ import annotations

LOG_TAIL_BYTES = 1 << 20
NO_REPORT = "the virtual machine ended without a report"
_FAILED = "init: the system failed: "  # where it cannot reach us by the terminal server


class Outcome:
    """How a run ended: the exit status, and for failures of the system their cause in one line."""

    __slots__ = ("status", "cause")

    def __init__(self, status: int, cause: str = "") -> None:
        self.status, self.cause = status, cause


def from_wait_status(wait_status: int) -> int:
    """A wait(2) status as a shell would show it: the exit code, or 128 + signal."""
    signal = wait_status & 0x7F
    return 128 + signal if signal else wait_status >> 8 & 0xFF


def cause_in_log(log_path: str) -> str:
    """Why the virtual machine ended without a report: the kernel's panic line, else init's last word, else QEMU's own complaint."""
    try:
        with open(log_path, "rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    panics = [line for line in lines if line.startswith("panic: ")]
    if panics:
        return f"kernel {panics[0]}"
    failures = [line.removeprefix(_FAILED) for line in lines if line.startswith(_FAILED)]
    if failures:
        return failures[-1]
    complaints = [line for line in lines if line.startswith(("qemu", "setpriv"))]
    if complaints:
        return complaints[-1]
    return NO_REPORT
