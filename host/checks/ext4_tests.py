"""The root on a disk: what programs do there, then what e2fsck and debugfs say of the image on the host."""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile

from checks.guest import TEST_ROOT, Case, Ended, portico_run
from images import ext4_image

_SECONDS = 150.0
_FLAGS = ["-c", "2"]


def cases(quick: bool) -> list[Case]:
    tests = {"tour": _tour, "fsync-then-power-off": _power_off, "changes-are-lost": _changes_are_lost, "full": _full, "errors": _errors,
             "driver-dies": _driver_dies, "damaged": _damaged, "little-memory": _little_memory}
    found = [Case(f"ext4/{name}", test) for name, test in tests.items()]
    for cpus in [2] if quick else [1, 4]:
        found.append(Case(f"ext4/file-storm/cpus-{cpus}", lambda log, cpus=cpus: _file_storm(log, cpus)))
    return found


class _Image:
    """A disk image of the test root for one test."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self._folder.name, "root.ext4")
        subprocess.run(["cp", "--sparse=always", ext4_image.of_folder(TEST_ROOT), self.path], check=True)

    def run(self, log: str, script: str, *, persist: bool = True, seconds: float = _SECONDS, flags: list[str] | None = None,
            root: str | None = None) -> Ended:
        return portico_run(log, seconds, [*(flags or _FLAGS), *(["--persist"] if persist else []), "--rootfs", root or self.path],
                           ["sh", "-c", script])

    def problems(self) -> str:
        """"" if e2fsck finds nothing to repair."""
        done = subprocess.run(["/sbin/e2fsck", "-fn", self.path], capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else f"e2fsck -fn: status {done.returncode}\n{done.stdout[-3000:]}"

    def content(self, path: str) -> str:
        return subprocess.run(["/sbin/debugfs", "-R", f"cat {path}", self.path], capture_output=True, text=True, check=False).stdout


def _told(ended: Ended, expected: str, status: int = 0) -> str:
    if ended.status == status and ended.stdout.decode("utf-8", "replace") == expected:
        return ""
    return f"status {ended.status}; stdout:\n{ended.stdout.decode('utf-8', 'replace')[-2000:]}\nexpected:\n{expected}\n" \
           f"stderr:\n{ended.stderr.decode('utf-8', 'replace')[-2000:]}"


def _tour(log: str) -> str:
    image = _Image()
    script = """set -e
mkdir -p /srv/a/b; cd /srv; echo one > a/b/one; ln a/b/one hard; ln -s a/b link; mkfifo fifo
chmod 4750 hard; chown 12:34 hard; touch -d '2001-02-03 04:05:06' hard
mv a/b/one a/two; cat link/../two; stat -c '%h %a %u %g %Y' hard
dd if=/dev/zero of=sparse bs=1 count=1 seek=50000000 2>/dev/null; stat -c '%s' sparse; [ $(stat -c %b sparse) -lt 100 ]
cp /bin/busybox echo; ./echo run; rm a/two; cat hard
i=0; while [ $i -lt 400 ]; do : > "a file with a long enough name, $i"; i=$((i+1)); done; ls | wc -l; rm a\\ file*
mkdir many; (cd many; seq 1 30 | while read n; do mkdir $n; done; rmdir 1 3 5); ls many | wc -l
exec 3> gone; echo text >&3; rm gone; df -T / | tail -1 | awk '{print $2}'; mount | grep ' / ' | awk '{print $5}'
seq 1 100000 > numbers; sha256sum < numbers; head -c 1000 numbers > short; mv short numbers; wc -c < numbers
"""
    numbers = "".join(f"{i}\n" for i in range(1, 100001)).encode()
    expected = f"one\n2 750 12 34 981173106\n50000001\nrun\none\n406\n27\next4\next4\n{hashlib.sha256(numbers).hexdigest()}  -\n1000\n"
    told = _told(image.run(log, script), expected) or image.problems()
    if told:
        return told
    if image.content("/srv/numbers") != numbers[:1000].decode() or image.content("/srv/hard") != "one\n":
        return "debugfs finds other bytes in the image than were written"
    return _told(image.run(log, "cat /srv/link/../../hard; ls /srv/many | wc -l; wc -c < /srv/numbers"), "one\n27\n1000\n") or image.problems()


def _power_off(log: str) -> str:
    """The machine is killed while a program goes on writing: what was synced is there, and the file system is sound."""
    image = _Image()
    script = ("echo synced > /kept; mkdir /d; cp /bin/busybox /d/copy; sync; echo safe; echo later > /kept.new; fsync /kept.new; mv /kept.new /kept; fsync /kept;"
              "echo safer; while :; do echo x >> /d/growing; cp /kept /d/other; rm /d/other; done")
    ended = image.run(log, script, seconds=15.0)
    if ended.status != 125 or ended.stdout != b"safe\nsafer\n":
        return _told(ended, "safe\nsafer\n", 125)
    replayed = subprocess.run(["/sbin/e2fsck", "-E", "journal_only", "-p", image.path], capture_output=True, text=True, check=False)
    if replayed.returncode > 1:
        return f"the journal cannot be replayed: {replayed.stdout}"
    if image.problems():
        return image.problems()
    if image.content("/kept") != "later\n":
        return f"what was synced is lost: {image.content('/kept')!r}"
    return _told(image.run(log, "cat /kept; cmp /d/copy /bin/busybox && echo same"), "later\nsame\n") or image.problems()


def _changes_are_lost(log: str) -> str:
    image = _Image()
    with open(image.path, "rb") as file:
        before = file.read()
    told = _told(image.run(log, "echo x > /new; sync; cat /new", persist=False), "x\n")
    with open(image.path, "rb") as file:
        return told or ("" if file.read() == before else "the image has changed")


def _full(log: str) -> str:
    image = _Image()
    script = ("dd if=/dev/zero of=/big bs=1M 2>&1 | grep -c 'No space'; sync && echo written; rm /big; echo x > /small && cat /small;"
              "dd if=/dev/zero of=/again bs=1M count=20 2>/dev/null && sync && echo again")
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small.ext4")
        subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=4", "-m", "0", "-d", TEST_ROOT, small, "120M"], check=True)
        shutil.copyfile(small, image.path)
    return _told(image.run(log, script), "1\nwritten\nx\nagain\n") or image.problems()


def _errors(log: str) -> str:
    """Sectors of one file cannot be read: EIO for who reads them, SIGBUS for who has them mapped; all else goes on."""
    image = _Image()
    made = image.run(log, "seq 1 200000 > /file; sync")
    where = subprocess.run(["/sbin/debugfs", "-R", "bmap /file 40", image.path], capture_output=True, text=True, check=False).stdout
    if made.status != 0 or not where.strip().isdigit():
        return f"no file to spoil: {where} {_told(made, '')}"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as rules:
        rules.write(f'[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "{int(where) * 8 + 3}"\n')
        rules.flush()
        script = ("dd if=/file of=/dev/null bs=4k skip=40 count=1 2>&1 | grep -c 'Input/output error';"
                  "dd if=/file bs=4k skip=41 count=1 2>/dev/null | wc -c; head -c 163840 /file | wc -c; echo x > /other; cat /other; sync && echo synced")
        ended = image.run(log, script, root=f"blkdebug:{rules.name}:{image.path}")
    return _told(ended, "1\n4096\n163840\nx\nsynced\n") or image.problems()


def _driver_dies(log: str) -> str:
    image = _Image()
    script = ("for i in 1 2 3; do cp /bin/busybox /copy$i & echo kill vda > /proc/portico/servers; wait;"
              'until grep -q "^vda running $i" /proc/portico/servers; do sleep 0.05; done; sync; cmp /bin/busybox /copy$i && echo $i; done')
    return _told(image.run(log, script), "1\n2\n3\n") or image.problems()


def _damaged(log: str) -> str:
    """What is no file system that can be served ends the system with a word, and nothing else."""
    image = _Image()
    with open(image.path, "r+b") as file:
        file.seek(0x460)
        file.write(b"\xff\xff\xff\xff")
    ended = image.run(log, "echo x", persist=False)
    with open(log, encoding="utf-8", errors="replace") as file:
        named = "the root disk is not used" in file.read()
    return "" if ended.status == 125 and named else f"status {ended.status}, said why: {named}"


def _little_memory(log: str) -> str:
    """More file bytes than memory: pages go and come, dirty ones by way of the disk."""
    image = _Image()
    script = ("seq 1 9000000 | head -c 40000000 > /large; sha256sum < /large; cp /large /copy; cmp /large /copy && echo same; rm /large; sync;"
              "sha256sum < /copy")
    data = b"".join(b"%d\n" % i for i in range(1, 9_000_000))[:40_000_000]
    digest = hashlib.sha256(data).hexdigest()
    return _told(image.run(log, script, flags=["-c", "2", "-m", "48M"], seconds=2 * _SECONDS), f"{digest}  -\nsame\n{digest}  -\n") or image.problems()


def _file_storm(log: str, cpus: int) -> str:
    image = _Image()
    expected = "ok all ways to the bytes of a file agree\nok also when it has no name any more\n"
    ended = portico_run(log, _SECONDS, ["-c", str(cpus), "--persist", "--rootfs", image.path, "-w", "/var"], ["/tests/glibc/file_storm"])
    return _told(ended, expected) or image.problems()
