"""The Debian packages the project needs: checked by files they hold, installed by name when one is missing."""
from __future__ import annotations

import glob
import os
import sys

from failure import Failure

# What each group of commands needs: package → a file that is there when it is installed. docs/dependencies.md tells why.
TO_RUN = {"qemu-system-x86": "/usr/bin/qemu-system-x86_64"}
TO_BUILD = {
    "clang-19": "/usr/bin/clang++-19",
    "lld-19": "/usr/bin/ld.lld-19",
    "llvm-19": "/usr/bin/llvm-strip-19",
    "libc++-19-dev": "/usr/lib/llvm-19/include/c++/v1/expected",
    "libc++abi-19-dev": "/usr/lib/llvm-19/lib/libc++abi.a",
    "libc6-dev": "/usr/lib/x86_64-linux-gnu/libc.a",
    "libboost-dev": "/usr/include/boost/version.hpp",
    "libext2fs-dev": "/usr/lib/x86_64-linux-gnu/libext2fs.a",
    "comerr-dev": "/usr/lib/x86_64-linux-gnu/libcom_err.a",
    "zlib1g-dev": "/usr/lib/x86_64-linux-gnu/libz.a",
    "cmake": "/usr/bin/cmake",
    "ninja-build": "/usr/bin/ninja",
    "busybox-static": "/usr/share/doc/busybox-static",
}
TO_TEST = {
    "googletest": "/usr/src/googletest/googletest/src/gtest-all.cc",
    "libclang-rt-19-dev": "/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan-x86_64.a",
    "gcc": "/usr/bin/gcc",
    "musl-tools": "/usr/bin/musl-gcc",
    "clang-format-19": "/usr/bin/clang-format-19",
    "spin": "/usr/bin/spin",
    "e2fsprogs": "/sbin/mke2fs",
}
TO_MAKE_IMAGES = {"e2fsprogs": "/sbin/mke2fs"}
TO_FORMAT = {"clang-format-19": "/usr/bin/clang-format-19"}
TO_DEBUG = {"gdb": "/usr/bin/gdb"}


def missing(*groups: dict[str, str]) -> list[str]:
    return [package for group in groups for package, path in group.items() if not os.path.exists(path)]


def require(*groups: dict[str, str]) -> None:
    """Installs what is missing. Raises a Failure that names the packages if that is not possible."""
    wanted = missing(*groups)
    if not wanted:
        return
    names = " ".join(wanted)
    apt = _apt_get()
    if apt is None:
        raise Failure(f"these Debian packages are missing, and neither root nor sudo with apt-get is at hand: {names}")
    sys.stderr.write(f"portico: installing {names}\n")
    if not _install(apt, wanted):
        # The package lists may be absent (a fresh container) or too old to fetch from.
        if _call(apt + ["update"]) != 0 or not _install(apt, wanted):
            raise Failure(f"apt-get could not install: {names}")
    still = missing(*groups)
    if still:
        raise Failure(f"installed, but the files expected of them are not there: {' '.join(still)}")


def download(package: str, directory: str) -> str:
    """Downloads what `package` depends on first, without installing anything, and returns the path of the archive."""
    import subprocess

    for attempt in ("with the lists there are", "with new lists"):
        if attempt == "with new lists" and (_apt_get() is None or _call([*_apt_get(), "update"]) != 0):  # type: ignore[misc]
            break
        listed = subprocess.run(["apt-cache", "depends", "--important", package], capture_output=True, text=True, check=False).stdout
        names = [line.split()[-1] for line in listed.splitlines() if line.strip().startswith("Depends: ")]
        if names and subprocess.run(["apt-get", "-q", "download", names[0]], cwd=directory, stdout=sys.stderr.fileno(), check=False).returncode == 0:
            return max(glob.glob(os.path.join(directory, f"{names[0]}_*.deb")), key=os.path.getmtime)
    raise Failure(f"apt-get could not download {package}")


def _install(apt: list[str], wanted: list[str]) -> bool:
    if not glob.glob("/var/lib/apt/lists/*_Packages*"):
        return False
    return _call(apt + ["install", "-y", "--no-install-recommends", *wanted]) == 0


def _apt_get() -> list[str] | None:
    import shutil

    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    if shutil.which("sudo"):
        return ["sudo", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    return None


def _call(command: list[str]) -> int:
    import subprocess

    # apt-get's report goes to stderr: our stdout belongs to the program that is run.
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), check=False).returncode
