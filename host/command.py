"""The subcommands: which there are, what they say about themselves, and who does the work."""
from __future__ import annotations

import sys

from failure import SYSTEM_FAILED, Failure, usage

SUMMARIES = {
    "run": "boot the system and run a program in it (without one: an interactive shell)",
    "strace": "run, and write the program's Linux calls to stderr as strace does",
    "build": "build the system: kernel, runtime library, servers, boot archive",
    "image": "make root file systems out of Debian packages: image build NAME --packages bash,python3,…; list, path, remove",
    "test": "run all tests: unit tests, system tests in the guest, interactive tests, tidy checks",
    "bench": "run a benchmark (ipc: messages and calls, memory: faults and processes) in instructions and in time",
    "trace": "run, and write what the kernel did as a file for ui.perfetto.dev",
    "debug": "boot stopped, with gdb's commands prepared and printed",
    "format": "bring all sources into the project's format (clang-format)",
    "help": "this, or with a command's name: its flags",
}


def main(arguments: list[str]) -> int:
    """Runs one subcommand and returns the exit status. Every failure is one line on stderr."""
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            sys.stdout.write(overview())
            return 0 if arguments else 2
        if any(word in ("-h", "--help") for word in _own_flags(arguments)):
            arguments = ["help", arguments[0]]
        return _dispatch(arguments[0], arguments[1:])
    except Failure as failure:
        sys.stderr.write(f"portico: {failure}\n")
        return failure.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    except OSError as error:
        sys.stderr.write(f"portico: {error}\n")
        return SYSTEM_FAILED


def _own_flags(arguments: list[str]) -> list[str]:
    """The words that can be our flags; `run ls --help` asks ls, not us. A flag's value looks like a word, so this stops
    early rather than late, and -h behind it is then refused with a hint."""
    flags: list[str] = []
    for word in arguments[1:]:
        if word == "--" or not word.startswith("-"):
            break
        flags.append(word)
    return flags


def _dispatch(name: str, arguments: list[str]) -> int:
    if name == "run":
        import run
        return run.main(arguments)
    if name == "strace":
        import strace
        return strace.main(arguments)
    if name == "build":
        import build
        return build.main(arguments)
    if name == "image":
        import images.command
        return images.command.main(arguments)
    if name == "test":
        import checks.runner
        return checks.runner.main(arguments)
    if name == "trace":
        import tracing
        return tracing.main(arguments)
    if name == "debug":
        import debug
        return debug.main(arguments)
    if name == "format":
        import formatting
        return formatting.main(arguments)
    if name == "bench":
        import benchmarks.runner
        return benchmarks.runner.main(arguments)
    if name == "help":
        sys.stdout.write(_help(arguments))
        return 0
    import options

    meant = options.nearest(name, list(SUMMARIES))
    raise usage(f"unknown command '{name}'; " + (f"did you mean {meant}? " if meant else "") + "(portico help lists all)")


def overview() -> str:
    lines = "\n".join(f"  {name:8} {summary}" for name, summary in SUMMARIES.items())
    return f"usage: ./portico COMMAND [FLAGS] …\n\n{lines}\n\n'./portico help COMMAND' tells a command's flags; docs/host.md tells the rest.\n"


def _help(arguments: list[str]) -> str:
    import options

    if not arguments:
        return overview()
    name = arguments[0]
    if name not in SUMMARIES:
        meant = options.nearest(name, list(SUMMARIES))
        raise usage(f"unknown command '{name}'" + (f"; did you mean {meant}?" if meant else ""))
    return f"usage: {_usage(name)}\n\n{SUMMARIES[name]}\n\n{options.described(_flags(name))}\n"


def _usage(name: str) -> str:
    return f"./portico {name} " + {**dict.fromkeys(("run", "trace", "debug"), "[FLAGS] [--] [PROGRAM ARGUMENTS…]"),
                                   "strace": "[FLAGS] [--] PROGRAM ARGUMENTS…", "help": "[COMMAND]",
                                   "image": "build|list|path|remove [NAME] [FLAGS]", "bench": "[FLAGS] ipc|memory"}.get(name, "[FLAGS]")


def _flags(name: str) -> list:
    if name in ("run", "debug"):
        import run
        return run.RUN_FLAGS if name == "run" else run.FLAGS
    if name == "trace":
        import tracing
        return tracing.FLAGS
    if name == "strace":
        import strace
        return strace.FLAGS
    if name == "build":
        import build
        return build.FLAGS
    if name == "image":
        import images.command
        return images.command.FLAGS
    if name == "test":
        import checks.runner
        return checks.runner.FLAGS
    if name == "format":
        import formatting
        return formatting.FLAGS
    if name == "bench":
        import benchmarks.runner
        return benchmarks.runner.FLAGS
    return []
