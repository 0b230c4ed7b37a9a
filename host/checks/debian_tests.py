"""Differential tests: scripts that run Debian's programs, on Linux in a chroot of a root file system and in the guest on the same one.
What they print, the files they leave and their exit status must agree (docs/testing.md)."""
from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor

import paths
from checks import debian_roots
from checks.guest import LOGS, PARALLEL, difference, portico_run
from checks.results import Results
from failure import Failure

FOLDER = os.path.join(paths.REPOSITORY, "tests", "debian")
_BATCH = os.path.join(paths.REPOSITORY, "host", "checks", "debian_batch.sh")
_HOST = os.path.join(paths.REPOSITORY, "host", "checks", "debian_host.sh")
_CASES_IN_BATCH = 24
_CASE_SECONDS = 180
_BATCH_SECONDS = 600.0
_LAST_CALLS = 12
_MARK = b"@@portico "


class DebianCase:
    """A script in tests/debian/ROOT. Lines `# mask: REGEX` in it name what may differ."""

    def __init__(self, root: str, file_name: str) -> None:
        self.root, self.name = root, file_name.removesuffix(".sh")
        self.full_name = f"debian/{root}/{self.name}"
        with open(os.path.join(FOLDER, root, file_name), "rb") as file:
            self.script = file.read()
        self._masks = [re.compile(mask, re.MULTILINE) for mask in re.findall(rb"^# mask: (.+)$", self.script, re.MULTILINE)]

    def masked(self, output: bytes) -> bytes:
        for mask in self._masks:
            output = mask.sub(b"(masked)", output)
        return output


class Left:
    """What a case left on one side."""

    def __init__(self, status: bytes, output: bytes, files: bytes) -> None:
        self.status, self.output, self.files = status, output, files


def cases(results: Results) -> list[DebianCase]:
    found = [DebianCase(root, name) for root in sorted(debian_roots.PACKAGES) for name in sorted(os.listdir(os.path.join(FOLDER, root)))
             if name.endswith(".sh")]
    return [case for case in found if results.wants(case.full_name)]


def run(results: Results) -> None:
    """All that are wanted, a guest for each batch."""
    wanted = cases(results)
    batches = []
    for root in sorted({case.root for case in wanted}):
        of_root = [case for case in wanted if case.root == root]
        count = -(-len(of_root) // _CASES_IN_BATCH)
        batches += [of_root[i::count] for i in range(count)]
    with ThreadPoolExecutor(PARALLEL) as pool:
        for _ in pool.map(lambda batch: _run_batch(batch, results), batches):
            pass


def _run_batch(batch: list[DebianCase], results: Results) -> None:
    try:
        root = debian_roots.directory(batch[0].root)
        host, guest, trouble = _on_host(root, batch), *_in_guest(root, batch)
    except (Failure, OSError, subprocess.SubprocessError) as problem:
        for case in batch:
            results.failed(case.full_name, f"{type(problem).__name__}: {problem}")
        return
    for case in batch:
        if case.name not in host:
            results.failed(case.full_name, "it did not run on Linux")
        elif case.name not in guest:
            results.failed(case.full_name, f"the guest ended before it was through: {trouble}")
        elif why := _differs(case, host[case.name], guest[case.name]):
            results.failed(case.full_name, f"{why}\n{_last_calls(root, case)}")
        else:
            results.passed(case.full_name)


def _differs(case: DebianCase, host: Left, guest: Left) -> str:
    return "\n".join(filter(None, [
        difference("output (expected: on Linux)", case.masked(host.output), case.masked(guest.output)),
        difference("files left", case.masked(host.files), case.masked(guest.files)),
        "" if host.status == guest.status else f"exit status is {guest.status.decode()}, on Linux {host.status.decode()}",
    ]))


def _archive(batch: list[DebianCase]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for case in batch:
            info = tarfile.TarInfo(f"{case.name}.sh")
            info.size = len(case.script)
            archive.addfile(info, io.BytesIO(case.script))
    return data.getvalue()


def _command() -> list[str]:
    with open(_BATCH, encoding="utf-8") as file:
        return ["/bin/bash", "-c", file.read(), "bash", str(_CASE_SECONDS)]


def _on_host(root: str, batch: list[DebianCase]) -> dict[str, Left]:
    """In a chroot, with mounts and processes of its own, so nothing of it stays. As another user than root: root of a user name space."""
    command = ["unshare", *([] if os.getuid() == 0 else ["--map-root-user"]), "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child",
               "sh", _HOST, root, *_command()]
    done = subprocess.run(command, input=_archive(batch), capture_output=True, timeout=_BATCH_SECONDS, check=False)
    if done.returncode != 0:
        raise Failure(f"on Linux the batch ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-1000:]}")
    return _parse(done.stdout)


def _in_guest(root: str, batch: list[DebianCase]) -> tuple[dict[str, Left], str]:
    log = os.path.join(LOGS, f"debian-{batch[0].root}-{batch[0].name}.log")
    ended = portico_run(log, _BATCH_SECONDS, _flags(root), _command(), _archive(batch))
    return _parse(ended.stdout), f"status {ended.status}; {ended.stderr.decode('utf-8', 'replace')[-1000:]} (log: {log})"


def _flags(root: str) -> list[str]:
    return ["--memory", f"{debian_roots.size_bytes(root) // (1 << 20) + 512}M", "--rootfs", root]


def _parse(stdout: bytes) -> dict[str, Left]:
    found: dict[str, Left] = {}
    for part in stdout.split(_MARK + b"case ")[1:]:
        name, _, rest = part.partition(b"\n")
        output, _, rest = rest.partition(b"\n" + _MARK + b"status ")
        status, _, rest = rest.partition(b"\n")
        files, ended, _ = rest.partition(_MARK + b"end\n")
        if ended:
            found[name.decode()] = Left(status, output, files)
    return found


def _last_calls(root: str, case: DebianCase) -> str:
    """The case once more, alone and traced: what it asked for last."""
    log = os.path.join(LOGS, f"debian-{case.root}-{case.name}-traced.log")
    ended = portico_run(log, _BATCH_SECONDS, _flags(root), _command(), _archive([case]), by="strace")
    calls = ended.stderr.decode("utf-8", "replace").splitlines()
    of_case = [line for line in calls if f"/tmp/outputs/{case.name}" in line]
    end = calls.index(of_case[-2]) if len(of_case) > 1 else len(calls)  # the last but one is how its output is shown
    return "\n".join(["last Linux calls:", *calls[max(0, end - _LAST_CALLS):end]])
