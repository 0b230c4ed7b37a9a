"""Folders shared with the guest: each side sees what the other does, whatever happens to the driver."""
from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
import tempfile
import threading

from checks.guest import TEST_ROOT, Case, Ended, portico_run

_SECONDS = 150.0
_MIB = 1 << 20


def cases(quick: bool) -> list[Case]:
    found = []
    for machine, cpus in [("microvm", 2)] if quick else [("microvm", 1), ("microvm", 4), ("pc", 2), ("q35", 2)]:
        flags = ["--machine", machine, "-c", str(cpus)]
        found.append(Case(f"share/tour/{machine}-cpus-{cpus}", lambda log, flags=flags: _tour(log, flags)))
    tests = {"large": _large, "many": _many, "programs": _programs, "read-only": _read_only, "host-changes": _host_changes,
             "driver-dies": _driver_dies, "several": _several, "on-a-disk": _on_a_disk}
    return found + [Case(f"share/{name}", test) for name, test in tests.items()]


class _Folder:
    """A folder of ours, gone at the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = self._folder.name

    def put(self, name: str, data: bytes) -> None:
        with open(os.path.join(self.path, name), "wb") as file:
            file.write(data)

    def get(self, name: str) -> bytes:
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()


def _run(log: str, folder: _Folder, script: str, flags: list[str] | None = None, mode: str = "") -> Ended:
    return portico_run(log, _SECONDS, [*(flags or []), "-v", f"{folder.path}:/mnt/share{mode}"], ["sh", "-c", f"cd /mnt/share\n{script}"])


def _told(ended: Ended, expected: str) -> str:
    if ended.status == 0 and ended.stdout.decode("utf-8", "replace") == expected:
        return ""
    return f"status {ended.status}; stdout:\n{ended.stdout.decode('utf-8', 'replace')[-2000:]}\nexpected:\n{expected}\n" \
           f"stderr:\n{ended.stderr.decode('utf-8', 'replace')[-2000:]}"


def _tour(log: str, flags: list[str]) -> str:
    folder = _Folder()
    folder.put("ours", b"of the host\n")
    os.mkdir(os.path.join(folder.path, "folder"))
    os.utime(os.path.join(folder.path, "ours"), (978_307_200, 978_307_200))
    script = """set -e
cat ours; stat -c '%s %Y %h' ours; echo of the guest > folder/theirs; cat folder/theirs; echo more >> folder/theirs
mkdir -p a/b/c; mv folder/theirs a/b/c/moved; ln a/b/c/moved hard; stat -c %h hard; ln -s a/b link; cat link/c/moved
chmod 640 hard; touch -d '2002-03-04 05:06:07' hard; stat -c '%a %Y' hard
rmdir folder; rmdir a 2>/dev/null || echo not empty; mv ours renamed; echo short > renamed; cat renamed
exec 3<> gone; echo unseen >&3; rm gone; echo again >&3 && [ ! -e gone ] && echo goes on; exec 3>&-
head -c 100000 /dev/zero > sized; truncate -s 1000 sized; stat -c %s sized; truncate -s 5000 sized; tail -c 10 sized | wc -c; ls
mount | grep share0; [ $(df . | tail -1 | awk '{print $2}') -gt 0 ] && echo room; cat missing 2>/dev/null || echo no such file
mv a/b/c/moved /tmp/; cat /tmp/moved; mknod device b 254 0 2>/dev/null || echo no devices; pwd
"""
    expected = ("of the host\n12 978307200 1\nof the guest\n2\nof the guest\nmore\n640 1015218367\nnot empty\nshort\ngoes on\n1000\n10\n"
                "a\nhard\nlink\nrenamed\nsized\nshare0 on /mnt/share type 9p (rw,relatime)\nroom\nno such file\nof the guest\nmore\nno devices\n/mnt/share\n")
    told = _told(_run(log, folder, script, flags), expected)
    if told:
        return told
    hard = os.stat(os.path.join(folder.path, "hard"))
    if (hard.st_nlink, stat.S_IMODE(hard.st_mode), int(hard.st_mtime)) != (1, 0o640, 1_015_218_367):
        return f"the host sees {hard}"
    if folder.get("hard") != b"of the guest\nmore\n" or folder.get("renamed") != b"short\n" or folder.get("sized") != bytes(5000):
        return "the host reads other bytes than were written"
    return "" if os.readlink(os.path.join(folder.path, "link")) == "a/b" else "the link is another on the host"


def _large(log: str) -> str:
    """48 MiB each way, also in odd pieces and from the middle."""
    folder = _Folder()
    data = random.Random(1).randbytes(48 * _MIB)
    folder.put("data", data)
    script = ("sha256sum < data; dd if=data bs=7777 skip=1000 count=3000 2>/dev/null | sha256sum; cp data copy; sha256sum < copy;"
              "dd if=data of=copy bs=1000 skip=3 seek=40000 count=777 conv=notrunc 2>/dev/null; sha256sum < copy")
    changed = bytearray(data)
    changed[40_000_000:40_777_000] = data[3000:780_000]
    digests = [hashlib.sha256(bytes(part)).hexdigest() for part in (data, data[7_777_000:31_108_000], data, changed)]
    told = _told(_run(log, folder, script), "".join(f"{digest}  -\n" for digest in digests))
    return told or ("" if folder.get("copy") == changed else "the host has other bytes than the guest wrote")


def _many(log: str) -> str:
    """2,000 names from the host and as many from the guest; then they are removed while they are listed."""
    folder = _Folder()
    for i in range(2000):
        folder.put(f"host {i}", b"")
    script = ("ls | wc -l; ls | sort | sha256sum; i=0; while [ $i -lt 2000 ]; do : > \"guest $i\"; i=$((i+1)); done; ls | wc -l; rm -f host*; ls | wc -l;"
              "mkdir -p tree/a/b tree/c; touch tree/a/b/x tree/c/y; rm -r tree; ls | wc -l")
    names = "".join(f"{name}\n" for name in sorted(f"host {i}" for i in range(2000)))
    told = _told(_run(log, folder, script), f"2000\n{hashlib.sha256(names.encode()).hexdigest()}  -\n4000\n2000\n2000\n")
    return told or ("" if sorted(os.listdir(folder.path)) == sorted(f"guest {i}" for i in range(2000)) else "the host sees other names")


def _programs(log: str) -> str:
    """Programs run from the share, one that maps its files and writes through mappings, and one that has many open at once."""
    folder = _Folder()
    shutil.copy(os.path.join(TEST_ROOT, "tests", "glibc", "file_storm"), folder.path)
    shutil.copy("/bin/busybox", os.path.join(folder.path, "busybox"))
    folder.put("script", b"#!/mnt/share/busybox sh\necho a script of $0\n")
    os.chmod(os.path.join(folder.path, "script"), 0o755)
    expected = "ok all ways to the bytes of a file agree\nok also when it has no name any more\na script of ./script\nrun\n"
    return _told(_run(log, folder, "./file_storm && ./script && ./busybox echo run"), expected)


def _read_only(log: str) -> str:
    folder = _Folder()
    folder.put("file", b"text\n")
    script = ("cat file; for command in 'echo x > file' 'echo x > new' 'mkdir d' 'rm file' 'mv file x' 'chmod 0 file' 'ln file y' 'touch file'; do"
              ' sh -c "$command" 2>&1 | grep -c "Read-only file system"; done; mount | grep -o "9p (ro"')
    told = _told(_run(log, folder, script, mode=":ro"), "text\n" + "1\n" * 8 + "9p (ro\n")
    return told or ("" if os.listdir(folder.path) == ["file"] and folder.get("file") == b"text\n" else "the host's folder has changed")


def _host_changes(log: str) -> str:
    """The guest asks for changes by files, the host makes them while the guest runs; each open sees the newest."""
    folder = _Folder()
    folder.put("file", b"first state\n")
    ended = threading.Event()

    def answer() -> None:
        states = {"ask1": b"other state\n", "ask2": b"a longer state\n", "ask3": b"short\n"}
        while states and not ended.wait(0.02):
            for name in [name for name in states if os.path.exists(os.path.join(folder.path, name))]:
                if name == "ask2":  # as an editor does
                    folder.put("file.new", states.pop(name))
                    os.rename(os.path.join(folder.path, "file.new"), os.path.join(folder.path, "file"))
                else:
                    folder.put("file", states.pop(name))
                folder.put(f"{name}.done", b"")

    helper = threading.Thread(target=answer)
    helper.start()
    try:
        script = ("cat file; for ask in ask1 ask2 ask3; do : > $ask; until [ -e $ask.done ]; do sleep 0.05; done; cat file; stat -c %s file; done;"
                  "echo of the guest >> file; cat file")
        told = _told(_run(log, folder, script), "first state\nother state\n12\na longer state\n15\nshort\n6\nshort\nof the guest\n")
    finally:
        ended.set()
        helper.join()
    return told or ("" if folder.get("file") == b"short\nof the guest\n" else "the host sees something else")


def _driver_dies(log: str) -> str:
    """Killed five times while programs read and write, it comes back, and open files go on."""
    folder = _Folder()
    data = random.Random(7).randbytes(12 * _MIB)
    folder.put("data", data)
    script = ("exec 4< data 5> written; dd bs=16k <&4 2>/dev/null | sha256sum > /tmp/read & reader=$!\n"
              "dd if=/dev/zero bs=8k count=1024 2>/dev/null | tr '\\0' x >&5 & writer=$!\n"
              "for i in 1 2 3 4 5; do sleep 0.1; echo kill share0 > /proc/portico/servers;"
              'until grep -q "^share0 running $i" /proc/portico/servers; do sleep 0.05; done; done\n'
              "wait $reader && wait $writer && cat /tmp/read && sha256sum < written && ls && cat data | sha256sum && grep share0 /proc/portico/servers")
    digest = hashlib.sha256(data).hexdigest()
    told = f"{digest}  -\n{hashlib.sha256(b'x' * 8 * _MIB).hexdigest()}  -\ndata\nwritten\n{digest}  -\nshare0 running 5\n"
    return _told(_run(log, folder, script), told) or ("" if folder.get("written") == b"x" * 8 * _MIB else "the host has other bytes")


def _several(log: str) -> str:
    """Two shares and a disk: each is what was meant."""
    folders = [_Folder(), _Folder()]
    for name, folder in zip("ab", folders):
        folder.put("which", name.encode() + b"\n")
    with tempfile.NamedTemporaryFile(suffix=".img") as image:
        image.truncate(_MIB)
        flags = ["--disk", image.name, "-v", f"{folders[0].path}:/a", "-v", f"{folders[1].path}:/a/b:ro"]
        os.mkdir(os.path.join(folders[0].path, "b"))
        ended = portico_run(log, _SECONDS, flags, ["sh", "-c", "cat /a/which /a/b/which; cp /a/b/which /a/copy; mv /a/which /a/b/ 2>/dev/null || echo other"
                                                              " file system; ls /dev/vda; grep -c 9p /proc/mounts"])
    told = _told(ended, "a\nb\nother file system\n/dev/vda\n2\n")
    return told or ("" if folders[0].get("copy") == b"b\n" else "the copy went elsewhere")


def _on_a_disk(log: str) -> str:
    """With the root on a disk; the place is made there."""
    folder = _Folder()
    ended = portico_run(log, _SECONDS, ["--rootfs", TEST_ROOT, "-v", f"{folder.path}:/new/place"],
                        ["sh", "-c", "cd /new/place; cp /bin/busybox copy; cmp /bin/busybox copy && sha256sum < copy; ls /new"])
    return _told(ended, f"{hashlib.sha256(folder.get('copy')).hexdigest()}  -\nplace\n")
