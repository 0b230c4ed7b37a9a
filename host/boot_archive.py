"""The boot archive: what the kernel and init find in QEMU's -initrd (docs/architecture.md, Boot)."""
from __future__ import annotations

import os
import stat
import subprocess

import cpio
import default_root
import paths
import root_file_system
from failure import Failure

# Program → its folder in the build; each becomes boot/PROGRAM.
PROGRAMS = {
    "init": "servers/init",
    "uart": "drivers/uart",
    "virtio_9p": "drivers/virtio_9p",
    "virtio_blk": "drivers/virtio_blk",
    "terminal": "servers/terminal",
    "process": "servers/process",
    "pipe": "servers/pipe",
    "sysv": "servers/sysv",
    "file": "servers/file",
    "strace": "servers/strace",
    "swap": "servers/swap",
}
RUNTIME = "posix/runtime.bin"
_TEXT_SYMBOLS = "tTwW"


def write() -> None:
    """Writes servers.cpio (boot/…) and boot.cpio (the same and the default root file system). Equal inputs give equal bytes."""
    _replace(paths.SERVERS_ARCHIVE, _add_boot)
    default_root.write(paths.DEFAULT_ROOT)
    items = root_file_system.scan(paths.DEFAULT_ROOT)

    def add_all(writer: cpio.Writer) -> None:
        _add_boot(writer)
        root_file_system.pack(items, writer, as_default=True)

    _replace(paths.BOOT_ARCHIVE, add_all)


def _add_boot(writer: cpio.Writer) -> None:
    _add_file(writer, "boot/runtime", os.path.join(paths.SYSTEM, RUNTIME), 0o644)
    stripped = os.path.join(paths.SYSTEM, "stripped")
    os.makedirs(stripped, exist_ok=True)
    for program, folder in PROGRAMS.items():
        built = os.path.join(paths.SYSTEM, folder, program)
        _require(built)
        target = os.path.join(stripped, program)
        _tool(["llvm-strip-19", "-o", target, built])
        _add_file(writer, f"boot/{program}", target, 0o755)
    writer.add("boot/kernel.symbols", stat.S_IFREG | 0o644, symbols(paths.KERNEL))


def symbols(program: str) -> bytes:
    """Lines "ADDRESS NAME" of the text symbols, lowest address first, for back traces."""
    _require(program)
    lines = []
    for line in _tool(["llvm-nm-19", "-n", "-C", program]).splitlines():
        address, kind, name = (line.split(" ", 2) + ["", ""])[:3]
        if len(kind) == 1 and kind in _TEXT_SYMBOLS and name:
            lines.append(f"{address} {name}\n")
    return "".join(lines).encode()


def _add_file(writer: cpio.Writer, name: str, path: str, permissions: int) -> None:
    _require(path)
    writer.add_file(name, path, os.stat(path).st_size, mode=stat.S_IFREG | permissions)


def _require(path: str) -> None:
    if not os.path.exists(path):
        raise Failure(f"the build did not make {os.path.relpath(path, paths.REPOSITORY)}, which the boot archive needs")


def _replace(path: str, fill) -> None:
    """Writes an archive beside its place and renames it, so that a running command never sees half of one."""
    unfinished = f"{path}.new"
    with open(unfinished, "wb") as file:
        writer = cpio.Writer(file)
        fill(writer)
        writer.finish()
    os.rename(unfinished, path)


def _tool(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed: {done.stderr.strip() or f'status {done.returncode}'}")
    return done.stdout
