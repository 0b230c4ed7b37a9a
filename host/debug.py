"""portico debug: boots stopped before the first instruction, with a gdb start file that knows kernel and runtime."""
from __future__ import annotations

import os
import sys

import build
import options
import packages
import paths
import run

RUNTIME_ELF = os.path.join(paths.SYSTEM, "posix", "runtime.elf")


def main(arguments: list[str]) -> int:
    parsed = options.parse("debug", run.FLAGS, arguments, words=None)
    if "trace" not in (word.partition("=")[0] for word in parsed["kernel-words"].split()):
        parsed.values["kernel-words"] = f"{parsed['kernel-words']} trace".lstrip()  # a panic then tells what went before
    packages.require(packages.TO_DEBUG)
    build.build_if_needed()
    with open(paths.GDBINIT, "w", encoding="utf-8") as file:
        file.write(gdbinit())
    sys.stderr.write(f"portico: the guest is stopped before its first instruction; in another terminal:\n\n    gdb -x {paths.GDBINIT}\n\n"
                     "'continue' there lets it go.\n")
    return run.start(parsed, stopped=True)


def gdbinit() -> str:
    """The kernel is the main file; the runtime library is at the same place in every process, a server's symbols are
    added by hand (all servers are linked at the same address)."""
    lines = ["set confirm off", "set pagination off", f'file "{paths.KERNEL}"']
    if os.path.exists(RUNTIME_ELF):
        lines.append(f'add-symbol-file "{RUNTIME_ELF}"')
    lines += ["# a server: add-symbol-file build/system/servers/NAME/NAME", "target remote :1234", "hbreak kernel_main"]
    return "\n".join(lines) + "\n"
