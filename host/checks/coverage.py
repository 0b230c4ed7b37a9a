"""portico test --coverage: how much of the kernel core the hosted tests and the fuzzer's inputs reach (docs/testing.md)."""
from __future__ import annotations

import glob
import os
import subprocess

import build
import paths
from failure import Failure

_HOSTED = os.path.join(paths.BUILD, "hosted-coverage")
_CORPUS = os.path.join(paths.REPOSITORY, "tests", "fuzz", "calls")
_PROGRAMS = ("kernel_test", "kernel_explore_test", "kernel_fuzz")
# What is measured: the kernel without its arches, tests, and what only runs when it boots.
_LEFT_OUT = r"(_test\.cpp|_fuzz\.cpp|/kernel/arch/|/kernel/boot/|^/usr/|/googletest/)"
_LINES_WANTED, _BRANCHES_WANTED = 90.0, 80.0


def report() -> int:
    os.makedirs(_HOSTED, exist_ok=True)
    build.configure(_HOSTED, ["-DPORTICO_HOSTED=ON", "-DPORTICO_SANITIZE=coverage"])
    build.ninja(_HOSTED, list(_PROGRAMS), quiet=True)
    return measure(_PROGRAMS)


def measure(names: tuple[str, ...]) -> int:
    programs = [os.path.join(_HOSTED, "kernel", name) for name in names]
    for old in glob.glob(os.path.join(glob.escape(_HOSTED), "*.profraw")):
        os.unlink(old)
    for name, program in zip(names, programs):
        arguments = sorted(glob.glob(os.path.join(glob.escape(_CORPUS), "*"))) if name == "kernel_fuzz" else []
        done = subprocess.run([program, *arguments], env={**os.environ, "LLVM_PROFILE_FILE": os.path.join(_HOSTED, f"{name}.profraw")},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise Failure(f"{name} failed:\n" + "\n".join(done.stdout.decode("utf-8", "replace").splitlines()[-20:]))
    profile = os.path.join(_HOSTED, "all.profdata")
    _output(["llvm-profdata-19", "merge", "-sparse", "-o", profile, *glob.glob(os.path.join(glob.escape(_HOSTED), "*.profraw"))])
    objects = [programs[0], *(word for program in programs[1:] for word in ("-object", program))]
    table = _output(["llvm-cov-19", "report", *objects, f"-instr-profile={profile}", f"-ignore-filename-regex={_LEFT_OUT}", "-show-branch-summary"])
    print(table)
    print(_unreached([*objects, f"-instr-profile={profile}", f"-ignore-filename-regex={_LEFT_OUT}"]))
    total = next((line.split() for line in table.splitlines() if line.startswith("TOTAL")), None)
    if total is None:
        raise Failure("llvm-cov printed no total")
    lines, branches = float(total[9].rstrip("%")), float(total[12].rstrip("%"))
    print(f"lines {lines:.1f} % (wanted {_LINES_WANTED:.0f}), branches {branches:.1f} % (wanted {_BRANCHES_WANTED:.0f})")
    return 0 if lines >= _LINES_WANTED and branches >= _BRANCHES_WANTED else 1


def _unreached(arguments: list[str]) -> str:
    """Functions that nothing reaches, a file and a name a line."""
    import json

    exported = json.loads(_output(["llvm-cov-19", "export", *arguments, "-skip-expansions"]))
    counts: dict[tuple[str, int], tuple[int, str]] = {}  # every instance of a template is one function
    for function in exported["data"][0]["functions"]:
        file, line = os.path.relpath(function["filenames"][0], paths.REPOSITORY), function["regions"][0][0]
        if file.startswith("kernel/") and not file.startswith(("kernel/arch/", "kernel/boot/")) and not file.endswith(("_test.cpp", "_fuzz.cpp")):
            before = counts.get((file, line), (0, ""))[0]
            counts[(file, line)] = (before + function["count"], function["name"])
    names = [f"{file}:{line} {name}" for (file, line), (count, name) in sorted(counts.items()) if count == 0]
    demangled = _output(["llvm-cxxfilt-19", *(entry.split()[1].split(":")[-1] for entry in names)]).splitlines() if names else []
    return "\n".join(["functions not reached:", *(f"  {entry.split()[0]} {name}" for entry, name in zip(names, demangled))])


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed: {done.stderr}")
    return done.stdout
