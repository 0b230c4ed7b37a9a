"""Builds the system with CMake and Ninja, then its boot archive."""
from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import freshness
import options
import packages
import paths
from failure import Failure
from options import Flag

FLAGS = [
    Flag("verbose", "print the compiler's command lines", short="v"),
    Flag("clean", "remove build/system first"),
]


def main(arguments: list[str]) -> int:
    parsed = options.parse("build", FLAGS, arguments)
    if parsed["clean"]:
        import shutil

        shutil.rmtree(paths.SYSTEM, ignore_errors=True)
    build_system(verbose=bool(parsed["verbose"]))
    return 0


def build_if_needed() -> None:
    """For commands that need the built system: nothing but a look at the sources when it is up to date."""
    if not freshness.is_built():
        sys.stderr.write("portico: building the system\n")
        build_system(quiet=True)


def build_system(*, verbose: bool = False, quiet: bool = False) -> None:
    """Builds everything for the guest. What was seen of the sources before the build is the stamp: a file saved during
    it makes the next command build again."""
    packages.require(packages.TO_BUILD)
    os.makedirs(paths.SYSTEM, exist_ok=True)
    with open(os.path.join(paths.BUILD, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if quiet and freshness.is_built():
            return  # another command built it while we waited
        seen = freshness.fingerprint()
        _remove(paths.STAMP)
        configure(paths.SYSTEM, [])
        ninja(paths.SYSTEM, [], verbose=verbose, quiet=quiet)
        import boot_archive

        boot_archive.write()
        with open(paths.STAMP, "w", encoding="ascii") as stamp:
            stamp.write(seen)


def build_targets(targets: list[str]) -> None:
    """Builds what is not part of the system but made with it, in the same folder."""
    build_if_needed()
    with open(os.path.join(paths.BUILD, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ninja(paths.SYSTEM, targets, quiet=True)


def configure(directory: str, settings: list[str]) -> None:
    """Runs CMake in a build folder that is new; later Ninja runs it by itself when needed."""
    if os.path.exists(os.path.join(directory, "build.ninja")):
        return
    _call(["cmake", "-G", "Ninja", "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_ASM_COMPILER=clang-19", *settings,
           "-S", paths.REPOSITORY, "-B", directory], quiet=True)


def ninja(directory: str, targets: list[str], *, verbose: bool = False, quiet: bool = False) -> None:
    _call(["ninja", "-C", directory, *(["-v"] if verbose else []), *targets], quiet=quiet)


def _call(command: list[str], *, quiet: bool) -> None:
    """Runs a build tool; its output goes to stderr, when `quiet` only if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if quiet else sys.stderr.fileno(),
                          stderr=subprocess.STDOUT if quiet else None, check=False)
    if done.returncode != 0:
        if quiet:
            sys.stderr.write(done.stdout.decode("utf-8", "replace"))
        raise Failure(f"the build failed ({os.path.basename(command[0])} said why above)")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
