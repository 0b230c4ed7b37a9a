"""libFuzzer on the system calls of the hosted kernel, a bounded number of runs from the inputs in tests/fuzz/calls (docs/testing.md)."""
from __future__ import annotations

import os
import shutil
import subprocess
import time

import build
import paths
from checks.results import Results

HOSTED = os.path.join(paths.BUILD, "hosted-fuzzer")
CORPUS = os.path.join(paths.REPOSITORY, "tests", "fuzz", "calls")
_NAME = "fuzz/calls"
_FOUND = os.path.join(paths.BUILD, "fuzz")
_RUNS = 25_000
_RUNS_QUICK = 5_000
_SECONDS_MAX = 600
_INPUT_BYTES_MAX = 7680  # kRecordBytes * kRecordsMax


def run(results: Results, quick: bool) -> None:
    if not results.wants(_NAME):
        return
    os.makedirs(HOSTED, exist_ok=True)
    build.configure(HOSTED, ["-DPORTICO_HOSTED=ON", "-DPORTICO_SANITIZE=fuzzer"])
    build.ninja(HOSTED, ["kernel_fuzz"], quiet=True)
    scratch = os.path.join(_FOUND, "new")
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    program = os.path.join(HOSTED, "kernel", "kernel_fuzz")
    started = time.monotonic()
    done = subprocess.run([program, f"-runs={_RUNS_QUICK if quick else _RUNS}", "-seed=1", "-len_control=20", f"-max_len={_INPUT_BYTES_MAX}",
                           f"-artifact_prefix={_FOUND}/", scratch, CORPUS],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_SECONDS_MAX, check=False)
    if done.returncode == 0:
        results.passed(_NAME, time.monotonic() - started)
        return
    last = "\n".join(done.stdout.decode("utf-8", "replace").splitlines()[-60:])
    results.failed(_NAME, f"{last}\nAgain: {program} {_FOUND}/crash-…")
