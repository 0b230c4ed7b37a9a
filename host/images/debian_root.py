"""Lays out a root directory of Debian packages: unpacks them and does what their installation would have done, as far as programs need it.
No script of a package is run."""
from __future__ import annotations

import os
import shutil
import subprocess

from failure import Failure
from images import alternatives, dpkg_database
from images.apt import Package

# What every root has: Debian's essential packages, but for those that only serve an init system.
BASE = ["base-files", "base-passwd", "bash", "bsdutils", "coreutils", "dash", "debianutils", "diffutils", "dpkg", "findutils", "grep", "gzip",
        "hostname", "libc-bin", "login", "mawk", "mount", "ncurses-base", "ncurses-bin", "passwd", "perl-base", "sed", "sysvinit-utils", "tar",
        "usr-is-merged", "util-linux"]
VERSION = 2  # part of the cache's key: to be raised when the same packages shall give another root

# As Debian's slim images do; copyright notices stay.
_LEFT_OUT = ("./usr/share/doc/", "./usr/share/man/", "./usr/share/info/", "./usr/share/locale/", "./usr/share/lintian/",
             "./usr/share/doc-base/", "./usr/share/linda/")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_FILES = {
    "etc/hostname": "portico\n",
    "etc/hosts": "127.0.0.1 localhost portico\n::1 localhost\n",
    "etc/resolv.conf": "",
    "etc/fstab": "",
    "etc/motd": "",
    "etc/environment": "",
    "etc/timezone": "Etc/UTC\n",
    "etc/shells": "/bin/sh\n/bin/bash\n/bin/dash\n",
}
# What maintainer scripts copy, if the source is there and the target is not.
_COPIES = {
    "usr/share/base-passwd/passwd.master": "etc/passwd", "usr/share/base-passwd/group.master": "etc/group",
    "usr/share/base-files/profile": "etc/profile", "usr/share/base-files/dot.bashrc": "root/.bashrc",
    "usr/share/base-files/dot.profile": "root/.profile",
    "usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
}
_FOLDERS = {"etc": 0o755, "dev": 0o755, "proc": 0o555, "sys": 0o555, "tmp": 0o1777, "run": 0o755, "root": 0o700, "home": 0o755, "mnt": 0o755,
            "opt": 0o755, "srv": 0o755, "var/tmp": 0o1777, "var/log": 0o755, "var/mail": 0o2775, "var/local": 0o2775, "usr/local/bin": 0o755,
            "usr/local/lib": 0o755, "usr/local/sbin": 0o755, "dev/shm": 0o1777, "dev/pts": 0o755}


def write(root: str, packages: list[Package]) -> None:
    """Fills the empty folder `root`. Owners are as the packages say if we are root; else all is ours."""
    for name in _MERGED:
        os.makedirs(os.path.join(root, "usr", name), exist_ok=True)
        os.symlink(f"usr/{name}", os.path.join(root, name))
    for package in packages:
        _unpack(package, root)
    for name in ("lib32", "libx32"):
        if not os.listdir(os.path.join(root, "usr", name)):
            os.rmdir(os.path.join(root, "usr", name))
            os.unlink(os.path.join(root, name))
    scripts = dpkg_database.write(root, packages)
    _settle(root, scripts)


def _unpack(package: Package, root: str) -> None:
    """Names that lead over merged folders (./bin/…) go to where these lie."""
    excluded = [f"--exclude={folder}*" for folder in _LEFT_OUT]
    command = ["tar", "-x", "-p", "-C", root, "--keep-directory-symlink", "--no-same-owner" if os.geteuid() else "--same-owner",
               "--anchored", "--wildcards", *excluded]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package.path], stdout=subprocess.PIPE) as source:
        done = subprocess.run(command, stdin=source.stdout, capture_output=True, text=True, check=False)
    if source.returncode != 0 or done.returncode != 0:
        raise Failure(f"{package.file} could not be unpacked: {done.stderr.strip()[-300:]}")


def _settle(root: str, scripts: list[str]) -> None:
    for name, mode in _FOLDERS.items():
        os.makedirs(os.path.join(root, name), exist_ok=True)
        os.chmod(os.path.join(root, name), mode)
    for source, target in _COPIES.items():
        if os.path.exists(os.path.join(root, source)) and not os.path.lexists(os.path.join(root, target)):
            shutil.copyfile(os.path.join(root, source), os.path.join(root, target))
    for name, text in _FILES.items():
        _write(os.path.join(root, name), text)
    _accounts(root)
    if not os.path.lexists(os.path.join(root, "bin/sh")):
        os.symlink("dash", os.path.join(root, "usr/bin/sh"))
    if not os.path.lexists(os.path.join(root, "etc/mtab")):
        os.symlink("../proc/self/mounts", os.path.join(root, "etc/mtab"))
    alternatives.install(root, [choice for script in scripts for choice in alternatives.wanted(script)])
    _certificates(root)
    done = subprocess.run(["/sbin/ldconfig", "-r", root], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"ldconfig failed on {root}: {done.stderr.strip()[-300:]}")


def _accounts(root: str) -> None:
    """Shadow files for who is in passwd and group; no account has a password that lets one in."""
    for name, fields, mode in (("passwd", ":20000:0:99999:7:::", 0o640), ("group", "::", 0o640)):
        path = os.path.join(root, "etc", name)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            users = [line.split(":", 1)[0] for line in file if ":" in line]
        shadow = os.path.join(root, "etc", "shadow" if name == "passwd" else "gshadow")
        _write(shadow, "".join(f"{user}:*{fields}\n" for user in users), mode)


def _certificates(root: str) -> None:
    """The one file that libraries read; update-ca-certificates makes it of the same parts."""
    parts = []
    for folder, _, names in os.walk(os.path.join(root, "usr/share/ca-certificates")):
        for name in sorted(names):
            if name.endswith(".crt"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    parts.append((os.path.join(folder, name), file.read()))
    if parts:
        os.makedirs(os.path.join(root, "etc/ssl/certs"), exist_ok=True)
        _write(os.path.join(root, "etc/ssl/certs/ca-certificates.crt"), "".join(text for _, text in sorted(parts)))


def _write(path: str, text: str, mode: int = 0o644) -> None:
    if os.path.lexists(path):
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
