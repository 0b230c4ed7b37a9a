"""dpkg's own records of what is installed, so that dpkg -l, -L and -S in the guest tell the truth; and the postinst scripts, to be read."""
from __future__ import annotations

import os
import subprocess
import tempfile

from failure import Failure
from images.apt import Package

_KEPT = ("conffiles", "md5sums", "shlibs", "triggers", "symbols")


def write(root: str, packages: list[Package]) -> list[str]:
    """Fills /var/lib/dpkg and returns the postinst scripts in the order of the packages."""
    folder = os.path.join(root, "var/lib/dpkg")
    for name in ("info", "updates", "triggers"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for name in ("available", "diversions", "statoverride"):
        with open(os.path.join(folder, name), "a", encoding="ascii"):
            pass
    for name, text in (("arch", "amd64\n"), ("info/format", "1\n")):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    scripts, records = [], []
    for package in packages:
        with tempfile.TemporaryDirectory() as control:
            _call(["dpkg-deb", "-e", package.path, control])
            record = _read(os.path.join(control, "control")).strip("\n")
            records.append(_installed(record))
            info = os.path.join(folder, "info", _info_name(record, package.name))
            for name in _KEPT:
                if os.path.exists(os.path.join(control, name)):
                    with open(f"{info}.{name}", "w", encoding="utf-8") as file:
                        file.write(_read(os.path.join(control, name)))
            if os.path.exists(os.path.join(control, "postinst")):
                scripts.append(_read(os.path.join(control, "postinst")))
        with open(f"{info}.md5sums", "a", encoding="utf-8"):
            pass  # dpkg misses it, even of a package that has none
        with open(f"{info}.list", "w", encoding="utf-8") as file:
            file.write(_list(package.path))
    with open(os.path.join(folder, "status"), "w", encoding="utf-8") as file:
        file.write("".join(f"{record}\n\n" for record in records))
    return scripts


def _installed(record: str) -> str:
    """The control file with the line that says so, where dpkg has it."""
    first, _, rest = record.partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"


def _info_name(record: str, name: str) -> str:
    same = any(line.replace(" ", "").lower() == "multi-arch:same" for line in record.splitlines())
    return f"{name}:amd64" if same else name


def _list(path: str) -> str:
    listed = _call(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -t', "sh", path])
    names = [name.rstrip("/") for name in listed.splitlines()]
    return "".join(f"{name[1:] or '/.'}\n" for name in names)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _call(command: list[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
