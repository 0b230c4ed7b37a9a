"""Spin's exhaustive search of the models in tests/spin: of the kernel as it should be, which must find nothing, and with each of the
mistakes that a model can be built with, which must be found (docs/testing.md)."""
from __future__ import annotations

import concurrent.futures
import glob
import os
import re
import subprocess
import time
from dataclasses import dataclass

import paths
from checks.results import Results

_FOLDER = os.path.join(paths.REPOSITORY, "tests", "spin")
_MISTAKE = re.compile(r"\bBUG_[A-Z_]*[A-Z]\b")
_INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# Safety only; the searches are exhaustive without partial order reduction, which does nothing for steps that all touch the same state.
_SEARCH = ["-DSAFETY", "-DNOREDUCE", "-DNOCOMP", "-DMEMLIM=2000"]
_DEPTH_MAX = 100_000
_DEPTHS_FOR_TRAIL = (20, 25, 30, 40, 60, 100, 300)
_SEARCH_SECONDS = 900


@dataclass(frozen=True)
class Case:
    """One search: a model, with one mistake or (empty) none."""
    model: str
    mistake: str = ""

    @property
    def name(self) -> str:
        return "model/" + "/".join([self.model, *([self.mistake.removeprefix("BUG_").lower()] if self.mistake else [])])

    @property
    def source(self) -> str:
        return os.path.join(_FOLDER, f"{self.model}.pml")

    @property
    def settings(self) -> list[str]:
        return [f"-D{self.mistake}"] if self.mistake else []


def run(results: Results) -> None:
    cases = [case for case in _cases() if results.wants(case.name)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for future in [pool.submit(_run_case, case, results) for case in cases]:
            future.result()


def _cases() -> list[Case]:
    """The models themselves first, for they take longest."""
    texts = {}
    for path in glob.glob(os.path.join(_FOLDER, "*.pml")):
        with open(path, encoding="utf-8") as file:
            texts[os.path.basename(path)] = file.read()
    included = {name: _INCLUDED.findall(text) for name, text in texts.items()}
    models = sorted(set(texts) - {name for names in included.values() for name in names})
    mistakes = {model: sorted(set(_MISTAKE.findall("".join(texts[part] for part in [model, *included[model]])))) for model in models}
    return [Case(model.removesuffix(".pml")) for model in models] + [
        Case(model.removesuffix(".pml"), mistake) for model in models for mistake in mistakes[model]]


def _run_case(case: Case, results: Results) -> None:
    started = time.monotonic()
    try:
        problem = _problem(case)
    except (OSError, subprocess.SubprocessError) as failure:
        problem = str(failure)
    if problem:
        results.failed(case.name, problem)
    else:
        results.passed(case.name, time.monotonic() - started)


def _problem(case: Case) -> str:
    """Why the test fails; empty if it does not."""
    folder = os.path.join(paths.BUILD, case.name)
    os.makedirs(folder, exist_ok=True)
    for path in glob.glob(os.path.join(glob.escape(folder), "*.*")):
        os.unlink(path)
    # A mistake is found after a few states, so compiling fast matters more there than fast code. The compiler is the one that does.
    speed = "-O0" if case.mistake else "-O2"
    for command in (["spin", "-a", *case.settings, case.source], ["clang-19", "-w", speed, *_SEARCH, "-o", "pan", "pan.c"]):
        done = _call(command, folder)
        if done.returncode != 0 or not os.path.exists(os.path.join(folder, "pan.c")):
            return f"{command[0]} failed:\n{done.stdout}"
    report = _search(folder, _DEPTH_MAX)
    errors = re.search(r"errors: (\d+)", report)
    if errors is None:
        return f"the search came to no end:\n{report}"
    if case.mistake:
        return "" if "assertion violated" in report else f"built with {case.mistake}, and no assertion failed:\n{report}"
    if errors[1] != "0":
        return _error_with_trail(case, folder, report)
    if "Search not completed" in report or "max search depth too small" in report:
        return f"the search was not exhaustive:\n{report}"
    return ""


def _search(folder: str, depth_max: int) -> str:
    return _call(["./pan", f"-m{depth_max}", "-w22"], folder).stdout


def _error_with_trail(case: Case, folder: str, report: str) -> str:
    """What went wrong, and how it came to that: what the model prints on the shortest way that a shallow search finds."""
    for depth_max in _DEPTHS_FOR_TRAIL:
        shorter = _search(folder, depth_max)
        if "errors: 1" in shorter:
            report = shorter
            break
    message = next((line for line in report.splitlines() if line.startswith("pan:1:")), report)
    trail = _call(["spin", "-t", "-T", "-k", os.path.join(folder, f"{case.model}.pml.trail"), *case.settings, case.source], folder).stdout
    return "\n".join([message, *trail.splitlines()[-120:]])


def _call(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=_SEARCH_SECONDS, check=False)
