"""The native programs in tests/native: they make the kernel's own calls, so only the guest can run them."""
from __future__ import annotations

import os
import re

import paths
from checks.guest import TEST_ROOT, Case, portico_run

FOLDER = os.path.join(paths.REPOSITORY, "tests", "native")
_TIMEOUT_SECONDS = 180  # payload takes 6 s on a quiet host with two cores, and 45 s on one with ten busy threads for each
_COUNTED_TIMEOUT_SECONDS = 180  # a second under icount is 10 or more


def cases(quick: bool) -> list[Case]:
    found = []
    for file_name in sorted(os.listdir(FOLDER)):
        if not file_name.endswith("_test.cpp"):
            continue
        name = file_name.removesuffix(".cpp")
        with open(os.path.join(FOLDER, file_name), encoding="utf-8") as file:
            header = dict(re.findall(r"^/// (cpus|counted): (.+)$", file.read(), re.MULTILINE))
        counts = [2] if quick else [int(word) for word in header.get("cpus", "1 2 4").split()]
        for count in counts:
            short = name.removesuffix("_test")
            found.append(Case(f"native/{short}/cpus-{count}",
                              lambda log, name=name, count=count: _run(name, ["-c", str(count)], [], _TIMEOUT_SECONDS, log)))
        if "counted" in header:
            found.append(Case(f"native/{short}/counted", lambda log, name=name, words=header["counted"].split():
                              _run(name, ["-c", "1", "--accel", "icount"], words, _COUNTED_TIMEOUT_SECONDS, log)))
    return found


def _run(name: str, flags: list[str], words: list[str], timeout: float, log: str) -> str:
    """Each promise that held is a line "ok …"; a program that ends early or says anything else has failed."""
    ended = portico_run(log, timeout, [*flags, "-w", "/tmp", "--rootfs", TEST_ROOT, "--root-in-memory"], [f"/tests/native/{name}", *words])
    lines = ended.stdout.decode("utf-8", "replace").splitlines()
    if ended.status == 0 and lines and all(line.startswith("ok ") for line in lines):
        return ""
    told = "\n".join(lines) or "nothing"
    return f"exit status is {ended.status}; stdout:\n{told}\nstderr: {ended.stderr.decode('utf-8', 'replace')[-2000:].strip()}"
