"""How long `./portico run` takes to the first line of a shell script, and the guest's memory in use then."""
from __future__ import annotations

import os
import re
import statistics
import subprocess
import time

import options
import paths
from benchmarks.figures import Run
from benchmarks.programs import FOLDER
from failure import Failure

CPUS = 2  # as ./portico run gives by itself
MEMORY = "256M"
_SCRIPT = "echo ready; while read line; do echo $line; done < /proc/meminfo"  # by the shell alone
_BOOTS, _BOOTS_QUICKLY = 7, 1
_TIMEOUT_SECONDS = 60


def measure(quick: bool) -> Run:
    """The median time of several boots on whatever else the host does; the memory is the same in each. All that is not free counts: kernel, servers,
    shell, and the root file system, which is in memory."""
    boots = [_boot() for _ in range(_BOOTS_QUICKLY if quick else _BOOTS)]
    times = [milliseconds for milliseconds, _ in boots]
    return Run("portico", CPUS, [
        {"row": "boot_time", "unit": "ms", "value": statistics.median(times), "minimum": min(times)},
        {"row": "boot_memory", "unit": "bytes", "value": statistics.median(used for _, used in boots)},
    ])


def _boot() -> tuple[float, int]:
    log = os.path.join(FOLDER, "portico-boot.log")
    command = [os.path.join(paths.REPOSITORY, "portico"), "run", "--cpus", str(CPUS), "--memory", MEMORY, "--log", log,
               "--timeout", str(_TIMEOUT_SECONDS), "--", "sh", "-c", _SCRIPT]
    begin = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as running:
        first = running.stdout.readline()
        milliseconds = (time.monotonic() - begin) * 1000
        rest = running.stdout.read()
    free = re.search(r"MemFree: +(\d+) kB", rest)
    if running.returncode != 0 or first != "ready\n" or free is None:
        raise Failure(f"the script that is timed ended with status {running.returncode}: {first + rest!r} (kernel log: {log})")
    return milliseconds, options.memory(MEMORY) - int(free[1]) * 1024
