"""Which Debian packages a set of packages needs, by apt, and their archives. Nothing of it depends on what is installed on this machine:
apt is told that nothing is. Archives are kept in build/debs."""
from __future__ import annotations

import hashlib
import os
import subprocess
import urllib.parse

import paths
from failure import Failure

_CACHE = os.path.join(paths.BUILD, "debs")
_STATE = os.path.join(_CACHE, "apt")
_OWN_LISTS = os.path.join(_STATE, "lists")  # used when the machine's package lists are absent or too old


class Package:
    """One archive to unpack: its file's name and the path it has once fetched."""

    def __init__(self, file: str, size_bytes: int) -> None:
        self.file, self.size_bytes = file, size_bytes

    @property
    def path(self) -> str:
        return os.path.join(_CACHE, self.file)

    @property
    def name(self) -> str:
        return self.file.split("_", 1)[0]

    @property
    def version(self) -> str:
        return urllib.parse.unquote(self.file.split("_")[1])


def closure(names: list[str]) -> list[Package]:
    """The named packages and all that they depend on, recommendations left out, in the order in which apt would unpack them.
    Their archives are there when this returns."""
    os.makedirs(os.path.join(_CACHE, "partial"), exist_ok=True)
    for folder in (_OWN_LISTS, _STATE):
        os.makedirs(os.path.join(folder, "partial"), exist_ok=True)
    with open(os.path.join(_STATE, "status"), "wb"):
        pass
    problem = ""
    for lists in (None, _OWN_LISTS):
        if lists is not None:
            problem = _apt(lists, ["update"])[1] or problem
        # Only archives that are not in the cache are listed: so with an empty one.
        listed, refused = _apt(lists, ["--print-uris", "-o", f"Dir::Cache::archives={_STATE}/", "install", *names])
        if refused:
            problem = refused
            continue
        found = _parsed(listed)
        if all(_is_there(package) for package in found):
            return found
        refused = _apt(lists, ["--download-only", "install", *names])[1]
        missing = [package.file for package in found if not _is_there(package)]
        if not missing:
            return found
        problem = refused or f"not fetched: {' '.join(missing)}"
    raise Failure(f"apt-get could not resolve or fetch {' '.join(names)}: {problem}")


def digest(found: list[Package]) -> str:
    """Names the set by its packages and their versions, whatever their order."""
    return hashlib.sha256("\n".join(sorted(f"{package.file} {package.size_bytes}" for package in found)).encode()).hexdigest()


def _is_there(package: Package) -> bool:
    return os.path.exists(package.path) and os.path.getsize(package.path) == package.size_bytes


def _apt(lists: str | None, words: list[str]) -> tuple[str, str]:
    """What apt-get printed, and its last error, empty if there was none."""
    settings = {"Dir::State::status": os.path.join(_STATE, "status"), "Dir::Cache::archives": _CACHE, "Debug::NoLocking": "1",
                "APT::Install-Recommends": "false", "APT::Sandbox::User": "root", "Acquire::Retries": "2"}
    if lists is not None:
        settings["Dir::State::lists"] = lists
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(["apt-get", "-qq", "-y", *options, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    errors = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
    return done.stdout, "" if done.returncode == 0 else (errors[-1] if errors else f"status {done.returncode}")


def _parsed(listed: str) -> list[Package]:
    """Lines of `--print-uris`: 'URI' FILE SIZE HASH."""
    found = []
    for line in listed.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0].startswith("'") and words[1].endswith(".deb"):
            found.append(Package(words[1], int(words[2])))
    return found
