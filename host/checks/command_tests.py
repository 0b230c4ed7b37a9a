"""The host command's own tests (tests/command), with a stand-in for QEMU; no guest is booted."""
from __future__ import annotations

import os
import time
import unittest

import paths
from checks.results import Results

FOLDER = os.path.join(paths.REPOSITORY, "tests", "command")


class _Reporter(unittest.TestResult):
    """Passes each result on as it comes."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self._results = results

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._started, self._problems = time.monotonic(), []

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self._problem(test, self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self._problem(test, self.failures[-1][1])

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._problem(test, (self.errors + self.failures)[-1][1])

    def _problem(self, test: unittest.TestCase, text: str) -> None:
        if isinstance(test, unittest.TestCase) and hasattr(self, "_problems"):
            self._problems.append(text)
        else:
            self._results.failed("command", text)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if self._problems:
            self._results.failed(name_of(test), "\n".join(self._problems))
        else:
            self._results.passed(name_of(test), time.monotonic() - self._started)


def run(results: Results) -> None:
    chosen = unittest.TestSuite(test for test in _each(unittest.TestLoader().discover(FOLDER, "*_test.py")) if results.wants(name_of(test)))
    chosen.run(_Reporter(results))


def name_of(test: unittest.TestCase) -> str:
    return f"command/{test.id().replace('.', '/')}"


def _each(suite: unittest.TestSuite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test
