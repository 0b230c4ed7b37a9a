"""boot/run: what the guest is to run, as zero-terminated key=value strings (docs/architecture.md, Boot)."""
from __future__ import annotations

import os

from failure import usage

DEFAULT_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
}


class Streams:
    """How the guest's standard streams reach ours. A terminal only if both stdin and stdout are one."""

    def __init__(self, stdin: str, stdout: str, stderr: str, columns: int = 80, rows: int = 24) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.columns, self.rows = columns, rows

    @property
    def terminal(self) -> bool:
        return self.stdin == "terminal"

    @classmethod
    def of_this_process(cls) -> Streams:
        if _is_terminal(0) and _is_terminal(1):
            columns, rows = terminal_size()
            return cls("terminal", "terminal", "terminal" if _is_terminal(2) else "stream", columns, rows)
        return cls("stream" if _is_open(0) else "none", "stream", "stream")


def _is_terminal(descriptor: int) -> bool:
    return os.isatty(descriptor)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
        return True
    except OSError:
        return False


def terminal_size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(0)
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


def environment(given: list[str], terminal: bool) -> dict[str, str]:
    """The program's environment: defaults, TERM if it has a terminal, then the -e flags (K=V, or K for our own value)."""
    result = dict(DEFAULT_ENVIRONMENT)
    if terminal:
        result["TERM"] = os.environ.get("TERM", "linux")
    for item in given:
        key, equals, value = item.partition("=")
        if not key:
            raise usage(f"--env {item}: the name is empty; write NAME=VALUE or NAME")
        if equals:
            result[key] = value
        elif key in os.environ:
            result[key] = os.environ[key]
        else:
            result.pop(key, None)  # as env(1) and docker do: a name that is unset here is unset there
    return result


def encode(streams: Streams, program: list[str], variables: dict[str, str], workdir: str | None, extra: list[str] = ()) -> bytes:
    """The file's bytes. Without a program: a login shell. `extra`: entries for servers."""
    items = ["link=framed", f"stdin={streams.stdin}", f"stdout={streams.stdout}", f"stderr={streams.stderr}"]
    if streams.terminal:
        items += [f"columns={streams.columns}", f"rows={streams.rows}"]
    if workdir:
        items.append(f"workdir={workdir}")
    items += extra
    items += [f"env={key}={value}" for key, value in variables.items()]
    items += [f"arg={word}" for word in program or ["/bin/sh", "-l"]]
    return b"".join(os.fsencode(item) + b"\0" for item in items)
