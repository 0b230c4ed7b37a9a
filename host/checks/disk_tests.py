"""Disks in the guest: what a program writes is in the host's image and the other way round, whatever happens to driver and device."""
from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Callable

from checks.guest import Case, Ended, portico_run

_MIB = 1 << 20
_SECONDS = 120.0


def cases(quick: bool) -> list[Case]:
    found = []
    for machine, cpus in [("microvm", 2)] if quick else [("microvm", 1), ("microvm", 4), ("pc", 2), ("q35", 2)]:
        flags = ["--machine", machine, "-c", str(cpus)]
        found.append(Case(f"disk/copy/{machine}-cpus-{cpus}", lambda log, flags=flags: _copy(log, flags)))
    for machine in ["microvm"] if quick else ["microvm", "q35"]:
        flags = ["--machine", machine]
        found.append(Case(f"disk/kill-the-driver/{machine}", lambda log, flags=flags: _kill_the_driver(log, flags)))
    tests: dict[str, Callable[[str], str]] = {"errors": _errors, "read-only": _read_only, "partial-sectors": _partial_sectors,
                                              "several": _several, "swap": _swap}
    return found + [Case(f"disk/{name}", test) for name, test in tests.items()]


def _numbers(size_bytes: int) -> bytes:
    """What `seq 1 9999999 | head -c SIZE` prints."""
    return b"".join(b"%d\n" % i for i in range(1, size_bytes // 6 + 100_000))[:size_bytes]


class _Image:
    """A raw image with known bytes, gone at the end."""

    def __init__(self, size_bytes: int, seed: int) -> None:
        self.data = random.Random(seed).randbytes(size_bytes)
        self._file = tempfile.NamedTemporaryFile(suffix=".img")
        self._file.write(self.data)
        self._file.flush()
        self.path = self._file.name

    def now(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()


def _run(log: str, script: str, flags: list[str]) -> Ended:
    return portico_run(log, _SECONDS, flags, ["sh", "-c", script])


def _told(ended: Ended, expected: str) -> str:
    if ended.status == 0 and ended.stdout.decode("utf-8", "replace") == expected:
        return ""
    return f"status {ended.status}; stdout:\n{ended.stdout.decode('utf-8', 'replace')[-2000:]}\nexpected:\n{expected}\n" \
           f"stderr:\n{ended.stderr.decode('utf-8', 'replace')[-2000:]}"


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _differs(image: _Image, expected: bytes) -> str:
    actual = image.now()
    if actual == expected:
        return ""
    first = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
    return f"the image differs from byte {first} on"


def _copy(log: str, flags: list[str]) -> str:
    """The guest sees the image's bytes, and the image gets the guest's, also through a second reader meanwhile."""
    image = _Image(4 * _MIB, 1)
    pattern = _numbers(_MIB)
    script = (f"sha256sum /dev/vda; blockdev --getsize64 /dev/vda; blockdev --getss /dev/vda; seq 1 9999999 | head -c {_MIB} > /tmp/pattern;"
              "dd if=/tmp/pattern of=/dev/vda bs=64k seek=16 conv=fsync 2>/dev/null & "
              "dd if=/dev/vda of=/dev/null bs=4k count=256 2>/dev/null; wait;"
              "dd if=/dev/vda bs=64k skip=16 count=16 2>/dev/null | sha256sum; sha256sum /dev/vda")
    expected = image.data[:_MIB] + pattern + image.data[2 * _MIB:]
    told = f"{_sum(image.data)}  /dev/vda\n{4 * _MIB}\n512\n{_sum(pattern)}  -\n{_sum(expected)}  /dev/vda\n"
    ended = _run(log, script, [*flags, "--disk", image.path])
    return _told(ended, told) or _differs(image, expected)


def _kill_the_driver(log: str, flags: list[str]) -> str:
    """Killed five times while it reads and writes, it comes back and not a byte is wrong."""
    image = _Image(8 * _MIB, 3)
    pattern = _numbers(3 * _MIB)
    script = (f"seq 1 9999999 | head -c {3 * _MIB} > /tmp/pattern; dd if=/tmp/pattern of=/dev/vda bs=32k conv=fsync 2>/dev/null & writer=$!\n"
              "dd if=/dev/vda bs=16k skip=256 2>/dev/null | sha256sum & reader=$!\n"
              "for i in 1 2 3 4 5; do sleep 0.1; echo kill vda > /proc/portico/servers;"
              'until grep -q "^vda running $i" /proc/portico/servers; do sleep 0.05; done; done\n'
              "wait $writer && wait $reader && sha256sum /dev/vda && grep vda /proc/portico/servers")
    expected = pattern + image.data[3 * _MIB:]
    told = f"{_sum(image.data[4 * _MIB:])}  -\n{_sum(expected)}  /dev/vda\nvda running 5\n"
    return _told(_run(log, script, [*flags, "--disk", image.path]), told) or _differs(image, expected)


def _errors(log: str) -> str:
    """A sector that cannot be read and one that cannot be written: EIO for who touches them, all else goes on."""
    image = _Image(_MIB, 5)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules:
        rules.write('[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "1024"\n\n'
                    '[inject-error]\nevent = "write_aio"\nerrno = "5"\nsector = "512"\n')
        rules.flush()
        script = ("dd if=/dev/vda of=/dev/null bs=512 skip=1024 count=1 2>&1 | grep -c 'Input/output error';"
                  "dd if=/dev/zero of=/dev/vda bs=512 seek=512 count=1 2>&1 | grep -c 'Input/output error';"
                  "dd if=/dev/vda bs=512 count=1000 2>/dev/null | sha256sum;"
                  "dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=fsync 2>/dev/null && grep vda /proc/portico/servers")
        ended = _run(log, script, ["--disk", f"blkdebug:{rules.name}:{image.path}"])
    told = f"1\n1\n{_sum(image.data[:512_000])}  -\nvda running 0\n"
    return _told(ended, told) or _differs(image, bytes(512) + image.data[512:])


def _read_only(log: str) -> str:
    image = _Image(_MIB, 6)
    script = "blockdev --getro /dev/vda; sha256sum /dev/vda; echo x > /dev/vda || echo refused"
    ended = _run(log, script, ["--disk", f"{image.path}:ro"])
    return _told(ended, f"1\n{_sum(image.data)}  /dev/vda\nrefused\n") or _differs(image, image.data)


def _partial_sectors(log: str) -> str:
    """Programs may write any bytes; the end of the disk is the end."""
    image = _Image(_MIB, 7)
    data = bytearray(image.data)
    data[1000:1003] = b"abc"
    data[511:513] = b"xy"
    data[-2:] = b"zz"
    script = ("printf abc | dd of=/dev/vda bs=1 seek=1000 2>/dev/null; printf xy | dd of=/dev/vda bs=2 seek=511 oflag=seek_bytes 2>/dev/null;"
              f"printf zzz | dd of=/dev/vda bs=3 seek={_MIB - 2} oflag=seek_bytes 2>&1 | grep -c 'No space';"
              "tail -c 5000 /dev/vda | sha256sum; sha256sum /dev/vda")
    ended = _run(log, script, ["--disk", image.path])
    return _told(ended, f"1\n{_sum(bytes(data[-5000:]))}  -\n{_sum(bytes(data))}  /dev/vda\n") or _differs(image, bytes(data))


def _several(log: str) -> str:
    images = [_Image(_MIB + 512 * i, 10 + i) for i in range(4)]
    flags = [word for image in images for word in ("--disk", image.path)]
    ended = _run(log, "cat /dev/vda > /dev/vdb; for disk in a b c d; do sha256sum < /dev/vd$disk; done; ls /dev/vd*", flags)
    second = images[0].data + images[1].data[_MIB:]
    expected = [images[0].data, second, images[2].data, images[3].data]
    told = "".join(f"{_sum(data)}  -\n" for data in expected) + "".join(f"/dev/vd{letter}\n" for letter in "abcd")
    return _told(ended, told) or _differs(images[1], second)


def _swap(log: str) -> str:
    """The disk to swap to is the last one and no program's."""
    image = _Image(_MIB, 8)
    script = "ls /dev/vd*; grep -c '^vdb running' /proc/portico/servers"
    return _told(_run(log, script, ["--swap", "64M", "--disk", image.path]), "/dev/vda\n1\n")
