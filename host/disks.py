"""The guest's disks: what --disk and --swap say, and how QEMU and the guest are told."""
from __future__ import annotations

import os
import tempfile

import options
import paths
from failure import Failure, usage

COUNT_MAX = 8
_FORMATS = {".qcow2": "qcow2"}
_FAULTY = "blkdebug:"  # blkdebug:CONFIG:IMAGE, QEMU's way to have errors happen
# microvm's places for virtio devices: 512 bytes of registers each, so eight share a page. The first three devices get a page each, for a driver
# reaches all of its page. The first place is left out: QEMU has its interrupt arrive at the third one's line (ioapic_set_irq).
_MMIO_BASE, _MMIO_BYTES, _MMIO_LINE, _MMIO_PAGES, _MMIO_IN_PAGE = 0xFEB0_0000, 0x200, 24, 3, 8


class Disk:
    """One image: its file, or for swap a file without a name that goes with its descriptor. `snapshot`: what the guest writes goes with QEMU."""

    def __init__(self, file: str, *, read_only: bool = False, descriptor: int | None = None, snapshot: bool = False) -> None:
        self.file, self.read_only, self.descriptor, self.snapshot = file, read_only, descriptor, snapshot

    @property
    def format(self) -> str:
        return _FORMATS.get(os.path.splitext(self.file)[1], "raw")


def parse(text: str) -> Disk:
    """IMAGE or IMAGE:ro. The image must be there: a run never makes one."""
    file, colon, mode = text.rpartition(":")
    read_only = bool(colon) and mode == "ro"
    if not read_only:
        file = text
    image = file.rpartition(":")[2] if file.startswith(_FAULTY) else file
    if not os.path.isfile(image) and not os.path.exists(image):
        raise ValueError("there is no such image (make one with: truncate -s 1G IMAGE)")
    if os.path.isdir(image):
        raise ValueError("a folder is no image")
    if not os.access(image, os.R_OK | (0 if read_only else os.W_OK)):
        raise ValueError("not allowed to " + ("read it" if read_only else "read and write it; add :ro to only read"))
    return Disk(file if file.startswith(_FAULTY) else os.path.abspath(file), read_only=read_only)


def parse_swap(text: str) -> int | Disk:
    """SIZE or IMAGE. An image's bytes are overwritten."""
    try:
        return options.memory(text)
    except ValueError:
        if os.sep not in text and not os.path.exists(text):
            raise
    found = parse(text)
    if found.read_only:
        raise ValueError("who swaps writes")
    return found


def swap(size_bytes: int) -> Disk:
    """A sparse file without a name."""
    os.makedirs(paths.BUILD, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="swap-", dir=paths.BUILD)
    os.unlink(name)
    try:
        os.truncate(descriptor, size_bytes)
    except OSError as problem:
        os.close(descriptor)
        raise Failure(f"--swap: {problem.strerror}") from None
    return Disk("", descriptor=descriptor)


def of_flags(given: list[Disk], swap_space: int | Disk | None, root: Disk | None = None) -> tuple[list[Disk], list[str]]:
    """The disks in the order of their names (vda, vdb, …) and entries of boot/run: behind those given stand the root's and the swap disk."""
    disks, entries = list(given), []
    if len(disks) + (swap_space is not None) + (root is not None) > COUNT_MAX:
        raise usage(f"at most {COUNT_MAX} disks, those of the root and for swap included")
    if root is not None:
        disks.append(root)
        entries.append(f"root={name_of(len(disks) - 1)}")
    if swap_space is not None:
        disks.append(swap_space if isinstance(swap_space, Disk) else swap(swap_space))
        entries.append(f"swap={name_of(len(disks) - 1)}")
    return disks, entries


def name_of(index: int) -> str:
    return f"vd{'abcdefgh'[index]}"


def close(disks: list[Disk]) -> None:
    for disk in disks:
        if disk.descriptor is not None:
            os.close(disk.descriptor)
            disk.descriptor = None


def place(index: int) -> int:
    """Of a virtio device on microvm: the disks, then what else there is."""
    return index % _MMIO_PAGES * _MMIO_IN_PAGE + 1 + index // _MMIO_PAGES


def kernel_words(machine: str, devices: list) -> list[str]:
    """Where the virtio devices are, which the guest can not find out by itself: without PCI it must be told (in Linux's words)."""
    if machine != "microvm":
        return []
    return [f"virtio_mmio.device={_MMIO_BYTES}@{_MMIO_BASE + _MMIO_BYTES * at:#x}:{_MMIO_LINE + at}" for at in map(place, range(len(devices)))]


def arguments(machine: str, cpus: int, disks: list[Disk], first_descriptor: int) -> list[str]:
    """QEMU's. A swap file is the descriptor `first_descriptor` or one of those behind it, in order."""
    if not disks:
        return []
    result = ["-global", "virtio-mmio.force-legacy=false"] if machine == "microvm" else []
    for index, disk in enumerate(disks):
        file = disk.file
        if disk.descriptor is not None:
            file, first_descriptor = f"/proc/self/fd/{first_descriptor}", first_descriptor + 1
        result += ["-drive", f"if=none,id=disk{index},format={disk.format},file={file.replace(',', ',,')},cache=writeback,discard=unmap,"
                             f"rerror=report,werror=report{',readonly=on' if disk.read_only else ''}{',snapshot=on' if disk.snapshot else ''}"]
        device = f"virtio-blk-device,bus=virtio-mmio-bus.{place(index)}" if machine == "microvm" else "virtio-blk-pci,disable-legacy=on"
        result += ["-device", f"{device},drive=disk{index},num-queues={min(cpus, 4)}"]
    return result
