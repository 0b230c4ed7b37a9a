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
ON_BOTH = ("ipc_linux", "memory_posix", "calls_posix", "memory_tiny", "memory_large")  # what Linux's file system holds, too
PROGRAMS = ("ipc_native", "port_placement", "swap_pages", *ON_BOTH)
_BY_CLOCK = ("port_placement",)  # measures by the clock, which icount moves on by instructions
_BUILT = os.path.join(paths.SYSTEM, "bench")
_FOLDERS = ("bench", "dev", "proc", "tmp")
_TIMEOUT_SECONDS = 600
_MEMORY = "512M"
_SWAPPING = ["--memory", "64M", "--swap", "512M"]  # with a program that has more
_SWAPPED_MIB, _SWAPPED_MIB_QUICKLY = 192, 96


def prepare() -> None:
    """Builds the system and the programs, and lays out the root file system that holds them alone."""
    build.build_if_needed()
    build.build_targets(["benchmarks"])
    for name in _FOLDERS:
        os.makedirs(os.path.join(ROOT, name), exist_ok=True)
    for name in PROGRAMS:
        packed = os.path.join(ROOT, "bench", name)
        if not os.path.exists(packed) or os.stat(packed).st_mtime_ns < os.stat(built(name)).st_mtime_ns:
            shutil.copy(built(name), packed)


def built(program: str) -> str:
    return os.path.join(_BUILT, program)


def run(program: str, unit: str, cpus: int, flags: list[str]) -> Run:
    """Boots Portico through the host command itself, as a user would, and reads what the program prints."""
    accelerator = "icount" if unit == "instructions" else "tcg"
    log = os.path.join(FOLDER, f"portico-{program}-{unit}-{cpus}.log")
    command = [os.path.join(paths.REPOSITORY, "portico"), "run", "--accel", accelerator, "--cpus", str(cpus), "--memory", _MEMORY, "--rootfs", ROOT, "--root-in-memory", "--log", log,
               "--timeout", str(_TIMEOUT_SECONDS), "--", f"/bench/{program}", *_unit_flag(program, unit), *flags]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{program} on Portico ended with status {done.returncode}: {done.stderr.strip()[-500:]} (kernel log: {log})")
    return Run("portico", cpus, rows_in(done.stdout), counted=unit == "instructions")


def swap(cpus: int, quick: bool) -> Run:
    """How fast pages go to a disk and come back."""
    log = os.path.join(FOLDER, "portico-swap.log")
    command = [os.path.join(paths.REPOSITORY, "portico"), "run", "--cpus", str(cpus), *_SWAPPING, "--rootfs", ROOT, "--log", log,
               "--timeout", str(_TIMEOUT_SECONDS), "--", "/bench/swap_pages", str(_SWAPPED_MIB_QUICKLY if quick else _SWAPPED_MIB)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"swap_pages ended with status {done.returncode}: {done.stderr.strip()[-500:]} (kernel log: {log})")
    return Run("portico", cpus, rows_in(done.stdout))


def _unit_flag(program: str, unit: str) -> list[str]:
    return ["--time"] if unit == "ns" and program not in _BY_CLOCK else []


def qemu_version() -> str:
    printed = subprocess.run([paths.qemu(), "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(printed.splitlines()[0].split()[:4])


def rows_in(output: str) -> list[dict]:
    """The lines of JSON that bench/measure.cpp prints; a console may have others."""
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"row": ')]
