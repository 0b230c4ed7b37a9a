"""The root file systems of the differential tests: images of Debian packages (host/images), one for each folder of tests/debian."""
from __future__ import annotations

import os

from images import store

PACKAGES = {
    "programs": ["acl", "attr", "bc", "bsdextrautils", "busybox", "bzip2", "file", "gawk", "git", "inotify-tools", "jq", "less", "libcap2-bin", "lua5.4", "m4",
                 "make", "openssl", "patch", "perl", "php-cli", "procps", "psmisc", "python3", "python3-venv", "rsync", "ruby", "socat", "sqlite3", "stress-ng", "tcl",
                 "time", "tmux", "vim-tiny", "xxd", "xz-utils", "zstd"],
    "compilers": ["cmake", "g++", "gcc", "gdb-minimal", "libc6-dev", "make", "ninja-build"],
}


def directory(root: str) -> str:
    """Makes the image if it is not there, or not of these packages."""
    name = f"test-{root}"
    if any(name == listed and packages == PACKAGES[root] for listed, _, packages in store.listed()):
        return store.root_of(name)
    return store.build(name, PACKAGES[root])


def size_bytes(root: str) -> int:
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(root) for name in names)
