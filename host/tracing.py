"""portico trace: run, with the kernel's events recorded, and a file that ui.perfetto.dev opens (docs/trace.md)."""
from __future__ import annotations

import os
import sys

import options
import paths
import run
from failure import Failure, usage
from options import Flag

_BYTES_MIN, _BYTES_MAX = 4 << 10, 256 << 20
_KEPT_FREE = 2  # the kernel takes its rings from a stretch of memory at least so many times as large

FLAGS = [
    Flag("output", "the trace (default build/trace.json; a name with .gz is compressed)", "FILE", "o"),
    Flag("buffer", "what is kept for each CPU: a power of two from 4K to 256M (default 2M: 64 Ki events)", "SIZE", default=2 << 20,
         parse=options.memory),
    *run.FLAGS,
]


def main(arguments: list[str]) -> int:
    parsed = options.parse("trace", FLAGS, arguments, words=None)
    buffer = parsed["buffer"]
    if not _BYTES_MIN <= buffer <= _BYTES_MAX or buffer & (buffer - 1):
        raise usage(f"--buffer {buffer >> 10}K: must be a power of two from 4K to 256M")
    rings = buffer * (parsed["cpus"] + 1)
    if parsed["memory"] < rings * _KEPT_FREE:
        raise usage(f"--buffer: {parsed['cpus'] + 1} rings of {buffer >> 10} KiB need more than --memory {parsed['memory'] >> 20}M; "
                    f"give {rings * (_KEPT_FREE + 1) >> 20}M or a smaller buffer")
    parsed.values["kernel-words"] = f"{parsed['kernel-words']} trace={buffer}".lstrip()
    path = os.path.abspath(parsed["output"] or os.path.join(paths.BUILD, "trace.json"))
    if not os.path.isdir(os.path.dirname(path)):
        raise usage(f"--output {path}: its folder is not there")
    memory = os.memfd_create("portico-memory", os.MFD_CLOEXEC)
    os.ftruncate(memory, parsed["memory"])
    status = run.start(parsed, memory_file=memory)
    try:
        sys.stderr.write(f"portico: {write(memory, path)}\n")
    except Failure as failure:
        sys.stderr.write(f"portico: no trace: {failure}\n")
        return status or failure.status
    return status


def write(memory: int, path: str) -> str:
    """Turns what is in the guest's memory into a trace file; returns one line about it."""
    import trace_rings
    from trace_names import Names
    from trace_story import Story

    recorded = trace_rings.read(memory, paths.KERNEL)
    story = Story(recorded, Names.of_the_build())
    story.trace.write(path, {"events": story.events, "lost": recorded.lost, "cpus": recorded.cpus})
    lost = f", {recorded.lost} older ones lost (--buffer)" if recorded.lost else ""
    return f"{path}: {story.events} events{lost}, {story.trace.arrows} messages; open it at https://ui.perfetto.dev"
