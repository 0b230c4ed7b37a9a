"""portico run: boots the guest, connects it to our streams, ends with the program's exit status."""
from __future__ import annotations

import contextlib
import os
import sys

import disks
import exit_status
import freshness
import options
import packages
import paths
import run_config
import shares
import virtual_machine
from exit_status import Outcome
from failure import usage
from options import Flag

FLAGS = [
    Flag("memory", "the guest's memory (default 256M; units K, M, G)", "SIZE", "m", 256 << 20, options.memory),
    Flag("limit-memory", "what all programs together may use of it; what overdraws is killed (docs/memory.md)", "SIZE", parse=options.memory),
    Flag("limit-tasks", "how many processes and threads all programs together may have", "N", parse=options.count),
    Flag("cpus", "how many CPUs (default 2)", "N", "c", 2, options.count),
    Flag("env", "set a variable of the program; NAME alone takes our own value (repeatable)", "NAME[=VALUE]", "e", repeat=True),
    Flag("workdir", "where the program starts (default /)", "PATH", "w"),
    Flag("timeout", "end after that time with status 125", "SECONDS", parse=options.seconds),
    Flag("rootfs", "the root file system, on an ext4 disk: an image by name (portico image), a folder, a tarball, an OCI layout, or a disk image; "
                   "the guest's changes are lost", "NAME|DIR|TAR|IMAGE"),
    Flag("persist", "keep the guest's changes to --rootfs: in the disk image, or in a copy in build/images/kept for the next run"),
    Flag("root-in-memory", "take the folder --rootfs into the guest's memory instead"),
    Flag("disk", "give the guest a disk, /dev/vda, vdb, …: an image that is there, :ro to only read it (repeatable)", "IMAGE[:ro]",
         parse=disks.parse, repeat=True),
    Flag("volume", "share a folder of ours with the guest, :ro to only read it (repeatable; docs/share.md)", "HOSTDIR:GUESTDIR[:ro]", "v",
         parse=shares.parse, repeat=True),
    Flag("swap", "let programs have more memory than there is (docs/swap.md): a disk of that size, gone at the end, or an image, which is overwritten",
         "SIZE|IMAGE", parse=disks.parse_swap),
    Flag("examples", "build the programs of examples/, too: they are in /examples"),
    Flag("log", "where the kernel log goes (default build/last-run.log)", "FILE"),
    Flag("verbose", "copy the kernel log to stderr, too"),
    Flag("machine", "QEMU machine: microvm (default), pc, q35", "TYPE", default="microvm", parse=options.choice("microvm", "pc", "q35")),
    Flag("accel", "tcg (default), kvm, or icount: one CPU, 1 ns for each instruction", "NAME", default="tcg",
         parse=options.choice("tcg", "icount", "kvm")),
    Flag("kernel-words", "words for the kernel's command line: trace (a panic tells the last events), processes=N", "WORDS", default=""),
    Flag("gdb", "let gdb attach at port 1234 (see also: portico debug)"),
]
# Of run alone, not of the commands that run a program in their own way.
RUN_FLAGS = [
    Flag("compare-linux", "run it on Debian's Linux kernel, too, and show both outputs side by side; status 1 if they differ"),
    Flag("missing", "list at the end what the program asked of Linux and did not get (it runs traced, so slower)"),
    *FLAGS,
]
_OWN_NEEDS_BYTES = 7 << 20  # beside the archive, which stays in memory: servers, page tables, one small program


def main(arguments: list[str]) -> int:
    parsed = options.parse("run", RUN_FLAGS, arguments, words=None)
    if parsed["compare-linux"]:
        import compare_linux

        return compare_linux.run(parsed, arguments)
    if parsed["missing"]:
        return _start_counting(parsed)
    return start(parsed)


def _start_counting(parsed: options.Parsed) -> int:
    import tempfile

    import missing

    with tempfile.NamedTemporaryFile() as trace:
        status = start(parsed, extra=["strace=on", "strace_string=0"], trace=trace.name)
        missing.report(trace.name)
    return status


def start(parsed: options.Parsed, *, stopped: bool = False, memory_file: int | None = None, extra: list[str] | None = None,
          trace: str | None = None) -> int:
    """Runs what the flags say and returns the exit status. `stopped`: the guest waits for gdb before its first instruction.
    `memory_file`: a descriptor of the file that is to be the guest's RAM. `extra`: more entries of boot/run; `trace`: the file for the
    guest's Trace channel, which else goes to stderr."""
    if parsed["workdir"] and not str(parsed["workdir"]).startswith("/"):
        raise usage(f"--workdir {parsed['workdir']}: must be an absolute path in the guest")
    virtual_machine.check_accelerator(parsed["accel"], parsed["cpus"])
    if paths.qemu() == packages.TO_RUN["qemu-system-x86"]:
        packages.require(packages.TO_RUN)
    if not freshness.is_built():
        import build

        build.build_if_needed()
    archives = _archives(parsed)
    streams = run_config.Streams.of_this_process()
    variables = run_config.environment(parsed["env"], streams.terminal)
    guest_disks, disk_entries = disks.of_flags(parsed["disk"], parsed["swap"], _root_disk(parsed))
    entries = [*(extra or []), *disk_entries, *shares.entries(parsed["volume"]), *_limits(parsed)]
    tail = _run_part(run_config.encode(streams, parsed.words, variables, parsed["workdir"], entries))
    needed = sum(os.stat(archive).st_size for archive in archives) + _OWN_NEEDS_BYTES
    if parsed["memory"] < needed:
        raise usage(f"--memory: this root file system needs at least {(needed >> 20) + 1}M")
    settings = virtual_machine.Settings(memory_bytes=parsed["memory"], cpus=parsed["cpus"], machine=parsed["machine"],
                                        accelerator=parsed["accel"], gdb=bool(parsed.get("gdb")) or stopped, stopped=stopped,
                                        kernel_words=parsed["kernel-words"], memory_file=memory_file, disks=guest_disks, shares=parsed["volume"])
    with open(trace, "wb", buffering=0) if trace else contextlib.nullcontext() as trace_file:
        outcome = _supervise(parsed, settings, streams, archives, tail, trace_file.fileno() if trace_file else 2)
    if outcome.cause:
        sys.stderr.write(f"portico: {outcome.cause}\n")
    return outcome.status


def _limits(parsed: options.Parsed) -> list[str]:
    limits = {"limit_memory": parsed["limit-memory"], "limit_tasks": parsed["limit-tasks"]}
    return [f"{key}={value}" for key, value in limits.items() if value is not None]


def _archives(parsed: options.Parsed) -> list[str]:
    if parsed["rootfs"] is None and not parsed["examples"]:
        return [paths.BOOT_ARCHIVE]
    if parsed["examples"]:
        import native_programs

        if parsed["rootfs"] is not None:
            raise usage("--examples and --rootfs are two root file systems; give one")
        parsed.values["rootfs"] = native_programs.examples_root()
        parsed.values["root-in-memory"] = True
    if not parsed["root-in-memory"]:
        return [paths.SERVERS_ARCHIVE]
    import rootfs_cache

    return [paths.SERVERS_ARCHIVE, rootfs_cache.archive_of(str(parsed["rootfs"]))]


def _root_disk(parsed: options.Parsed) -> disks.Disk | None:
    if parsed["root-in-memory"] or parsed["rootfs"] is None:
        if parsed["persist"]:
            raise usage("--persist keeps what is on the disk of --rootfs; in memory nothing is kept")
        return None
    from images import root_disk

    return root_disk.of(str(parsed["rootfs"]), persist=bool(parsed["persist"]))


def _supervise(parsed: options.Parsed, settings: virtual_machine.Settings, streams: run_config.Streams, archives: list[str],
               tail: bytes, trace: int) -> Outcome:
    from session import Session

    log = os.path.abspath(parsed["log"] or paths.LAST_RUN_LOG)
    archive = virtual_machine.joined_archives(archives, tail)
    machine = None
    try:
        machine = virtual_machine.VirtualMachine(settings, paths.kernel(), archive, log)
        os.close(archive)
        with Session(machine.link, streams, log, timeout=parsed["timeout"], verbose=bool(parsed["verbose"]), trace=trace) as session:
            if not streams.terminal:
                return _with_own_end(session.run(), machine)
            from host_terminal import ESCAPE_HINT, RawTerminal

            sys.stderr.write(f"portico: {ESCAPE_HINT}\n")
            with RawTerminal():
                return _with_own_end(session.run(), machine)
    finally:
        if machine is not None:
            machine.end()
        disks.close(settings.disks)


def _with_own_end(outcome: Outcome, machine: virtual_machine.VirtualMachine) -> Outcome:
    """Where nobody has left a word of why, at least how QEMU ended."""
    if outcome.cause == exit_status.NO_REPORT and (how := machine.own_end()):
        return Outcome(outcome.status, f"{outcome.cause}: {how}")
    return outcome


def _run_part(run: bytes) -> bytes:
    """A small archive with boot/run alone, to be joined behind the base archive."""
    import io

    import cpio

    file = io.BytesIO()
    writer = cpio.Writer(file)
    writer.add("boot/run", 0o100644, run)
    writer.finish()
    return file.getvalue()
