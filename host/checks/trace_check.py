"""What every trace file must be like, whatever was traced. Viewers are forgiving: they drop what does not fit, without a word."""
from __future__ import annotations

import gzip
import json
from collections import defaultdict


class TraceFile:
    """A parsed trace file. Times are whole nanoseconds."""

    def __init__(self, path: str) -> None:
        with gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8") as file:
            parsed = json.load(file, parse_float=str)
        self.events: list[dict] = parsed["traceEvents"]
        self.other: dict = parsed["otherData"]
        for event in self.events:
            for key in ("ts", "dur"):
                if key in event:
                    event[key] = _ns(event[key])
        self.processes = {event["pid"]: event["args"]["name"] for event in self._named("process_name")}
        self.threads = {(event["pid"], event["tid"]): event["args"]["name"] for event in self._named("thread_name")}
        self.slices = [event for event in self.events if event["ph"] == "X"]

    def _named(self, what: str) -> list[dict]:
        return [event for event in self.events if event["ph"] == "M" and event["name"] == what]

    def arrows(self) -> list[tuple[dict, dict]]:
        """Pairs of start and end, for those arrows that have both."""
        starts = {event["id"]: event for event in self.events if event["ph"] == "s"}
        return [(starts[event["id"]], event) for event in self.events if event["ph"] == "f" and event["id"] in starts]

    def process_of(self, event: dict) -> str:
        return self.processes.get(event["pid"], "")


def _ns(text: str) -> int:
    whole, _, rest = str(text).partition(".")
    return int(whole) * 1000 + int(rest.ljust(3, "0"))


def problems(trace: TraceFile) -> list[str]:
    """All that is wrong with it, a line each."""
    return [*_times(trace), *_names(trace), *_nesting(trace), *_arrows(trace)]


def _times(trace: TraceFile) -> list[str]:
    found, before = [], 0
    for event in trace.events:
        if event["ph"] == "M":
            continue
        if event["ts"] < before:
            found.append(f"{event['name']} at {event['ts']} ns comes behind one at {before} ns")
        if event.get("dur", 0) < 0:
            found.append(f"{event['name']} at {event['ts']} ns ends before it begins")
        before = max(before, event["ts"])
    return found


def _names(trace: TraceFile) -> list[str]:
    tracks = {(event["pid"], event["tid"]) for event in trace.events if "tid" in event}
    return [f"track {track} has no thread name" for track in sorted(tracks - set(trace.threads))] + \
           [f"process {pid} has no name" for pid in sorted({pid for pid, _ in tracks} - set(trace.processes))] + \
           [f"a {event['ph']} event has no name" for event in trace.events if not event.get("name")]


def _nesting(trace: TraceFile) -> list[str]:
    """Slices of a track nest or lie beside each other, as they come in the file."""
    found = []
    stacks: dict[tuple[int, int], list[dict]] = defaultdict(list)
    for piece in trace.slices:
        stack = stacks[piece["pid"], piece["tid"]]
        end = piece["ts"] + piece["dur"]
        while stack and stack[-1]["ts"] + stack[-1]["dur"] <= piece["ts"] and not _is_inside(piece, stack[-1]):
            stack.pop()
        if stack and end > stack[-1]["ts"] + stack[-1]["dur"]:
            found.append(f"track {piece['pid']}/{piece['tid']}: {piece['name']} at {piece['ts']} ns outlasts {stack[-1]['name']}")
        stack.append(piece)
    return found


def _is_inside(inner: dict, outer: dict) -> bool:
    return inner["dur"] == 0 and outer["ts"] == inner["ts"]


def _arrows(trace: TraceFile) -> list[str]:
    found = []
    starts, ends = defaultdict(list), defaultdict(list)
    begun = {(piece["pid"], piece["tid"], piece["ts"]) for piece in trace.slices}
    order = {id(event): number for number, event in enumerate(trace.events)}
    for event in trace.events:
        if event["ph"] not in "sf":
            continue
        (starts if event["ph"] == "s" else ends)[event["id"]].append(event)
        if (event["pid"], event["tid"], event["ts"]) not in begun:
            found.append(f"arrow {event['id']} ({event['name']}) touches no slice at {event['ts']} ns")
    for number in sorted(set(starts) | set(ends)):
        if len(starts[number]) != 1 or len(ends[number]) != 1:
            found.append(f"arrow {number} has {len(starts[number])} starts and {len(ends[number])} ends")
        elif order[id(starts[number][0])] > order[id(ends[number][0])]:
            found.append(f"arrow {number} ({starts[number][0]['name']}) ends before it starts")
        elif starts[number][0]["name"] != ends[number][0]["name"]:
            found.append(f"arrow {number} has two names")
    return found
