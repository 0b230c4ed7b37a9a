"""Whether the built system is as new as its sources, without starting a build tool: one walk over a few folders."""
from __future__ import annotations

import os

import paths

# What the system and its boot archive are made from; a folder's own time changes when a file in it comes or goes.
_SOURCES = ("abi", "libs", "kernel", "runtime", "protocols", "posix", "servers", "drivers", "tools", "cmake", "CMakeLists.txt",
            "host/boot_archive.py", "host/cpio.py", "host/default_root.py", "host/root_file_system.py")


def fingerprint() -> str:
    """The newest change among the sources and their number, as the stamp file holds it."""
    newest, count = 0, 0
    folders = []
    for source in _SOURCES:
        path = os.path.join(paths.REPOSITORY, source)
        try:
            newest = max(newest, os.stat(path).st_mtime_ns)
        except FileNotFoundError:
            continue
        count += 1
        if os.path.isdir(path):
            folders.append(path)
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                newest = max(newest, entry.stat(follow_symlinks=False).st_mtime_ns)
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return f"{newest} {count}\n"


def is_built() -> bool:
    """With PORTICO_NO_BUILD set, what is built counts as good: tests must not build again while they run."""
    if os.environ.get("PORTICO_NO_BUILD"):
        return True
    try:
        with open(paths.STAMP, encoding="ascii") as stamp:
            built_from = stamp.read()
    except FileNotFoundError:
        return False
    return built_from == fingerprint() and os.path.exists(paths.KERNEL) and os.path.exists(paths.BOOT_ARCHIVE)
