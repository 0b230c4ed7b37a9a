"""portico strace: portico run, with the program's Linux calls written to stderr (or a file) as strace does (docs/strace.md)."""
from __future__ import annotations

import os
import re

import options
import paths
import run
from failure import usage
from options import Flag

CLASSES = ("file", "desc", "process", "memory", "signal", "network")


def _selection(text: str) -> str:
    """The LIST of -e trace=LIST, with every name checked."""
    key, equals, names = text.partition("=")
    if not equals:
        key, names = "trace", key
    if key not in ("trace", "t"):
        raise ValueError("only trace=LIST is known: names of calls, separated by commas")
    known = call_names()
    for name in names.removeprefix("!").split(","):
        if name.removeprefix("%") in (*CLASSES, "all", "none") or name in known:
            continue
        hint = options.nearest(name.removeprefix("%"), [*known, *CLASSES])
        raise ValueError(f"there is no Linux call '{name}'" + (f"; did you mean {hint}?" if hint else ""))
    return names


def _length(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError("not a number from 0 to 65535")
    return int(text)


FLAGS = [
    Flag("expr", "show only these calls: names, or classes as %file (" + ", ".join(CLASSES) + "); !LIST: all others", "trace=LIST", "e",
         parse=_selection),
    Flag("summary-only", "count calls, errors and time, and show the table at the end instead of the calls", short="c"),
    Flag("output", "write the trace to a file of the host instead of stderr", "FILE", "o"),
    Flag("string-limit", "show so many bytes of strings that are no paths (default 32)", "N", "s", parse=_length),
    Flag("follow-forks", "follow child processes: always so", short="f"),
    # strace's own letters come before those of run.
    *(Flag(flag.name, flag.help, flag.value, "" if flag.short in "ecosf" else flag.short, flag.default, flag.parse, flag.repeat)
      for flag in run.FLAGS if flag.name != "gdb"),
]


def main(arguments: list[str]) -> int:
    parsed = options.parse("strace", FLAGS, arguments, words=None)
    if not parsed.words:
        raise usage("strace: which program? ./portico strace [FLAGS] -- PROGRAM ARGUMENTS… (portico help strace)")
    items = ["strace=on"]
    if parsed["expr"] is not None:
        items.append(f"strace_calls={parsed['expr']}")
    if parsed["summary-only"]:
        items.append("strace_summary=on")
    if parsed["string-limit"] is not None:
        items.append(f"strace_string={parsed['string-limit']}")
    return run.start(parsed, extra=items, trace=parsed["output"])


def call_names() -> list[str]:
    """Every Linux call there is, from the runtime library's list."""
    with open(os.path.join(paths.REPOSITORY, "posix", "linux_call_list.h"), encoding="utf-8") as text:
        return re.findall(r'^    \{\d+, "(\w+)"', text.read(), re.MULTILINE)
