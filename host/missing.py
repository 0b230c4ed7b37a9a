"""portico run --missing: what a program asked of Linux and did not get, counted, out of a trace of its calls (docs/host.md)."""
from __future__ import annotations

import collections
import re
import sys

# One finished call: name, arguments, error. Calls that other threads' lines cut in two count by their second half.
_FAILED = re.compile(r"^(?:\[pid +\d+\] )?(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*?)\)? += -1 (E\w+)")
_KERNEL_PATH = re.compile(r'"(/(?:proc|sys|dev)(?:/[^"]*)?)"')
_REFUSED = {"EINVAL", "EOPNOTSUPP", "ENOTTY", "EPROTONOSUPPORT", "EAFNOSUPPORT", "ESOCKTNOSUPPORT", "ENOPROTOOPT", "ENODEV"}
# Calls with an argument that says what is wanted, and where it stands. A refusal of others more often means a mistake of the program's.
_OPTIONS = {"ioctl": [1], "fcntl": [1], "prctl": [0], "arch_prctl": [0], "madvise": [2], "mmap": [2, 3], "mremap": [3], "socket": [0, 1, 2],
            "socketpair": [0, 1, 2], "setsockopt": [1, 2], "getsockopt": [1, 2], "futex": [1], "fallocate": [1], "clone": [1], "clone3": [0],
            "personality": [0], "renameat2": [4], "statx": [2], "splice": [5], "sched_setscheduler": [1], "membarrier": [0], "openat": [2],
            "open": [1], "keyctl": [0], "mount": [2, 3]}
# What terminals alone answer; programs ask it of every descriptor to learn whether it is one.
_QUESTIONS = {"TCGETS", "TIOCGWINSZ", "TIOCGPGRP"}


def report(trace: str) -> None:
    """Prints the table to stderr."""
    with open(trace, encoding="utf-8", errors="replace") as lines:
        counts = count(lines)
    if not counts:
        sys.stderr.write("portico: nothing was missing\n")
        return
    sys.stderr.write("portico: asked for and not there:\n")
    for (kind, what), times in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        sys.stderr.write(f"{times:7}  {kind:6} {what}\n")


def count(lines) -> collections.Counter[tuple[str, str]]:
    """(call, option or path; which) → how often."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for line in lines:
        found = _FAILED.match(line)
        if not found:
            continue
        name, arguments, error = found.groups()
        path = _KERNEL_PATH.search(arguments)
        if error == "ENOSYS":
            counts["call", name] += 1
        elif error in ("ENOENT", "ENXIO") and path:
            counts["path", re.sub(r"(?<=/)\d+(?=/|$)", "N", path.group(1))] += 1
        elif error in _REFUSED and name in _OPTIONS:
            words = _split(arguments)
            chosen = [words[place] for place in _OPTIONS[name] if place < len(words)]
            if chosen and not (error == "ENOTTY" and chosen[0] in _QUESTIONS):
                counts["option", f"{name} {', '.join(chosen)} ({error})"] += 1
    return counts


def _split(arguments: str) -> list[str]:
    """At the commas that are not within brackets or quotes."""
    words, depth, quoted, start = [], 0, False, 0
    for place, character in enumerate(arguments):
        if character == '"' and (place == 0 or arguments[place - 1] != "\\"):
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            words.append(arguments[start:place].strip())
            start = place + 1
    return [*words, arguments[start:].strip()]
