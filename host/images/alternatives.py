"""The links of update-alternatives that packages' postinst scripts ask for: read out of the scripts, which are not run."""
from __future__ import annotations

import os
import re
import shlex

_LOOP = re.compile(r"^\s*for\s+(\w+)\s+in\s+([^;\n]*?)\s*;?\s*(?:\n\s*)?do\s*\n(.*?)^\s*done", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"^\s*(\w+)=(\"[^\"$`]*\"|'[^']*'|[^\s\"'$`;]*)\s*$", re.MULTILINE)


class Choice:
    """One `--install LINK NAME PATH PRIORITY`; slaves too, with their master's priority."""

    def __init__(self, link: str, name: str, path: str, priority: int) -> None:
        self.link, self.name, self.path, self.priority = link, name, path, priority


def wanted(script: str) -> list[Choice]:
    """What one script installs. Words that only running it would tell are passed over."""
    text = _unrolled(script.replace("\\\n", " "))
    variables = {name: value.strip("\"'") for name, value in _ASSIGNMENT.findall(text)}
    choices = []
    for line in text.splitlines():
        if "update-alternatives" in line and "--install" in line:
            choices += _of_line(_expanded(line, variables))
    return choices


def install(root: str, choices: list[Choice]) -> None:
    """Links each name to the choice of the highest priority whose file is there, as update-alternatives does by itself."""
    best: dict[str, Choice] = {}
    for choice in choices:
        if os.path.lexists(root + choice.path) and (choice.link not in best or choice.priority > best[choice.link].priority):
            best[choice.link] = choice
    os.makedirs(root + "/etc/alternatives", exist_ok=True)
    for choice in best.values():
        link, middle = root + choice.link, f"/etc/alternatives/{choice.name}"
        if os.path.lexists(link) and not os.path.islink(link):
            continue
        os.makedirs(os.path.dirname(link), exist_ok=True)
        for place, target in ((root + middle, choice.path), (link, middle)):
            if os.path.lexists(place):
                os.unlink(place)
            os.symlink(target, place)


def _unrolled(text: str) -> str:
    """Loops over literal words, one body a word; inner loops in further rounds."""
    for _ in range(3):
        changed = _LOOP.sub(lambda found: "".join(_replaced(found[3], found[1], word) for word in found[2].split()), text)
        if changed == text:
            break
        text = changed
    return text


def _replaced(body: str, name: str, value: str) -> str:
    return re.sub(r"\$\{" + name + r"\}|\$" + name + r"\b", lambda _: value, body)


def _expanded(line: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        line = _replaced(line, name, value)
    return line


def _of_line(line: str) -> list[Choice]:
    try:
        words = shlex.split(line[line.index("update-alternatives"):], comments=True)
    except ValueError:
        return []
    choices, position, priority = [], 0, 0
    while position < len(words):
        word = words[position]
        if word == "--install" and words[position + 4:position + 5] and words[position + 4].isdigit():
            priority = int(words[position + 4])
        elif word != "--slave" or not choices:
            position += 1
            continue
        link, name, path = words[position + 1:position + 4] if len(words) >= position + 4 else ("", "", "")
        if link.startswith("/") and path.startswith("/") and not any("$" in part or "`" in part for part in (link, name, path)):
            choices.append(Choice(link, name, path, priority))
        position += 5 if word == "--install" else 4
    return choices
