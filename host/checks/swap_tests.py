"""Programs with more memory than there is, whatever happens to the disk, its driver and the swap server. The D numbers are those of the threats
that each test stands for: thrashing, errors of the disk, wrong data, a full disk, the death of the pager (docs/swap.md).

With PORTICO_SWAP_FULL=1 in the environment they run for a minute with a pattern of 256 MiB in 64 MiB."""
from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable

import default_root
import paths
from checks.guest import Case, Ended, portico_run
from failure import Failure

_IN_FULL = bool(os.environ.get("PORTICO_SWAP_FULL"))
_PATTERN_MIB, _SECONDS, _FORK = (256, 60, 400) if _IN_FULL else (72, 3, 40)  # of the program's arguments
_SWAP = "512M"
_TIMEOUT = 1200.0 if _IN_FULL else 240.0
_ROOT = os.path.join(paths.BUILD, "swap-root")
_STAMP = _ROOT + ".built-from"
_SOURCE = os.path.join(paths.REPOSITORY, "tests", "swap", "pattern.c")
_WORST_ANSWER_MS = 60_000  # of a shell command meanwhile; on a host that does nothing else it takes a second
_KILLED_BY_BUS_ERROR, _KILLED_FOR_MEMORY = 135, 137


def cases(quick: bool) -> list[Case]:
    tests: dict[str, Callable[[str], str]] = {
        "D1-pattern": _pattern, "D4-disk-errors": _disk_errors, "D5-wrong-data": _wrong_data, "D6-full": _full,
        "D7-server-killed": lambda log: _killed(log, "swap"), "driver-killed": lambda log: _killed(log, "vda"), "what-is-told": _told}
    return [Case(f"swap/{name}", test) for name, test in tests.items()]


def _run(log: str, script: str, flags: list[str]) -> Ended:
    _prepare()
    return portico_run(log, _TIMEOUT, ["-c", "2", "-m", "64M", "--rootfs", _ROOT, "--root-in-memory", *flags], ["sh", "-c", script])


_prepared = threading.Lock()


def _prepare() -> None:
    """A small root file system, for it is in memory: the default one and the program."""
    inputs = [_SOURCE, default_root.__file__, default_root.BUSYBOX, *default_root.tools(), __file__]
    seen = "".join(f"{path} {os.stat(path).st_mtime_ns}\n" for path in inputs)
    with _prepared:
        if os.path.exists(_STAMP) and open(_STAMP, encoding="utf-8").read() == seen:
            return
        default_root.write(_ROOT)
        done = subprocess.run(["gcc", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-static", "-pthread",
                               "-s", "-o", os.path.join(_ROOT, "bin", "pattern"), _SOURCE], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"tests/swap/pattern.c does not build:\n{done.stderr}")
        with open(_STAMP, "w", encoding="utf-8") as stamp:
            stamp.write(seen)


# Runs shell commands as long as process $1 lives, and tells how long the slowest took.
_WATCH = """
now() { read up rest < /proc/uptime; now=$((${up%.*} * 100 + 1${up#*.} - 100)); }
watch() {
    answers=0 worst=0
    while kill -0 $1 2>/dev/null; do
        now; before=$now
        ls / > /dev/null
        now; took=$((now - before)); [ $took -gt $worst ] && worst=$took
        answers=$((answers + 1))
        sleep 0.1
    done
    echo "$answers answers, the slowest in ${worst}0 ms"
}
counts() { grep -E '^pswp' /proc/vmstat | tr '\\n' ' '; grep -E '^(SwapTotal|SwapFree)' /proc/meminfo | tr -s ' \\n' ' '; echo; }
"""


def _why(ended: Ended, problems: list[str]) -> str:
    if not problems:
        return ""
    return "; ".join(problems) + f"\nstatus {ended.status}; stdout:\n{_text(ended)[-2000:]}\nstderr:\n" \
        f"{ended.stderr.decode('utf-8', 'replace')[-2000:]}"


def _text(ended: Ended) -> str:
    return ended.stdout.decode("utf-8", "replace")


def _log_has(log: str, text: str) -> int:
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read().count(text)


def _answers(ended: Ended) -> list[str]:
    """What is wrong with the shell's answers meanwhile."""
    found = re.search(r"^(\d+) answers, the slowest in (\d+) ms$", _text(ended), re.MULTILINE)
    if not found:
        return ["the shell did not tell how it went"]
    return [] if int(found[1]) > 0 and int(found[2]) <= _WORST_ANSWER_MS else ["a shell command did not answer in time"]


def _is_pattern_right(ended: Ended) -> list[str]:
    problems = [] if ended.status == 0 else [f"status {ended.status}"]
    return problems + [f"stdout lacks {wanted!r}" for wanted in ["ok pattern\n", "pattern 0\n"] if wanted not in _text(ended)]


def _swap_is_free_again(ended: Ended) -> list[str]:
    """The last line of counts: all that was swapped out is gone with its owner."""
    found = re.findall(r"pswpin (\d+) pswpout (\d+) SwapTotal: (\d+) kB SwapFree: (\d+) kB", _text(ended))
    if not found:
        return ["the counts of swap are not told"]
    swapped_in, swapped_out, total, free = map(int, found[-1])
    problems = [] if swapped_in > 0 and swapped_out > 0 else ["nothing was swapped"]
    return problems + ([] if total - free < 4096 else [f"{total - free} kB of swap are still taken"])


def _pattern(log: str) -> str:
    """Threads fill, read and rewrite more memory than there is, and fork; a shell command answers meanwhile."""
    ended = _run(log, f"{_WATCH}pattern {_PATTERN_MIB} {_SECONDS} 2 1 {_FORK} & p=$!; watch $p; wait $p; echo pattern $?; counts", ["--swap", _SWAP])
    return _why(ended, _is_pattern_right(ended) + _answers(ended) + _swap_is_free_again(ended))


def _killed(log: str, server: str) -> str:
    """The same while the swap server, or the driver of its disk, is killed again and again."""
    script = f"""{_WATCH}pattern {_PATTERN_MIB} {max(_SECONDS, 6)} 2 1 {_FORK} & p=$!
until grep -q 'pswpout [1-9]' /proc/vmstat; do sleep 0.1; done
for i in 1 2 3 4 5; do echo kill {server} > /proc/portico/servers
until grep -q '^{server} running '$i /proc/portico/servers; do sleep 0.1; done; sleep 0.4; done
watch $p; wait $p; echo pattern $?; grep '^{server} ' /proc/portico/servers; counts"""
    ended = _run(log, script, ["--swap", _SWAP])
    problems = _is_pattern_right(ended) + _swap_is_free_again(ended)
    return _why(ended, problems + ([] if f"{server} running 5\n" in _text(ended) else [f"{server} was not killed and restarted five times"]))


def _several(seconds: int) -> str:
    """Four programs that together have more memory than there is. They fork no children, whose deaths would be theirs."""
    return f"""{_WATCH}
for i in 1 2 3 4; do pattern {_PATTERN_MIB // 4 + 2} {seconds} 1 $i 0 & eval p$i=$!; done
watch $p1; for p in $p1 $p2 $p3 $p4; do wait $p; echo ended $?; done; counts"""


def _only_owners_died(ended: Ended, deaths_max: int) -> list[str]:
    statuses = [int(status) for status in re.findall(r"^ended (\d+)$", _text(ended), re.MULTILINE)]
    deaths = statuses.count(_KILLED_BY_BUS_ERROR)
    problems = [] if ended.status == 0 and len(statuses) == 4 else ["the shell did not see all programs end"]
    if deaths + statuses.count(0) != len(statuses):
        problems.append("a program ended otherwise than well or by SIGBUS")
    return problems + ([] if 1 <= deaths <= deaths_max else [f"{deaths} programs lost a page, expected 1 to {deaths_max}"])


def _disk_errors(log: str) -> str:
    """Two slots that cannot be read: whose page is there loses it, at most one program each. Two that cannot be written: nobody notices."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules, tempfile.NamedTemporaryFile(suffix=".img") as image:
        os.truncate(image.name, 512 << 20)
        for event, slot in [("read_aio", 40), ("read_aio", 1500), ("write_aio", 90), ("write_aio", 700)]:
            rules.write(f'[inject-error]\nevent = "{event}"\nerrno = "5"\nsector = "{slot * 8}"\n\n')
        rules.flush()
        ended = _run(log, _several(_SECONDS), ["--swap", f"blkdebug:{rules.name}:{image.name}"])
    problems = _only_owners_died(ended, 2) + _answers(ended) + _swap_is_free_again(ended)
    if _log_has(log, "cannot be written") == 0:
        problems.append("no slot was found that cannot be written")
    return _why(ended, problems)


def _wrong_data(log: str) -> str:
    """The disk's bytes change while they are there: each page that comes back is right, or it does not come back."""
    with tempfile.NamedTemporaryFile(suffix=".img") as image:
        os.truncate(image.name, 512 << 20)
        ended_event = threading.Event()
        spoiler = threading.Thread(target=_spoil, args=(image.name, ended_event))
        spoiler.start()
        try:
            ended = _run(log, _several(_SECONDS), ["--swap", image.name])
        finally:
            ended_event.set()
            spoiler.join()
    problems = _only_owners_died(ended, 4) + _answers(ended)
    if _log_has(log, "does not hold what was written") == 0:
        problems.append("no wrong page was noticed")
    return _why(ended, problems)


def _spoil(path: str, ended: threading.Event) -> None:
    """Flips a bit in one of the first slots that hold something, four times a second."""
    choose = random.Random(5)
    with open(path, "r+b", buffering=0) as file:
        while not ended.wait(0.25):
            place = choose.randrange(2000) * 4096 + choose.randrange(4096)
            file.seek(place)
            byte = file.read(1)
            if byte != b"\0":
                file.seek(place)
                file.write(bytes([byte[0] ^ 1 << choose.randrange(8)]))


def _full(log: str) -> str:
    """More than memory and swap together: the program that has most is killed, and the rest of the system goes on."""
    script = f"""{_WATCH}pattern 120 30 2 1 0 & p=$!; watch $p; wait $p; echo hog $?
pattern 20 1 2; echo pattern $?; counts"""
    ended = _run(log, script, ["--swap", "32M"])
    problems = _is_pattern_right(ended) + _answers(ended)
    if f"hog {_KILLED_FOR_MEMORY}\n" not in _text(ended):
        problems.append("the program that asked for too much was not killed")
    return _why(ended, problems)


def _told(log: str) -> str:
    """/proc tells of swap what is true, and without a disk that there is none."""
    script = """cat /proc/swaps; grep -E '^Swap(Total|Free)' /proc/meminfo | tr -s ' '; free | grep Swap | tr -s ' '
pattern 72 5 1 1 0 & p=$!; until grep -q "pswpin [1-9]" /proc/vmstat; do sleep 0.2; done; grep VmSwap /proc/$p/status | tr -s '\\t ' ' '
awk '/^Swap:/ { sum += $2 } END { print "smaps", sum }' /proc/$p/smaps; awk '/^SwapTotal/ { t = $2 } /^SwapFree/ { print "used", t - $2 }' /proc/meminfo
wait $p; echo ended $?"""
    ended = _run(log, script, ["--swap", "128M"])
    size = (128 << 20) // 4096 - 512  # a 64th of the slots are spare
    size_kib = size * 4
    wanted = ["Filename", f"partition\t{size_kib}\t\t0\t\t-2\n", f"SwapTotal: {size_kib} kB\n", f"SwapFree: {size_kib} kB\n",
              f"Swap: {size_kib} 0 {size_kib}\n", "ended 0\n"]
    text = _text(ended)
    problems = [f"stdout lacks {each!r}" for each in wanted if each not in text]
    amounts = [re.search(pattern, text) for pattern in (r"VmSwap: (\d+) kB", r"smaps (\d+)", r"used (\d+)")]
    if not all(amounts) or any(int(found[1]) < 10_000 for found in amounts if found):
        problems.append("a program of 72 MiB in 64 MiB has less than 10,000 kB in swap")
    none = _run(log, "cat /proc/swaps; grep -E '^Swap(Total|Free)' /proc/meminfo | tr -s ' '", [])
    if _text(none).count("\n") != 3 or "SwapTotal: 0 kB\nSwapFree: 0 kB\n" not in _text(none):
        problems.append(f"without a disk: {_text(none)!r}")
    return _why(ended, problems)
