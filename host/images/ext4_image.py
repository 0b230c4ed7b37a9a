"""ext4 images made of folders by mke2fs, which needs no rights for that; kept by content in build/images/disks."""
from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tempfile

import packages
import paths
import root_file_system
from failure import Failure

_DISKS = os.path.join(paths.BUILD, "images", "disks")
_VERSION = 1
_FREE_BYTES = 2 << 30     # in a new image, which is sparse: unused space costs nothing
_BLOCK_BYTES = 4096       # what the file server asks for
_KEPT_MAX = 12            # images that nothing refers to by name; the longest unused go
_MAGIC_AT, _MAGIC, _FEATURES_AT, _NEEDS_RECOVERY = 0x438, b"\x53\xef", 0x460, 4


def of_folder(directory: str, *, owned_by_root: bool = False) -> str:
    """The path of an image of `directory` as it is now. `owned_by_root`: whoever owns the files here."""
    items = root_file_system.scan(os.path.realpath(directory))
    path = os.path.join(_DISKS, f"{_digest(items, owned_by_root)}.ext4")
    if not os.path.exists(path):
        packages.require(packages.TO_MAKE_IMAGES)
        os.makedirs(_DISKS, exist_ok=True)
        _drop_oldest()
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=_DISKS) as folder:
            unfinished = os.path.join(folder, "image")
            _make(directory, items, unfinished)
            if owned_by_root:
                _set_owners(unfinished, {"/" + item.name: (0, 0) for item in items if item.status.st_uid or item.status.st_gid})
            os.rename(unfinished, path)
    os.utime(path)
    return path


def is_image(path: str) -> bool:
    """Whether the file begins as ext2, 3 and 4 file systems do."""
    with open(path, "rb") as file:
        file.seek(_MAGIC_AT)
        return file.read(2) == _MAGIC


def repair(path: str) -> None:
    """Replays the journal of an image that was in use when its machine ended: the guest does not."""
    with open(path, "rb") as file:
        file.seek(_FEATURES_AT)
        if not file.read(1)[0] & _NEEDS_RECOVERY:
            return
    packages.require(packages.TO_MAKE_IMAGES)
    done = subprocess.run(["/sbin/e2fsck", "-p", path], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise Failure(f"{path} is damaged, and e2fsck -p does not mend it: {(done.stdout + done.stderr).strip()[-300:]}")


def _digest(items: list[root_file_system.Item], owned_by_root: bool) -> str:
    """Changes whenever an item does: the change time covers contents, owners, modes and links."""
    digest = hashlib.sha256(f"{_VERSION} {owned_by_root} {items[0].path}".encode())
    for item in items:
        status = item.status
        digest.update(os.fsencode(item.name))
        digest.update(b"\0%d %d %d %d %d\0" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode, status.st_ino))
    return digest.hexdigest()[:24]


def _make(directory: str, items: list[root_file_system.Item], path: str) -> None:
    used = sum(_BLOCK_BYTES * (2 + item.status.st_size // _BLOCK_BYTES) for item in items if not stat.S_ISCHR(item.status.st_mode))
    blocks = (used + used // 16 + _FREE_BYTES) // _BLOCK_BYTES
    inodes = 2 * len(items) + 65536
    command = ["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-b", str(_BLOCK_BYTES), "-I", "256", "-N", str(inodes), "-m", "0", "-J", "size=16",
               "-O", "^resize_inode", "-E", "lazy_itable_init=1,nodiscard", "-d", directory, path, str(blocks)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"mke2fs could not make an image of {directory}: {(done.stderr or done.stdout).strip()[-300:]}")


def _set_owners(path: str, owners: dict[str, tuple[int, int]]) -> None:
    """Of files that somebody else than root unpacked."""
    if not owners:
        return
    lines = [f'sif "{name}" {field} {value}\n' for name, (uid, gid) in owners.items() if '"' not in name and "\n" not in name
             for field, value in (("uid", uid), ("gid", gid))]
    done = subprocess.run(["/sbin/debugfs", "-w", "-f", "-", path], input="".join(lines), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"debugfs failed: {done.stderr.strip()[-300:]}")


def _drop_oldest() -> None:
    images = sorted((entry for entry in os.scandir(_DISKS) if entry.name.endswith(".ext4")), key=lambda entry: entry.stat().st_mtime)
    for entry in images[:max(len(images) - _KEPT_MAX, 0)]:
        sys.stderr.write(f"portico: removing {entry.path}, which was not used for long\n")
        os.unlink(entry.path)
