"""Archives of --rootfs folders, kept in build/rootfs and made anew only when something in the folder has changed."""
from __future__ import annotations

import hashlib
import os

import cpio
import paths
import root_file_system
from failure import Failure


def archive_of(directory: str) -> str:
    """The path of an up-to-date archive of `directory`, or of the image of that name. Two commands may pack at once: each writes
    its own file and renames it into place."""
    if not os.path.isdir(directory):
        from images import store

        if not store.is_name(directory):
            raise Failure(f"--rootfs {directory}: no such folder, and no image of that name (portico image list)")
        directory = store.root_of(directory)
    directory = os.path.realpath(directory)
    items = root_file_system.scan(directory)
    place = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    path = os.path.join(paths.ROOTFS_CACHE, f"{place}-{_fingerprint(items)}.cpio")
    if os.path.exists(path):
        return path
    os.makedirs(paths.ROOTFS_CACHE, exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    try:
        with open(unfinished, "wb") as file:
            writer = cpio.Writer(file)
            root_file_system.pack(items, writer)
            writer.finish()
        os.rename(unfinished, path)
    except PermissionError as error:
        raise Failure(f"--rootfs: {error.filename} can not be read") from None
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
    _drop_older(place, path)
    return path


def _fingerprint(items: list[root_file_system.Item]) -> str:
    """Changes whenever an item does: the change time covers owners, modes and links too."""
    digest = hashlib.sha256()
    for item in items:
        status = item.status
        digest.update(os.fsencode(item.name))
        digest.update(b"\0%d %d %d %d\0" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode))
    return digest.hexdigest()[:24]


def _drop_older(place: str, current: str) -> None:
    for name in os.listdir(paths.ROOTFS_CACHE):
        path = os.path.join(paths.ROOTFS_CACHE, name)
        if name.startswith(f"{place}-") and name.endswith(".cpio") and path != current:
            os.unlink(path)
