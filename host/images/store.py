"""Named images, in build/images: NAME.json says of which packages, roots/DIGEST is the root directory made of them. Names with the same
packages share it; one that no name refers to any more is removed by the next build."""
from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
import tempfile

import paths
from failure import Failure, usage
from images import apt, debian_root

FOLDER = os.path.join(paths.BUILD, "images")
_ROOTS = os.path.join(FOLDER, "roots")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Images that are made when they are first asked for.
KNOWN = {"debian": ["procps", "less", "vim-tiny", "nano", "tmux", "file", "tree", "bc", "python3", "perl", "git", "make", "gcc", "g++", "libc6-dev",
                    "sqlite3", "zstd", "xz-utils", "bzip2", "lua5.4", "psmisc", "time", "man-db", "ncurses-term", "python3-venv"]}


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and (text in KNOWN or os.path.exists(_record(text)))


def root_of(name: str) -> str:
    """The root directory of an image; of a known one it is built if need be."""
    if os.path.exists(_record(name)):
        record = _read(name)
        root = os.path.join(_ROOTS, str(record["digest"]))
        if os.path.isdir(root):
            return root
        return build(name, list(record["packages"]))
    if name in KNOWN:
        sys.stderr.write(f"portico: making the image {name} (once)\n")
        return build(name, KNOWN[name])
    raise usage(f"there is no image {name} (portico image list; portico image build {name} --packages …)")


def build(name: str, packages: list[str]) -> str:
    """Makes or renews an image with the packages' newest versions, and returns its root directory."""
    if _NAME.fullmatch(name) is None:
        raise usage(f"'{name}' can not be the name of an image: small letters, digits, dots and dashes")
    os.makedirs(_ROOTS, exist_ok=True)
    with open(os.path.join(FOLDER, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = apt.closure([*debian_root.BASE, *packages])
        digest = f"{debian_root.VERSION}-{apt.digest(found)[:24]}"
        root = os.path.join(_ROOTS, digest)
        if not os.path.isdir(root):
            _make(root, found)
        with open(_record(name) + ".new", "w", encoding="utf-8") as file:
            json.dump({"packages": packages, "digest": digest, "count": len(found)}, file)
        os.rename(_record(name) + ".new", _record(name))
        _drop_unused()
    return root


def listed() -> list[tuple[str, int, list[str]]]:
    """Name, how many packages in all, which were asked for."""
    if not os.path.isdir(FOLDER):
        return []
    names = sorted(name[:-5] for name in os.listdir(FOLDER) if name.endswith(".json"))
    return [(name, int(_read(name)["count"]), list(_read(name)["packages"])) for name in names]


def remove(name: str) -> None:
    if not os.path.exists(_record(name)):
        raise usage(f"there is no image {name} (portico image list)")
    os.unlink(_record(name))
    _drop_unused()


def _make(root: str, found: list[apt.Package]) -> None:
    unfinished = tempfile.mkdtemp(prefix="unfinished-", dir=_ROOTS)
    try:
        os.chmod(unfinished, 0o755)
        debian_root.write(unfinished, found)
        os.rename(unfinished, root)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _drop_unused() -> None:
    used = {str(_read(name)["digest"]) for name, _, _ in listed()}
    for name in os.listdir(_ROOTS):
        if name not in used:
            shutil.rmtree(os.path.join(_ROOTS, name), ignore_errors=True)


def _record(name: str) -> str:
    return os.path.join(FOLDER, f"{name}.json")


def _read(name: str) -> dict[str, object]:
    try:
        with open(_record(name), encoding="utf-8") as file:
            return json.load(file)
    except ValueError:
        raise Failure(f"{_record(name)} is damaged; remove it and build the image anew") from None
