"""The GoogleTest programs beside the sources, built for the host with sanitizers and run by ctest."""
from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree

import build
import paths
from checks.results import Results
from failure import Failure

THREAD_LABEL = "tsan"  # tests that use threads carry it, and only they are built with the thread sanitizer
_TEST_SECONDS = 400  # the longest takes a minute of processor time, and shares the machine


def run(results: Results, sanitizer: str) -> None:
    directory = os.path.join(paths.BUILD, f"hosted-{sanitizer}")
    os.makedirs(directory, exist_ok=True)
    build.configure(directory, ["-DPORTICO_HOSTED=ON", f"-DPORTICO_SANITIZE={sanitizer}"])
    wanted = ["-L", THREAD_LABEL] if sanitizer == "thread" else []
    if sanitizer == "thread":
        build.ninja(directory, ["build.ninja"], quiet=True)  # the list of tests must be that of today's sources
    names = [name for name in _listed(directory, wanted) if results.wants(f"unit-{sanitizer}/{name}")]
    if sanitizer == "address":
        build.ninja(directory, [], quiet=True)
        names = [name for name in _listed(directory, wanted) if results.wants(f"unit-{sanitizer}/{name}")]
    if not names:
        results.note(f"note    unit-{sanitizer}: no tests")
        return
    if sanitizer == "thread":
        build.ninja(directory, names, quiet=True)
    _report(results, sanitizer, _ctest(directory, names))


def _listed(directory: str, wanted: list[str]) -> list[str]:
    listed = subprocess.run(["ctest", "--show-only=json-v1", *wanted], cwd=directory, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise Failure(f"ctest could not list the tests: {listed.stderr.strip()}")
    return [test["name"] for test in json.loads(listed.stdout)["tests"]]


def _ctest(directory: str, names: list[str]) -> xml.etree.ElementTree.Element:
    report = os.path.join(directory, "results.xml")
    pattern = "^(" + "|".join(names) + ")$"
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    flags = ["--timeout", str(_TEST_SECONDS), "--output-junit", report, "--test-output-size-failed", "20000", "--test-output-truncation", "head"]
    subprocess.run(["ctest", "-j2", *flags, "-R", pattern], cwd=directory, env=environment, capture_output=True, check=False)
    return xml.etree.ElementTree.parse(report).getroot()


def _report(results: Results, sanitizer: str, report: xml.etree.ElementTree.Element) -> None:
    for test in report.iter("testcase"):
        name = f"unit-{sanitizer}/{test.get('name')}"
        if test.get("status") == "run":
            results.passed(name, float(test.get("time") or 0))
        else:
            output = (test.findtext("system-out") or "").strip().splitlines()
            failure = test.find("failure")
            results.failed(name, "\n".join(output[-60:]) or (failure.get("message", "") if failure is not None else test.get("status", "")))
