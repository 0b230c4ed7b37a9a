"""Interactive tests: a person at a terminal, played through a pseudo-terminal (tests/interactive/*.py)."""
from __future__ import annotations

import importlib.util
import os
import pty
import re
import select
import signal
import termios
import time

import paths
from checks.guest import Case

FOLDER = os.path.join(paths.REPOSITORY, "tests", "interactive")
_EXPECT_SECONDS = 20.0
_SEEN_SHOWN = 1500


class Typist:
    """A host command with a terminal of its own. Passed to each test function; ended by the runner.

    Ownership: owns the child process and the terminal's master side.
    """

    def __init__(self, log: str, columns: int = 80, rows: int = 24) -> None:
        self._unread = b""
        command = os.path.join(paths.REPOSITORY, "portico")
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            # The child waits until the size is set, which it reads once at start.
            time.sleep(0.1)
            os.execve(command, [command, "run", "--log", log, "--kernel-words", "trace"], {**os.environ, "TERM": "xterm"})
        termios.tcsetwinsize(self._terminal, (rows, columns))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def expect(self, pattern: str, seconds: float = _EXPECT_SECONDS) -> str:
        """Waits until the output matches; what was before the match's end is then read. Returns the match."""
        compiled = re.compile(pattern.encode(), re.MULTILINE)
        deadline = time.monotonic() + seconds
        while not (found := compiled.search(self._unread)):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                reason = "in time" if left <= 0 else "before the command ended"
                raise AssertionError(f"{pattern!r} did not come {reason}; seen: {self._unread[-_SEEN_SHOWN:]!r}")
        self._unread = self._unread[found.end():]
        return found.group().decode("utf-8", "replace")

    def resize(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self._terminal, (rows, columns))

    def wait_status(self, seconds: float = _EXPECT_SECONDS) -> int:
        """The exit status of the host command, which must end by itself now."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read(0.05)
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._process = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the command did not end; seen: {self._unread[-_SEEN_SHOWN:]!r}")

    def end(self) -> None:
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._terminal)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], min(seconds, 0.2))[0]:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            data = b""  # EIO: the other side has closed
        self._unread += data
        return bool(data)


def cases() -> list[Case]:
    """A case for each function test_…(typist) in tests/interactive."""
    found = []
    for name in sorted(os.listdir(FOLDER)):
        if not name.endswith(".py"):
            continue
        spec = importlib.util.spec_from_file_location(f"interactive_{name[:-3]}", os.path.join(FOLDER, name))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for function_name, function in vars(module).items():
            if function_name.startswith("test_"):
                found.append(Case(f"interactive/{name[:-3]}/{function_name[5:]}", lambda log, function=function: _run(function, log)))
    return found


def _run(function, log: str) -> str:
    typist = Typist(log)
    try:
        function(typist)
        return ""
    except AssertionError as problem:
        return str(problem)
    finally:
        typist.end()
