"""Where things are: the repository and what is built in it."""
from __future__ import annotations

import os

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("PORTICO_BUILD") or os.path.join(REPOSITORY, "build")

SYSTEM = os.path.join(BUILD, "system")
KERNEL = os.path.join(SYSTEM, "kernel", "kernel")
SERVERS_ARCHIVE = os.path.join(SYSTEM, "servers.cpio")  # boot/… alone, joined with any --rootfs
BOOT_ARCHIVE = os.path.join(SYSTEM, "boot.cpio")        # boot/… and the default root file system
DEFAULT_ROOT = os.path.join(SYSTEM, "root")
STAMP = os.path.join(SYSTEM, "built-from")
ROOTFS_CACHE = os.path.join(BUILD, "rootfs")
LAST_RUN_LOG = os.path.join(BUILD, "last-run.log")
GDBINIT = os.path.join(BUILD, "gdbinit")


def qemu() -> str:
    """The QEMU program; PORTICO_QEMU names another one (the tests' stand-in, or a newer QEMU)."""
    return os.environ.get("PORTICO_QEMU") or "/usr/bin/qemu-system-x86_64"


def kernel() -> str:
    """The kernel that is booted; PORTICO_KERNEL names another one (the tests', with a mistake in it)."""
    return os.environ.get("PORTICO_KERNEL") or KERNEL
