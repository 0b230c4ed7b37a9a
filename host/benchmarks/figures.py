"""Joins what was measured with what is asked of it and what others need (bench/ipc_rows.json)."""
from __future__ import annotations

import json
import os

import paths

_ASKED = os.path.join(paths.REPOSITORY, "bench", "ipc_rows.json")
_NOT_ABOVE_TOLERANCE = 1.05  # what counts as not growing


class Run:
    """What one program printed in one boot of one system."""

    def __init__(self, system: str, cpus: int, rows: list[dict]) -> None:
        self.system, self.cpus, self.rows = system, cpus, rows


class Peer:
    """What another system needs for the same; `here`: measured now, beside Portico, not elsewhere."""

    def __init__(self, name: str, value: float, here: bool) -> None:
        self.name, self.value, self.here = name, value, here


class Figure:
    """One row of the report. `value` is None if it was not measured."""

    def __init__(self, row: str, name: str, unit: str, cpus: int) -> None:
        self.row, self.name, self.unit, self.cpus = row, name, unit, cpus
        self.value: float | None = None
        self.minimum: float | None = None
        self.reach: float | None = None
        self.absent = ""  # why it was not measured
        self.peers: list[Peer] = []

    @property
    def met(self) -> bool | None:
        """None if nothing is asked, or nothing measured."""
        return None if self.reach is None or self.value is None else self.value <= self.reach

    @property
    def peer(self) -> Peer | None:
        return self.peers[0] if self.peers else None


class Report:
    """All figures of one command, by how they were measured."""

    def __init__(self) -> None:
        self.counted: list[Figure] = []  # instructions and bytes
        self.timed: list[Figure] = []
        self.overhead: dict[str, float] = {}  # of the measurement itself, in instructions


def asked() -> dict:
    with open(_ASKED, encoding="utf-8") as file:
        return json.load(file)


def report(wanted: dict, runs: list[Run], filters: list[str]) -> Report:
    result = Report()
    rows = [row for row in wanted["rows"] if not filters or any(text in row["row"] for text in filters)]
    native = [run for run in runs if run.system == "portico"]
    for run in native:
        result.overhead.update({row["row"]: row["value"] for row in run.rows
                                if row["row"].startswith("overhead_") and row["unit"] == "instructions"})
    for row in rows:
        result.counted.append(_figure(row, row["unit"], 1, native))
    by_row = {figure.row: figure for figure in result.counted}
    for row in rows:
        other = by_row.get(row.get("not_above", ""))
        if other is not None and other.value is not None:
            by_row[row["row"]].reach = round(other.value * _NOT_ABOVE_TOLERANCE)
    for cpus in sorted({run.cpus for run in native}):
        timed = [_figure(row, "ns", cpus, native) for row in rows if row["unit"] == "instructions"]
        result.timed += [figure for figure in timed if figure.value is not None]
    return result


def _figure(row: dict, unit: str, cpus: int, runs: list[Run]) -> Figure:
    figure = Figure(row["row"], row["name"], unit, cpus)
    if unit == row["unit"]:
        figure.reach = row.get("reach")
        figure.peers = [Peer(peer["name"], peer["value"], here=False) for peer in row.get("peers", [])]
    for run in runs:
        for found in run.rows:
            if run.cpus != cpus or found["row"] != row["row"] or "series" in found:
                continue
            if found.get("unit") == unit:
                figure.value, figure.minimum = found["value"], found.get("minimum", found["value"])
            elif "absent" in found:
                figure.absent = found["absent"]
    return figure


def json_rows(report_: Report) -> list[dict]:
    return [_json_row(figure) for figure in report_.counted + report_.timed]


def _json_row(figure: Figure) -> dict:
    peer = figure.peer
    return {"name": figure.name, "unit": figure.unit, "value": figure.value, "reach": figure.reach, "peer": peer.name if peer else None,
            "peer_value": peer.value if peer else None, "row": figure.row, "cpus": figure.cpus, "minimum": figure.minimum, "met": figure.met,
            "peers": [{"name": each.name, "value": each.value, "measured_here": each.here} for each in figure.peers],
            **({"absent": figure.absent or "not measured"} if figure.value is None else {})}
