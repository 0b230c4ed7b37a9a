"""The mechanical promises about the repository itself."""
from __future__ import annotations

import glob
import os
import re
import subprocess

import formatting
import paths
from checks.results import Results

LINES_MAX = 500
_KERNEL_LINES_MAX = 12_000  # of code: what one can read in a weekend
_TEXT_ENDINGS = (".h", ".cpp", ".c", ".S", ".py", ".md", ".toml", ".cmake", ".txt", ".ld", ".pml")
_LEFTOVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SHOWN = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)  # a block of code that names the file it is from
_SMALLEST_EXAMPLE, _SMALLEST_EXAMPLE_LINES_MAX = "examples/counter", 39
# Page → the program of the hosted build that prints it from the tables the code itself is made from.
_GENERATED = {"docs/syscalls.md": "document_syscalls", "docs/posix.md": "document_posix"}


def run(results: Results) -> None:
    files = _files()
    checks = {
        "file-size": lambda: too_long(files),
        "kernel-size": lambda: kernel_too_large(files),
        "leftovers": lambda: leftovers(files),
        "links": lambda: dead_links(files),
        "shown-code": lambda: shown_otherwise(files),
        "license": license_missing,
        "format": lambda: [f"{path}: not in the format (./portico format)" for path in formatting.unformatted()],
        "generated-pages": outdated_pages,
    }
    for name, check in checks.items():
        if not results.wants(f"tidy/{name}"):
            continue
        problems = check()
        if problems:
            results.failed(f"tidy/{name}", "\n".join(problems))
        else:
            results.passed(f"tidy/{name}")


def _files() -> list[str]:
    """All text files of the repository, by paths from its root; what git ignores and keeps for itself left out."""
    found = []
    for where, folders, names in os.walk(paths.REPOSITORY):
        folders[:] = [name for name in folders if name not in ("build", ".git", ".cache", "__pycache__")]
        found += [os.path.relpath(os.path.join(where, name), paths.REPOSITORY) for name in names
                  if name.endswith(_TEXT_ENDINGS) or name in ("portico", "run")]
    return sorted(found)


def _text(path: str) -> str:
    with open(os.path.join(paths.REPOSITORY, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def too_long(files: list[str]) -> list[str]:
    lengths = {path: len(_text(path).splitlines()) for path in files if path not in _GENERATED}
    return [f"{path}: {length} lines, more than {LINES_MAX}: which second thing is in there?" for path, length in lengths.items()
            if length > LINES_MAX]


def kernel_too_large(files: list[str]) -> list[str]:
    """Counts the lines of code of the kernel that boots: without blank lines and comments, tests and the machine that tests run on."""
    kernel = [path for path in files if path.startswith("kernel/") and path.endswith((".h", ".cpp", ".S"))
              and not path.endswith(("_test.cpp", "_fuzz.cpp")) and not path.startswith("kernel/arch/hosted/")]
    code = sum(1 for path in kernel for line in _text(path).splitlines() if line.strip() and not line.strip().startswith("//"))
    return [f"kernel: {code} lines of code, more than {_KERNEL_LINES_MAX}: what can a user process do?"] if code > _KERNEL_LINES_MAX else []


def leftovers(files: list[str]) -> list[str]:
    return [f"{path}:{number}: {line.strip()}" for path in files for number, line in enumerate(_text(path).splitlines(), 1)
            if _LEFTOVER.search(line)]


def dead_links(files: list[str]) -> list[str]:
    dead = []
    for path in files:
        if not path.endswith(".md"):
            continue
        for target in _LINK.findall(_text(path)):
            local = target.partition("#")[0]
            if "://" in target or not local:
                continue
            if not os.path.exists(os.path.join(paths.REPOSITORY, os.path.dirname(path), local)):
                dead.append(f"{path}: {target} is not there")
    return dead


def shown_otherwise(files: list[str]) -> list[str]:
    """Pages that show another code than the file they name has. The smallest example must stay small, and be shown whole."""
    problems = []
    shown_whole = set()
    for page in files:
        if not page.endswith(".md"):
            continue
        for path, block in _SHOWN.findall(_text(page)):
            whole = _text(path) if path in files else ""
            if block == whole:
                shown_whole.add(path)
            elif not block.strip() or _indented_alike(block) not in _indented_alike(whole):
                problems.append(f"{page}: the code shown as {path} is not in that file")
    smallest = [path for path in files if path.startswith(_SMALLEST_EXAMPLE)]
    problems += [f"{path}: no page shows it whole" for path in smallest if path not in shown_whole]
    lines = sum(len(_text(path).splitlines()) for path in smallest)
    if lines > _SMALLEST_EXAMPLE_LINES_MAX:
        problems.append(f"{_SMALLEST_EXAMPLE}: {lines} lines in all, more than {_SMALLEST_EXAMPLE_LINES_MAX}")
    return problems


def _indented_alike(text: str) -> str:
    """Without the indentation, which differs between a page and the depth at which the code stands in its file."""
    return "\n" + "".join(f"{line.strip()}\n" for line in text.strip().splitlines())


def license_missing() -> list[str]:
    if not os.path.exists(os.path.join(paths.REPOSITORY, "LICENSE")) or "Portico contributors" not in _text("LICENSE"):
        return ["LICENSE is not there or names nobody"]
    return []


def outdated_pages() -> list[str]:
    """Compares with what the generators print; one that is not built (yet) has nothing to say."""
    problems = []
    for page, program in _GENERATED.items():
        built = glob.glob(os.path.join(paths.BUILD, "hosted-address", "**", program), recursive=True)
        if not built:
            continue
        printed = subprocess.run([built[0]], capture_output=True, text=True, check=True).stdout
        if not os.path.exists(os.path.join(paths.REPOSITORY, page)) or _text(page) != printed:
            problems.append(f"{page} is not what {program} prints: {os.path.relpath(built[0], paths.REPOSITORY)} > {page}")
    return problems
