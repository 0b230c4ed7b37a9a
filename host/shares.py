"""The folders that the guest shares with us: what --volume says, and how QEMU and the guest are told (docs/share.md)."""
from __future__ import annotations

import os
import posixpath

import disks
from failure import usage

COUNT_MAX = 4


class Share:
    """One folder of ours, and where the guest has it."""

    def __init__(self, folder: str, target: str, *, read_only: bool = False) -> None:
        self.folder, self.target, self.read_only = folder, target, read_only


def parse(text: str) -> Share:
    """HOSTDIR:GUESTDIR, HOSTDIR:GUESTDIR:ro or :rw. The folder must be there: a run never makes one."""
    wanted = "write HOSTDIR:GUESTDIR, with :ro behind it to only read"
    rest, mode = text, "rw"
    if text.endswith((":ro", ":rw")):
        rest, mode = text[:-3], text[-2:]
    folder, colon, target = rest.rpartition(":")
    if not colon or not folder or not target:
        raise ValueError(wanted)
    if not target.startswith("/"):
        raise ValueError(f"{target} is the place in the guest and must be an absolute path; {wanted}")
    target = posixpath.normpath("/" + target.lstrip("/"))
    if target == "/":
        raise ValueError("the guest's whole root: use --rootfs")
    if not os.path.isdir(folder):
        raise ValueError(f"{folder} is " + ("no folder" if os.path.exists(folder) else "not there (a run makes no folders here)"))
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ValueError(f"not allowed to read {folder}")
    return Share(os.path.abspath(folder), target, read_only=mode == "ro")


def entries(shares: list[Share]) -> list[str]:
    """For boot/run."""
    if len(shares) > COUNT_MAX:
        raise usage(f"--volume: at most {COUNT_MAX}")
    targets = [share.target for share in shares]
    for target in targets:
        if targets.count(target) > 1:
            raise usage(f"--volume: two folders for {target}")
    return [f"share={_tag(index)}:{'ro' if share.read_only else 'rw'}:{share.target}" for index, share in enumerate(shares)]


def _tag(index: int) -> str:
    return f"share{index}"


def arguments(machine: str, shares: list[Share], devices_before: int) -> list[str]:
    """QEMU's. Links of the guest stay links, and what it makes is made as us: it has no rights that we have not."""
    if not shares:
        return []
    result = ["-global", "virtio-mmio.force-legacy=false"] if machine == "microvm" else []
    for index, share in enumerate(shares):
        tag = _tag(index)
        result += ["-fsdev", f"local,id={tag},path={share.folder.replace(',', ',,')},security_model=none,multidevs=remap"
                             f"{',readonly=on' if share.read_only else ''}"]
        device = f"virtio-9p-device,bus=virtio-mmio-bus.{disks.place(devices_before + index)}" if machine == "microvm" \
            else "virtio-9p-pci,disable-legacy=on"
        result += ["-device", f"{device},fsdev={tag},mount_tag={tag}"]
    return result
