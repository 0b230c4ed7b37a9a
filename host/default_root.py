"""The default root file system, laid out in a folder: busybox with all its applets, our own tools, and the few files programs expect."""
from __future__ import annotations

import os
import shutil
import subprocess

import paths
from failure import Failure

BUSYBOX = "/bin/busybox"
_TOOLS = {"ports": "usr/bin/ports", "limit": "usr/bin/limit"}  # program of tools/ → its place

_FOLDERS = {"bin": 0o755, "sbin": 0o755, "usr": 0o755, "usr/bin": 0o755, "usr/sbin": 0o755, "usr/local": 0o755, "usr/local/bin": 0o755,
            "etc": 0o755, "root": 0o700, "home": 0o755, "tmp": 0o1777, "dev": 0o755, "proc": 0o555, "sys": 0o555, "run": 0o755,
            "var": 0o755, "var/tmp": 0o1777, "var/log": 0o755, "mnt": 0o755}

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/shells": "/bin/sh\n/bin/ash\n",
    "etc/hostname": "portico\n",
    "etc/hosts": "127.0.0.1 localhost portico\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n",
    "etc/protocols": "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n",
    "etc/services": "ftp 21/tcp\nssh 22/tcp\nsmtp 25/tcp\ndomain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nntp 123/udp\nhttps 443/tcp\n",
    "etc/os-release": 'NAME="Portico"\nID=portico\nPRETTY_NAME="Portico"\n',
    "etc/profile": "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPS1='\\h:\\w\\$ '\n",
}


def write(directory: str) -> None:
    """Makes `directory` anew with the default root file system. Owners are not set: the archive says root."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    for name, mode in _FOLDERS.items():
        path = os.path.join(directory, name)
        os.mkdir(path)
        os.chmod(path, mode)
    for name, text in _FILES.items():
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
    shutil.copyfile(BUSYBOX, os.path.join(directory, "bin/busybox"))
    os.chmod(os.path.join(directory, "bin/busybox"), 0o755)
    for applet in _applets():
        path = os.path.join(directory, applet)
        if applet != "bin/busybox" and not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink("/bin/busybox", path)
    for built, place in zip(tools(), _TOOLS.values(), strict=True):
        _add_tool(built, os.path.join(directory, place))


def tools() -> list[str]:
    """The built programs of ours that are in it."""
    return [os.path.join(paths.SYSTEM, "tools", program) for program in _TOOLS]


def _add_tool(built: str, path: str) -> None:
    if not os.path.exists(built):
        raise Failure(f"the build did not make {os.path.relpath(built, paths.REPOSITORY)}, which the default root file system needs")
    stripped = subprocess.run(["llvm-strip-19", "-o", path, built], capture_output=True, text=True, check=False)
    if stripped.returncode != 0:
        raise Failure(f"llvm-strip-19 failed: {stripped.stderr.strip()}")
    os.chmod(path, 0o755)


def _applets() -> list[str]:
    listed = subprocess.run([BUSYBOX, "--list-full"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise Failure(f"{BUSYBOX} --list-full failed: {listed.stderr.strip()}")
    # Applets without a folder of their own (init, linuxrc) are listed by bare name; init(8) is not busybox's here.
    return [name for name in listed.stdout.split() if "/" in name and os.path.basename(name) != "init"]
