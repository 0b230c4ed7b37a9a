"""Packs a folder of the host as the guest's root file system: names below root/ in a cpio archive."""
from __future__ import annotations

import os
import stat

import cpio
from failure import Failure


class Item:
    """One file below the folder: its path inside, its path on the host, its attributes."""

    __slots__ = ("name", "path", "status")

    def __init__(self, name: str, path: str, status: os.stat_result) -> None:
        self.name, self.path, self.status = name, path, status


def scan(directory: str) -> list[Item]:
    """All of `directory` in a fixed order, parents first; links are not followed, sockets are left out."""
    root = os.stat(directory)
    if not stat.S_ISDIR(root.st_mode):
        raise Failure(f"{directory} is not a folder")
    items = [Item("", directory, root)]
    folders = [("", directory)]
    while folders:
        prefix, path = folders.pop()
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda found: found.name):
                item = Item(prefix + entry.name, entry.path, entry.stat(follow_symlinks=False))
                if stat.S_ISSOCK(item.status.st_mode):
                    continue
                items.append(item)
                if stat.S_ISDIR(item.status.st_mode):
                    folders.append((item.name + "/", entry.path))
    return items


def pack(items: list[Item], writer: cpio.Writer, *, as_default: bool = False) -> None:
    """Adds the items to an archive. Of hard links the first carries the data, the others are empty with the same inode.
    `as_default`: all owned by root and without times, so that the archive is the same wherever it was made."""
    inodes: dict[tuple[int, int], int] = {}
    for item in items:
        _pack_one(item, writer, inodes, as_default)


def _pack_one(item: Item, writer: cpio.Writer, inodes: dict[tuple[int, int], int], as_default: bool) -> None:
    status = item.status
    mode = status.st_mode
    name = f"root/{item.name}" if item.name else "root"
    linked = status.st_nlink > 1 and not stat.S_ISDIR(mode)
    identity = (status.st_dev, status.st_ino)
    inode = inodes.get(identity, 0) if linked else 0
    repeated = inode != 0
    if not repeated:
        inode = writer.new_inode()
        if linked:
            inodes[identity] = inode
    attributes = dict(uid=0 if as_default else status.st_uid, gid=0 if as_default else status.st_gid,
                      mtime=0 if as_default else int(status.st_mtime), links=status.st_nlink if linked else 1, inode=inode)
    if stat.S_ISREG(mode) and not repeated:
        writer.add_file(name, item.path, status.st_size, mode=mode, **attributes)
    elif stat.S_ISLNK(mode) and not repeated:
        writer.add(name, stat.S_IFLNK | 0o777, os.fsencode(os.readlink(item.path)), **attributes)
    else:
        device = status.st_rdev if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0
        writer.add(name, mode, device=device, **attributes)
