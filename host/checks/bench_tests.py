"""The benchmarks run in the guest, with few repetitions: every row must have a figure that can be one."""
from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile

import paths
from benchmarks import figures
from checks.guest import Case

_TIMEOUT_SECONDS = 600


def cases() -> list[Case]:
    return [Case(f"system/bench_{name}", lambda log, name=name: _run(name, log)) for name in ("ipc", "memory", "posix")]


def _run(name: str, log: str) -> str:
    """Without Linux: fetching its kernel needs the network, and whether the figures compare well is not the question."""
    with tempfile.TemporaryDirectory() as folder:
        rows, page = os.path.join(folder, "rows.json"), os.path.join(folder, "page.html")
        command = [os.path.join(paths.REPOSITORY, "portico"), "bench", "--quick", "--no-linux", "--json", rows, "--html", page, name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        with open(log, "w", encoding="utf-8") as file:
            file.write(done.stdout + done.stderr)
        if done.returncode != 0:
            return f"the command ended with status {done.returncode}: {done.stderr[-2000:].strip()}"
        with open(rows, encoding="utf-8") as file:
            measured = json.load(file)
        with open(page, encoding="utf-8") as file:
            curves = file.read().count("<polyline")
    problems = [f"{row['name']} ({row['unit']}, {row['cpus']} CPUs): {row['value']}" for row in measured if not _can_be(row)]
    problems += [f"{name}: not among the rows" for name in _expected(name) - {row["row"] for row in measured}]
    if name == "ipc" and curves == 0:
        problems.append("the page has no curve")
    return "\n".join(problems)


def _can_be(row: dict) -> bool:
    """A row without a value must say why: the kernel, or Linux's program on it, lacks a call."""
    if row["value"] is None:
        return row.get("absent", "not measured") != "not measured"
    return all(math.isfinite(value) and value > 0 for value in [row["value"], *row.get("x", []), *row.get("y", [])])


def _expected(name: str) -> set[str]:
    rows = {row["row"] for row in figures.asked(name)["rows"]}
    return rows | {"crossover", "throughput", "placement_bytes"} if name == "ipc" else rows
