"""The C programs in tests/programs: built against three kinds of C library, run on Linux first, then in the guest."""
from __future__ import annotations

import os
import re
import subprocess
import tempfile

import build
import default_root
import native_programs
import paths
from checks.guest import TEST_ROOT, Case, difference, portico_run
from failure import Failure

FOLDER = os.path.join(paths.REPOSITORY, "tests", "programs")
_COMMON = ["-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
VARIANTS = {
    "glibc": ["gcc", *_COMMON, "-static", "-pthread"],
    "static-pie": ["gcc", *_COMMON, "-static-pie", "-fPIE", "-pthread"],
    "musl": ["musl-gcc", *_COMMON, "-static", "-pthread"],
}
_STAMP = os.path.join(paths.BUILD, "test-root.built-from")
_NATIVE = (native_programs.EXAMPLES, native_programs.TESTS)
_TIMEOUT_SECONDS = 60


def cases(quick: bool) -> list[Case]:
    found = []
    for name in _names():
        header = _header(name)
        counts = [2] if quick else [int(word) for word in header.get("cpus", "2").split()]
        for variant in list(VARIANTS)[:1] if quick else VARIANTS:
            for count in counts:
                status = int(header.get("status", "0"))
                found.append(Case(f"programs/{name}/{variant}/cpus-{count}",
                                  lambda log, name=name, variant=variant, count=count, status=status: _run(name, variant, count, status, log)))
        if header.get("traced") == "yes":
            found.append(Case(f"programs/{name}/traced", lambda log, name=name: _run(name, "glibc", 2, 0, log, "strace", ["-o", "/dev/null"])))
    return found


def prepare() -> None:
    """Makes build/test-root: the default root file system, the C programs in /tests/VARIANT, ours in /examples and /tests/native.
    Only if something changed."""
    build.build_targets([group[0] for group in _NATIVE])
    seen = _sources()
    try:
        with open(_STAMP, encoding="utf-8") as stamp:
            if stamp.read() == seen and os.path.isdir(TEST_ROOT):
                return
    except FileNotFoundError:
        pass
    default_root.write(TEST_ROOT)
    for variant, compiler in VARIANTS.items():
        folder = os.path.join(TEST_ROOT, "tests", variant)
        os.makedirs(folder)
        for name in _names():
            done = subprocess.run([*compiler, "-o", os.path.join(folder, name), os.path.join(FOLDER, f"{name}.c")], capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                raise Failure(f"tests/programs/{name}.c does not build as {variant}:\n{done.stderr}")
    for group in _NATIVE:
        native_programs.install(group, TEST_ROOT)
    with open(_STAMP, "w", encoding="utf-8") as stamp:
        stamp.write(seen)


def _run(name: str, variant: str, cpus: int, status: int, log: str, by: str = "run", more_flags: list[str] | None = None) -> str:
    """Linux judges the test first: what it prints there is what the guest must print."""
    with tempfile.TemporaryDirectory() as folder:
        host = subprocess.run([os.path.join(TEST_ROOT, "tests", variant, name)], stdin=subprocess.DEVNULL, capture_output=True, cwd=folder,
                              timeout=_TIMEOUT_SECONDS, check=False)
    host_status = host.returncode if host.returncode >= 0 else 128 - host.returncode
    if host_status != status:
        return f"on Linux its status is {host_status}, expected {status}: the test itself is wrong\n{host.stdout.decode()}{host.stderr.decode()}"
    flags = ["--cpus", str(cpus), "-w", "/tmp", "--rootfs", TEST_ROOT, "--root-in-memory", *(more_flags or [])]
    guest = portico_run(log, _TIMEOUT_SECONDS, flags, [f"/tests/{variant}/{name}"], by=by)
    problems = []
    if guest.status != status:
        problems.append(f"exit status is {guest.status}, expected {status}; stderr: {guest.stderr.decode('utf-8', 'replace')[-2000:].strip()}")
    problems.append(difference("stdout", host.stdout, guest.stdout))
    return "\n".join(filter(None, problems))


def _names() -> list[str]:
    return sorted(name.removesuffix(".c") for name in os.listdir(FOLDER) if name.endswith(".c"))


def _header(name: str) -> dict[str, str]:
    """The lines `/// key: value` at a program's head: cpus (counts to run with), status (expected, 0 if not told), traced."""
    with open(os.path.join(FOLDER, f"{name}.c"), encoding="utf-8") as file:
        return dict(re.findall(r"^/// (cpus|status|traced): (.+)$", file.read(), re.MULTILINE))


def _sources() -> str:
    inputs = [os.path.join(FOLDER, name) for name in sorted(os.listdir(FOLDER))]
    inputs += [default_root.__file__, default_root.BUSYBOX, *default_root.tools(), __file__]
    return "".join(f"{path} {os.stat(path).st_mtime_ns}\n" for path in inputs) + "".join(map(native_programs.fingerprint, _NATIVE))
