"""Linux beside Portico: Debian's cloud kernel, with a file system of nothing but the benchmarks, in the same QEMU."""
from __future__ import annotations

import glob
import os
import shutil
import stat
import subprocess

import cpio
import packages
import paths
import virtual_machine
from benchmarks import programs
from benchmarks.figures import Run
from failure import Failure

PACKAGE = "linux-image-cloud-amd64"  # depends on the package of the newest version
FOLDER = os.path.join(programs.FOLDER, "linux")
KERNEL = os.path.join(FOLDER, "vmlinuz")
# Console messages off, so that only the programs' lines are on it. Mitigations are as Linux chooses them.
_KERNEL_ARGUMENTS = "console=ttyS0 quiet loglevel=1 panic=-1"
_MEMORY_BYTES = 512 << 20
_TIMEOUT_SECONDS = 900
_CONSOLE_DEVICE = (5 << 8) | 1


def kernel() -> str:
    """The path of Debian's kernel, fetched if it is not there yet."""
    if not os.path.exists(KERNEL):
        _fetch_kernel()
    return KERNEL


def prepare() -> str:
    """Fetches the kernel if it is not there yet, and returns its name."""
    kernel()
    _write_archive(os.path.join(FOLDER, "bench.cpio"))
    return os.path.basename(os.path.realpath(KERNEL)).removeprefix("vmlinuz-")


def run(program: str, unit: str, cpus: int, flags: list[str]) -> Run:
    """Boots Linux, which runs the program as all it does, and reads its console."""
    console = os.path.join(FOLDER, f"console-{unit}-{cpus}.log")
    words = [f"/bench/{program}", *([] if unit == "instructions" else ["--time"]), *flags]
    settings = virtual_machine.Settings(memory_bytes=_MEMORY_BYTES, cpus=cpus, machine="pc",
                                        accelerator="icount" if unit == "instructions" else "tcg")
    command = virtual_machine.linux_command_line(settings, KERNEL, os.path.join(FOLDER, "bench.cpio"), console,
                                                 f"{_KERNEL_ARGUMENTS} -- {' '.join(words)}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program} on Linux did not end within {_TIMEOUT_SECONDS} s (its console: {console})") from None
    with open(console, encoding="utf-8", errors="replace") as file:
        output = file.read().replace("\r\n", "\n")
    if done.returncode != 0 or "ended with wait status 0\n" not in output:
        raise Failure(f"{program} on Linux failed: {done.stderr.strip()[-300:]} {output.strip()[-300:]} (its console: {console})")
    return Run("linux", cpus, programs.rows_in(output), counted=unit == "instructions")


def _fetch_kernel() -> None:
    """The package is only unpacked, not installed: no boot loader hears of it."""
    unpacked = os.path.join(FOLDER, "unpacked")
    shutil.rmtree(unpacked, ignore_errors=True)
    os.makedirs(unpacked)
    try:
        package = packages.download(PACKAGE, FOLDER)
    except Failure as failure:
        raise Failure(f"{failure}; --no-linux measures Portico alone") from None
    subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
    kernels = glob.glob(os.path.join(unpacked, "boot", "vmlinuz-*"))
    if len(kernels) != 1:
        raise Failure(f"{os.path.basename(package)} holds {len(kernels)} kernels, not one")
    os.symlink(os.path.relpath(kernels[0], FOLDER), f"{KERNEL}.new")
    os.rename(f"{KERNEL}.new", KERNEL)
    os.unlink(package)


def _write_archive(path: str) -> None:
    with open(path, "wb") as file:
        writer = cpio.Writer(file)
        for folder in ("dev", "bench", "tmp"):
            writer.add(folder, stat.S_IFDIR | 0o755)
        writer.add("dev/console", stat.S_IFCHR | 0o600, device=_CONSOLE_DEVICE)
        for name, program in (("init", "linux_init"), *((f"bench/{each}", each) for each in programs.ON_BOTH)):
            built = programs.built(program)
            writer.add_file(name, built, os.stat(built).st_size, mode=stat.S_IFREG | 0o755)
        writer.finish()
