"""What a trace file is made of: tracks with slices that nest, and arrows between slices, written as Chrome's JSON trace format."""
from __future__ import annotations

import gzip
import json

_CATEGORY = "portico"


class Trace:
    """Collects records and writes them in the order of their times. At equal times an outer slice comes before an inner one, and
    an arrow's end right behind the slice it belongs to: readers bind it to the slice that opened last."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int, str]] = []
        self._metadata: list[str] = []
        self._quoted: dict[str, str] = {}
        self.slices = self.arrows = 0

    def slice(self, track: Track, depth: int, name: str, start_ns: int, end_ns: int, details: dict | None) -> None:
        more = f',"args":{json.dumps(details)}' if details else ""
        self._records.append((start_ns, 2 * depth, f'{{"ph":"X","cat":"{_CATEGORY}","name":{self._quote(name)},{track.ids},'
                              f'"ts":{_us(start_ns)},"dur":{_us(end_ns - start_ns)}{more}}}'))
        self.slices += 1

    def instant(self, track: Track, depth: int, name: str, ns: int, details: dict | None) -> None:
        more = f',"args":{json.dumps(details)}' if details else ""
        self._records.append((ns, 2 * depth, f'{{"ph":"i","s":"t","cat":"{_CATEGORY}","name":{self._quote(name)},{track.ids},'
                              f'"ts":{_us(ns)}{more}}}'))

    def arrow(self, name: str, start: Place, end: Place) -> None:
        self.arrows += 1
        for phase, place in (('"s"', start), ('"f","bp":"e"', end)):
            self._records.append((place.ns, 2 * place.depth + 1, f'{{"ph":{phase},"id":{self.arrows},"cat":"message",'
                                  f'"name":{self._quote(name)},{place.track.ids},"ts":{_us(place.ns)}}}'))

    def name_process(self, pid: int, name: str, position: int) -> None:
        self._metadata += [f'{{"ph":"M","name":"process_name","pid":{pid},"args":{{"name":{self._quote(name)}}}}}',
                           f'{{"ph":"M","name":"process_sort_index","pid":{pid},"args":{{"sort_index":{position}}}}}']

    def name_thread(self, track: Track, name: str) -> None:
        self._metadata.append(f'{{"ph":"M","name":"thread_name",{track.ids},"args":{{"name":{self._quote(name)}}}}}')

    def write(self, path: str, other: dict) -> None:
        """A name that ends with .gz is compressed, which trace viewers read as well."""
        self._records.sort(key=lambda record: record[:2])
        lines = [*self._metadata, *(text for _, _, text in self._records)]
        opened = gzip.open(path, "wt", compresslevel=4, encoding="utf-8") if path.endswith(".gz") else open(path, "w", encoding="utf-8")
        with opened as file:
            file.write('{"traceEvents":[\n' + ",\n".join(lines) + f'\n],"otherData":{json.dumps(other)}}}\n')

    def _quote(self, name: str) -> str:
        quoted = self._quoted.get(name)
        if quoted is None:
            quoted = self._quoted[name] = json.dumps(name)
        return quoted


class Track:
    """A line of nested slices: pushed and popped as time goes on."""

    def __init__(self, trace: Trace, pid: int, tid: int) -> None:
        self._trace, self.tid = trace, tid
        self._open: list[tuple[str, int, dict | None]] = []
        self.move_to(pid)

    def move_to(self, pid: int) -> None:
        self.pid, self.ids = pid, f'"pid":{pid},"tid":{self.tid}'

    def push(self, name: str, ns: int, details: dict | None = None) -> Place:
        self._open.append((name, ns, details))
        return Place(self, len(self._open) - 1, ns)

    def pop_to(self, depth: int, ns: int) -> None:
        """Ends slices until only `depth` are open."""
        while len(self._open) > depth:
            name, start_ns, details = self._open.pop()
            self._trace.slice(self, len(self._open), name, start_ns, ns, details)

    def mark(self, name: str, ns: int, details: dict | None = None) -> None:
        self._trace.instant(self, len(self._open), name, ns, details)

    @property
    def depth(self) -> int:
        return len(self._open)

    def top(self) -> str:
        return self._open[-1][0] if self._open else ""


class Place:
    """Where an arrow begins or ends: the beginning of a slice."""

    __slots__ = ("track", "depth", "ns")

    def __init__(self, track: Track, depth: int, ns: int) -> None:
        self.track, self.depth, self.ns = track, depth, ns


def _us(ns: int) -> str:
    return f"{ns // 1000}.{ns % 1000:03}"
