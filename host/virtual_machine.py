"""Starts and ends QEMU. Its command line is made here and nowhere else."""
from __future__ import annotations

import os
import socket
import time

import disks as guest_disks
import paths
import shares as guest_shares
from failure import Failure

# What each machine type needs so that its serial port and timer are the ones the kernel drives; nothing more is switched on.
MACHINES = {
    "microvm": "microvm,rtc=on,pit=off,pic=off,isa-serial=off",
    "pc": "pc",
    "q35": "q35",
}
# How the guest's instructions are run. "icount" is one CPU on a virtual clock that each instruction moves on by 1 ns, so that the
# time stamp counter counts instructions. It counts every round of a `rep movsb`: without erms, programs copy by plain moves.
ACCELERATORS = {
    "tcg": ["-cpu", "max", "-accel", "tcg,thread=multi"],
    "icount": ["-cpu", "max,-erms", "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"],
    "kvm": ["-cpu", "max", "-accel", "kvm"],
}
_SETPRIV = "/usr/bin/setpriv"  # util-linux, which Debian always has
_LINK_DESCRIPTOR, _ARCHIVE_DESCRIPTOR, _MEMORY_DESCRIPTOR = 3, 4, 5  # swap files behind the last one


class Settings:
    """What the flags decide about the machine."""

    def __init__(self, *, memory_bytes: int, cpus: int, machine: str = "microvm", accelerator: str = "tcg", gdb: bool = False,
                 stopped: bool = False, kernel_words: str = "", memory_file: int | None = None, disks: list[guest_disks.Disk] | None = None,
                 shares: list[guest_shares.Share] | None = None) -> None:
        self.memory_bytes, self.cpus = memory_bytes, cpus
        self.machine, self.accelerator = machine, accelerator
        self.gdb, self.stopped = gdb, stopped
        self.disks, self.shares = disks or [], shares or []
        self.kernel_words = " ".join([*kernel_words.split(), *guest_disks.kernel_words(machine, [*self.disks, *self.shares])])
        self.memory_file = memory_file  # a descriptor, borrowed: the guest's RAM, which can be read when the guest is gone


def command_line(settings: Settings, kernel: str, archive: str, log: str) -> list[str]:
    """QEMU's arguments. The link is an inherited socket: no name in the file system, no connection to wait for."""
    return [
        paths.qemu(), "-machine", MACHINES[settings.machine], *ACCELERATORS[settings.accelerator],
        "-smp", str(settings.cpus), "-m", f"size={settings.memory_bytes >> 10}K",
        *([] if settings.memory_file is None else _memory_from_file(settings.memory_bytes)),
        "-kernel", kernel, "-initrd", archive, *(["-append", settings.kernel_words] if settings.kernel_words else []),
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
        "-chardev", f"socket,id=link,fd={_LINK_DESCRIPTOR}", "-device", "isa-serial,chardev=link,iobase=0x3f8,irq=4",
        "-chardev", f"file,id=log,append=on,path={log.replace(',', ',,')}", "-device", "isa-debugcon,chardev=log,iobase=0xe9",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
        *guest_disks.arguments(settings.machine, settings.cpus, settings.disks,
                               _MEMORY_DESCRIPTOR + (settings.memory_file is not None)),
        *guest_shares.arguments(settings.machine, settings.shares, len(settings.disks)),
        *(["-s"] if settings.gdb else []), *(["-S"] if settings.stopped else []),
    ]


def _memory_from_file(size_bytes: int) -> list[str]:
    return ["-object", f"memory-backend-file,id=memory,share=on,size={size_bytes >> 10}K,mem-path=/proc/self/fd/{_MEMORY_DESCRIPTOR}",
            "-machine", "memory-backend=memory"]


def linux_command_line(settings: Settings, kernel: str, archive: str, console: str, arguments: str) -> list[str]:
    """QEMU's arguments for a Linux that is measured beside Portico: nothing but a console, which goes to a file."""
    command = [
        paths.qemu(), "-machine", MACHINES[settings.machine], *ACCELERATORS[settings.accelerator],
        "-smp", str(settings.cpus), "-m", f"size={settings.memory_bytes >> 10}K",
        "-kernel", kernel, "-initrd", archive, "-append", arguments,
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", f"file:{console}",
    ]
    return dies_with_us(command)


def dies_with_us(command: list[str]) -> list[str]:
    """The command in such a way that its process never outlives ours."""
    return [_SETPRIV, "--pdeathsig", "KILL", "--", *command] if os.path.exists(_SETPRIV) else command


def check_accelerator(name: str, cpus: int) -> None:
    if name == "icount" and cpus != 1:
        raise Failure("--accel icount counts the instructions of one CPU; add --cpus 1")
    if name == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        reason = "/dev/kvm is not there" if not os.path.exists("/dev/kvm") else "/dev/kvm is not open to this user"
        raise Failure(f"--accel kvm: {reason}; leave the flag out to run without it")
    if name == "kvm":
        try:
            os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            raise Failure(f"--accel kvm: /dev/kvm can not be opened ({error.strerror}); leave the flag out to run without it") from None


def joined_archives(archives: list[str], tail: bytes) -> int:
    """A descriptor of a file in memory, without a name to leave behind: the archives, then `tail`."""
    joined = os.memfd_create("portico-boot", os.MFD_CLOEXEC)
    for archive in archives:
        source = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
        try:
            left = os.fstat(source).st_size
            while left:
                copied = os.sendfile(joined, source, None, left)
                if copied == 0:
                    raise Failure(f"{archive} became shorter while it was read; try again")
                left -= copied
        finally:
            os.close(source)
    while tail:
        tail = tail[os.write(joined, tail):]
    return joined


class VirtualMachine:
    """A running QEMU and our end of its serial line.

    Ownership: owns the process and the socket; end() (or our own death, by the parent-death signal) ends QEMU.
    """

    def __init__(self, settings: Settings, kernel: str, archive_descriptor: int, log: str) -> None:
        with open(log, "wb"):
            pass  # QEMU and its messages append
        log_descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = dies_with_us(command_line(settings, kernel, f"/proc/self/fd/{_ARCHIVE_DESCRIPTOR}", log))
        # The numbers the child gets must not be ones that are still to be copied from: move the sources up first.
        sources = [_moved_up(descriptor) for descriptor in (nothing, log_descriptor, theirs.fileno(), archive_descriptor)]
        if settings.memory_file is not None:
            sources.append(_moved_up(settings.memory_file))
        sources += [_moved_up(disk.descriptor) for disk in settings.disks if disk.descriptor is not None]
        actions = [(os.POSIX_SPAWN_DUP2, sources[0], 0), (os.POSIX_SPAWN_DUP2, sources[0], 1), (os.POSIX_SPAWN_DUP2, sources[1], 2),
                   (os.POSIX_SPAWN_DUP2, sources[2], _LINK_DESCRIPTOR), (os.POSIX_SPAWN_DUP2, sources[3], _ARCHIVE_DESCRIPTOR)]
        actions += [(os.POSIX_SPAWN_DUP2, source, _MEMORY_DESCRIPTOR + i) for i, source in enumerate(sources[4:])]
        try:
            # A process group of its own: Ctrl-C is for us, we end QEMU ourselves.
            self._process: int | None = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
        except OSError as error:
            raise Failure(f"QEMU could not be started: {error}") from None
        finally:
            theirs.close()
            for descriptor in (nothing, log_descriptor, *sources):
                os.close(descriptor)
        self.link.setblocking(False)

    def own_end(self) -> str:
        """How QEMU ended if it did so by itself, or was ended by somebody else (as by the host's lack of memory); "" while it runs."""
        if self._process is None:
            return ""
        for _ in range(20):  # it closes the link a moment before it is gone
            ended = os.waitid(os.P_PID, self._process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                how = "with status" if ended.si_code == os.CLD_EXITED else "by signal"
                return f"QEMU ended {how} {ended.si_status}"
            time.sleep(0.05)
        return ""

    def end(self) -> None:
        """Kills QEMU if it still runs and waits until it is gone."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            os.kill(process, 9)
        except ProcessLookupError:
            pass
        os.waitpid(process, 0)
        self.link.close()


def _moved_up(descriptor: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
