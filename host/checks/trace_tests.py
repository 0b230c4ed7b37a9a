"""./portico trace in the guest: whatever was traced, the file must be one that viewers show whole, and tell what happened."""
from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable

import paths
from checks.guest import TEST_ROOT, Case
from checks.trace_check import TraceFile, problems

_SECONDS = 60


def cases(quick: bool) -> list[Case]:
    counts = (2,) if quick else (1, 2, 4)
    found = [Case(f"trace/pipeline/cpus-{count}", lambda log, count=count: _pipeline(log, count)) for count in counts]
    tests: dict[str, Callable[[str], str]] = {"full-rings": _full_rings, "thread-names": _thread_names, "status": _status}
    return found + [Case(f"trace/{name}", test) for name, test in tests.items()]


def _trace(log: str, name: str, flags: list[str], program: list[str]) -> tuple[str, subprocess.CompletedProcess]:
    path = f"{log.removesuffix('.log')}.{name}"
    command = [os.path.join(paths.REPOSITORY, "portico"), "trace", "-o", path, "--log", log, "--timeout", str(_SECONDS), *flags, "--", *program]
    return path, subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS + 30, check=False)


def _judge(path: str, done: subprocess.CompletedProcess, status: int, look: Callable[[TraceFile], list[str]]) -> str:
    if done.returncode != status or not os.path.exists(path):
        return f"status {done.returncode}, expected {status}; stderr: {done.stderr.decode('utf-8', 'replace')[-2000:]}"
    trace = TraceFile(path)
    wrong = [*problems(trace), *look(trace)]
    if not wrong:
        os.unlink(path)
    return "\n".join(wrong[:20])


def _lacking(what: str, wanted: set[str], there: set[str]) -> list[str]:
    return [f"no {what} {name!r}; there are {sorted(there)}" for name in sorted(wanted - there)]


def _pipeline(log: str, cpus: int) -> str:
    path, done = _trace(log, "json", ["-c", str(cpus)], ["sh", "-c", "ls / | wc -l"])

    def look(trace: TraceFile) -> list[str]:
        arrows = {(trace.process_of(start), start["name"], trace.process_of(end)) for start, end in trace.arrows()}
        wrong = _lacking("process", {"init", "uart", "process", "terminal", "pipe", "file", "sh", "wc", "CPUs"}, set(trace.processes.values()))
        wrong += _lacking("track", {f"CPU {cpu}" for cpu in range(cpus)} | {f"CPU {cpu} interrupts" for cpu in range(cpus)},
                          set(trace.threads.values()))
        wrong += _lacking("slice", {"running", "blocked", "port_call", "port_receive", "call file.read", "take file.read", "timer"},
                          {piece["name"] for piece in trace.slices})
        for wanted in (("sh", "process.fork", "process"), ("process", "process.fork reply", "sh"), ("wc", "file.read", "pipe"),
                       ("terminal", "uart.write", "uart")):
            if wanted not in arrows:
                wrong.append(f"no message {wanted[1]!r} from {wanted[0]} to {wanted[2]}")
        if trace.other["lost"] != 0:
            wrong.append(f"{trace.other['lost']} events lost of so few")
        return wrong

    return _judge(path, done, 0, look)


def _full_rings(log: str) -> str:
    """Rings that came round many times: the file tells so, and what is left is as good."""
    path, done = _trace(log, "json.gz", ["--buffer", "16K"], ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do ls / | cat > /dev/null; done"])

    def look(trace: TraceFile) -> list[str]:
        wrong = [] if trace.other["lost"] > 1000 else [f"only {trace.other['lost']} events are said to be lost"]
        if trace.other["events"] > 3 * (16 << 10) // 32:
            wrong.append(f"{trace.other['events']} events are more than fit")
        wrong += _lacking("process", {"sh", "file"}, set(trace.processes.values()))
        return wrong if trace.arrows() else [*wrong, "no messages"]

    if not re.search(rb" [0-9]+ older ones lost", done.stderr):
        return f"stderr does not tell of lost events: {done.stderr.decode('utf-8', 'replace')}"
    return _judge(path, done, 0, look)


def _thread_names(log: str) -> str:
    path, done = _trace(log, "json", ["--rootfs", TEST_ROOT, "--root-in-memory"], ["/tests/glibc/thread_names"])
    return _judge(path, done, 0, lambda trace: _lacking("thread", {"worker", "a name that is ", "leader"},
                                                        {name for (pid, _), name in trace.threads.items()
                                                         if trace.processes[pid] == "leader"}))


def _status(log: str) -> str:
    path, done = _trace(log, "json", [], ["sh", "-c", "exit 7"])
    return _judge(path, done, 7, lambda trace: [])
