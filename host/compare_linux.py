"""portico run --compare-linux: the same command on Debian's kernel and on Portico, in the same QEMU, on the same root file system; both
outputs side by side (docs/host.md)."""
from __future__ import annotations

import difflib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile

import cpio
import default_root
import options
import packages
import paths
import rootfs_cache
import run_config
import virtual_machine
from failure import Failure

_MARK = b"@@portico "
_FOLDER = "portico-compare"  # in Linux's first file system, beside /root with the one that is compared
_KERNEL_ARGUMENTS = f"console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/{_FOLDER}/init"
_TIMEOUT_SECONDS = 600.0


def run(parsed: options.Parsed, arguments: list[str]) -> int:
    """Exit status: 0 if output and status agree, 1 if not."""
    if not parsed.words:
        raise Failure("--compare-linux: which program? portico run --compare-linux -- PROGRAM ARGUMENTS…")
    if parsed["volume"]:
        raise Failure("--compare-linux: without --volume, please: both would change the same folder")
    packages.require({"busybox-static": default_root.BUSYBOX})
    data = b"" if os.isatty(0) else sys.stdin.buffer.read()
    ours_arguments = [word for word in arguments if word != "--compare-linux"]
    ours = subprocess.run([os.path.join(paths.REPOSITORY, "portico"), "run", *ours_arguments], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    linux_status, linux = _on_linux(parsed, data)
    return _show(linux, linux_status, ours.stdout, ours.returncode)


def _on_linux(parsed: options.Parsed, data: bytes) -> tuple[int, bytes]:
    from benchmarks import linux

    root = str(parsed["rootfs"] or paths.DEFAULT_ROOT)
    archive = rootfs_cache.archive_of(root)
    with tempfile.TemporaryDirectory() as folder:
        initrd, console = os.path.join(folder, "initrd"), os.path.join(folder, "console")
        with open(initrd, "wb") as file:
            with open(archive, "rb") as source:
                shutil.copyfileobj(source, file)
            _add_init(file, parsed, data)
        size = os.stat(initrd).st_size
        settings = virtual_machine.Settings(memory_bytes=max(parsed["memory"], 3 * size + (256 << 20)), cpus=parsed["cpus"], machine="pc",
                                            accelerator=parsed["accel"])
        command = virtual_machine.linux_command_line(settings, linux.kernel(), initrd, console, _KERNEL_ARGUMENTS)
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=parsed["timeout"] or _TIMEOUT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise Failure("the program did not end on Linux in time") from None
        with open(console, "rb") as file:
            output = file.read()
    _, begun, rest = output.partition(_MARK + b"begin\n")
    told, ended, status = rest.partition(_MARK + b"status ")
    if not begun or not ended:
        raise Failure(f"Linux did not run the program: {output[-500:].decode('utf-8', 'replace')}")
    return int(status.split()[0]), told


def _add_init(file, parsed: options.Parsed, data: bytes) -> None:
    variables = run_config.environment(parsed["env"], terminal=False)
    words = [f"{name}={value}" for name, value in variables.items()]
    inner = f"cd {shlex.quote(str(parsed['workdir'] or '/'))} && exec {shlex.join(parsed.words)}"
    box = f"/{_FOLDER}/busybox"
    script = "\n".join([
        f"#!{box} sh",
        f"{box} mount -t devtmpfs none /root/dev",
        f"{box} mkdir -p /root/dev/shm /root/dev/pts /root/proc /root/sys /root/tmp",
        f"{box} mount -t devpts none /root/dev/pts",
        f"{box} mount -t tmpfs none /root/dev/shm",
        f"{box} mount -t proc none /root/proc",
        f"{box} mount -t sysfs none /root/sys",
        f"exec </dev/console >/dev/console 2>&1; {box} stty -opost -echo",
        "echo @@portico begin",
        f"{box} env -i {shlex.join(words)} {box} chroot /root /bin/sh -c {shlex.quote(inner)} </{_FOLDER}/stdin",
        "echo @@portico status $?",
        f"{box} poweroff -f",
        "",
    ])
    writer = cpio.Writer(file)
    for folder in ("dev", _FOLDER):
        writer.add(folder, stat.S_IFDIR | 0o755)
    writer.add("dev/console", stat.S_IFCHR | 0o600, device=(5 << 8) | 1)
    writer.add(f"{_FOLDER}/init", stat.S_IFREG | 0o755, script.encode())
    writer.add(f"{_FOLDER}/stdin", stat.S_IFREG | 0o644, data)
    writer.add_file(f"{_FOLDER}/busybox", default_root.BUSYBOX, os.stat(default_root.BUSYBOX).st_size, mode=stat.S_IFREG | 0o755)
    writer.finish()


def _show(linux: bytes, linux_status: int, ours: bytes, our_status: int) -> int:
    left, right = (text.decode("utf-8", "replace").splitlines() for text in (linux, ours))
    width = max(20, (shutil.get_terminal_size((160, 24)).columns - 3) // 2)
    print(f"{'Linux':{width}}   Portico")
    for line in side_by_side(left, right, width):
        print(line)
    print(f"{f'status {linux_status}':{width}} {' ' if linux_status == our_status else '|'} status {our_status}")
    return 0 if (left, linux_status) == (right, our_status) else 1


def side_by_side(left: list[str], right: list[str], width: int) -> list[str]:
    """Lines of both, those that differ marked: | changed, < only left, > only right."""
    shown = []
    for kind, i, i_end, j, j_end in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        count = max(i_end - i, j_end - j)
        for step in range(count):
            has_left, has_right = i + step < i_end, j + step < j_end
            mark = " " if kind == "equal" else "|" if has_left and has_right else "<" if has_left else ">"
            one, other = left[i + step] if has_left else "", right[j + step] if has_right else ""
            shown.append(f"{one.expandtabs()[:width]:{width}} {mark} {other.expandtabs()[:width]}".rstrip())
    return shown
