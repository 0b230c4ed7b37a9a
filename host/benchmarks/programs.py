"""The benchmark programs of bench/: built, packed into a root file system of their own, run in Portico."""
from __future__ import annotations

import json
import os
import shutil
import subprocess

import build
import paths
from benchmarks.figures import Run
from failure import Failure

FOLDER = os.path.join(paths.BUILD, "bench")
ROOT = os.path.join(FOLDER, "root")
PROGRAMS = ("ipc_native",)
_BUILT = os.path.join(paths.SYSTEM, "bench")
_FOLDERS = ("bench", "dev", "proc", "tmp")
_TIMEOUT_SECONDS = 600


def prepare() -> None:
    """Builds the system and the programs, and lays out the root file system that holds them alone."""
    build.build_if_needed()
    build.ninja(paths.SYSTEM, ["benchmarks"], quiet=True)
    for name in _FOLDERS:
        os.makedirs(os.path.join(ROOT, name), exist_ok=True)
    for name in PROGRAMS:
        built, packed = os.path.join(_BUILT, name), os.path.join(ROOT, "bench", name)
        if not os.path.exists(packed) or os.stat(packed).st_mtime_ns < os.stat(built).st_mtime_ns:
            shutil.copy(built, packed)


def run(program: str, unit: str, cpus: int, flags: list[str]) -> Run:
    """Boots Portico through the host command itself, as a user would, and reads what the program prints."""
    accelerator = "icount" if unit == "instructions" else "tcg"
    log = os.path.join(FOLDER, f"portico-{program}-{unit}-{cpus}.log")
    command = [os.path.join(paths.REPOSITORY, "portico"), "run", "--accel", accelerator, "--cpus", str(cpus), "--rootfs", ROOT, "--log", log,
               "--timeout", str(_TIMEOUT_SECONDS), "--", f"/bench/{program}", *([] if unit == "instructions" else ["--time"]), *flags]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{program} on Portico ended with status {done.returncode}: {done.stderr.strip()[-500:]} (kernel log: {log})")
    return Run("portico", cpus, rows_in(done.stdout))


def rows_in(output: str) -> list[dict]:
    """The lines of JSON that bench/measure.cpp prints; a console may have others."""
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"row": ')]
