"""portico image: root file systems made of Debian packages, kept by name."""
from __future__ import annotations

import sys

import options
from failure import usage
from images import store
from options import Flag

FLAGS = [Flag("packages", "build: Debian packages, separated by commas (repeatable); what they depend on comes along", "NAMES", "p", repeat=True)]


def main(arguments: list[str]) -> int:
    words = {"build": 1, "list": 0, "remove": 1, "path": 1}
    action = arguments[0] if arguments else ""
    if action not in words:
        raise usage("image: write image build NAME --packages LIST, image list, image path NAME or image remove NAME")
    parsed = options.parse(f"image {action}", FLAGS, arguments[1:], words=words[action])
    if len(parsed.words) < words[action]:
        raise usage(f"image {action}: which one? (portico image list)")
    if action == "build":
        packages = [name for text in parsed["packages"] for name in text.split(",") if name]
        store.build(parsed.words[0], packages or store.KNOWN.get(parsed.words[0], []))
    elif action == "remove":
        store.remove(parsed.words[0])
    elif action == "path":
        sys.stdout.write(f"{store.root_of(parsed.words[0])}\n")
    else:
        for name, count, packages in store.listed():
            sys.stdout.write(f"{name:16} {count:4} packages: {' '.join(packages)}\n")
    return 0
