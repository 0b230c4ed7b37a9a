"""What --rootfs says as the disk that the guest has its root file system on."""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import disks
import paths
from failure import Failure
from images import archives, ext4_image, store

_KEPT = os.path.join(paths.BUILD, "images", "kept")


def of(text: str, *, persist: bool) -> disks.Disk:
    """NAME of an image, folder, OCI layout, tarball, or a disk image. The guest's changes go with QEMU, unless `persist`: then to the disk
    image, or for all else to a copy that is kept for the next run with --persist."""
    if text.startswith("blkdebug:"):  # QEMU's way to have errors happen
        return disks.parse(text)
    if os.path.isfile(text) and _holds_file_system(text):
        path = os.path.abspath(text)
    else:
        path = _made(text)
        if persist:
            path = _kept(text, path)
    if persist:
        ext4_image.repair(path)
    return disks.Disk(path, snapshot=not persist)


def _holds_file_system(path: str) -> bool:
    return path.endswith(".qcow2") or ext4_image.is_image(path)


def _made(text: str) -> str:
    if os.path.isdir(text):
        if archives.is_oci_layout(text):
            return ext4_image.of_folder(archives.of_oci_layout(text), owned_by_root=os.geteuid() != 0)
        return ext4_image.of_folder(text)
    if os.path.isfile(text):
        return ext4_image.of_folder(archives.of_tarball(text), owned_by_root=os.geteuid() != 0)
    if store.is_name(text):
        return ext4_image.of_folder(store.root_of(text), owned_by_root=os.geteuid() != 0)
    raise Failure(f"--rootfs {text}: no such folder, archive or disk image, and no image of that name (portico image list)")


def _kept(text: str, path: str) -> str:
    name = text if store.is_name(text) else hashlib.sha256(os.fsencode(os.path.realpath(text))).hexdigest()[:16]
    kept = os.path.join(_KEPT, f"{name}.ext4")
    if not os.path.exists(kept):
        os.makedirs(_KEPT, exist_ok=True)
        sys.stderr.write(f"portico: the file system is kept in {os.path.relpath(kept)}\n")
        unfinished = f"{kept}.{os.getpid()}"
        try:
            subprocess.run(["cp", "--sparse=always", path, unfinished], check=True)
            os.rename(unfinished, kept)
        except subprocess.CalledProcessError:
            raise Failure(f"{path} could not be copied") from None
        finally:
            if os.path.exists(unfinished):
                os.unlink(unfinished)
    return kept
