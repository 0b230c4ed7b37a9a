"""Joins what was measured with what is asked of it and what others need (bench/*_rows.json)."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

import paths

_NOT_ABOVE_TOLERANCE = 1.05  # what counts as not growing
_ONE_CPU = 1
_ONE_PORT = "one port, 1 server thread"


@dataclass
class Run:
    """What one program printed in one boot of one system."""

    system: str  # portico or linux
    cpus: int
    rows: list[dict]
    counted: bool = False  # under icount, where a nanosecond is an instruction


@dataclass
class Peer:
    """What another system needs for the same; `here`: measured now, beside Portico, not elsewhere."""

    name: str
    value: float
    here: bool


@dataclass
class Figure:
    """One row of the report. `value` is None if it was not measured."""

    row: str
    name: str
    unit: str
    cpus: int
    value: float | None = None
    minimum: float | None = None
    reach: float | None = None
    absent: str = ""  # why it was not measured
    peers: list[Peer] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        """None if nothing is asked, or nothing measured."""
        return None if self.reach is None or self.value is None else self.value <= self.reach

    @property
    def peer(self) -> Peer | None:
        """The one to compare with: as the table that asks has it, else what Linux needs here."""
        return next((peer for peer in self.peers if not peer.here), self.peers[0] if self.peers else None)

    def here(self) -> list[Peer]:
        return [peer for peer in self.peers if peer.here]

    def elsewhere(self) -> list[Peer]:
        return [peer for peer in self.peers if not peer.here]


@dataclass
class Curve:
    """One line of a plot."""

    plot: str
    series: str
    unit: str
    cpus: int
    x: list[float]
    y: list[float]


@dataclass
class Report:
    """All figures of one command, by how they were measured."""

    counted: list[Figure] = field(default_factory=list)  # in the unit the table asks for: instructions, bytes, ms
    timed: list[Figure] = field(default_factory=list)
    same_program: list[Figure] = field(default_factory=list)  # Linux programs on Portico, with Linux as their peer
    throughput: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    plots: dict[str, dict] = field(default_factory=dict)  # name and axes of each plot
    overhead: dict[str, float] = field(default_factory=dict)  # of the measurement itself, in instructions

    def figures(self) -> list[Figure]:
        return self.counted + self.timed + self.same_program + self.throughput


def asked(benchmark: str) -> dict:
    """The table of a benchmark. A row with `both` is measured by the same program on both systems: it is its own Linux row."""
    with open(os.path.join(paths.REPOSITORY, "bench", f"{benchmark}_rows.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    both = [row for row in wanted["rows"] if row.get("both")]
    for row in both:
        row["linux"] = [row["row"]]
    wanted["linux_rows"] = [*wanted.get("linux_rows", []), *({"row": row["row"], "short": "", "name": row["name"]} for row in both)]
    return wanted


def chosen_rows(wanted: dict, filters: list[str]) -> list[dict]:
    return [row for row in wanted["rows"] if not filters or any(text in row["row"] for text in filters)]


def linux_rows_for(wanted: dict, rows: list[dict]) -> list[str]:
    """The rows of the program for both systems that are measured beside these."""
    beside = {name for row in rows for name in row.get("linux", [])}
    return [row["row"] for row in wanted["linux_rows"] if row["row"] in beside]


class Found:
    """Looks up what was measured."""

    def __init__(self, runs: list[Run]) -> None:
        self._rows: dict[tuple, dict] = {}
        for run in runs:
            for row in run.rows:
                if "value" in row or "absent" in row:
                    self._rows[(run.system, row["row"], row.get("unit", "absent"), run.cpus)] = row

    def get(self, system: str, row: str, unit: str, cpus: int) -> dict | None:
        return self._rows.get((system, row, unit, cpus))

    def absent(self, system: str, row: str, cpus: int) -> str:
        return self._rows.get((system, row, "absent", cpus), {}).get("absent", "")


def report(wanted: dict, runs: list[Run], filters: list[str]) -> Report:
    result = Report(plots={plot["row"]: plot for plot in wanted.get("plots", [])})
    rows = chosen_rows(wanted, filters)
    found = Found(runs)
    linux_rows = {row["row"]: row for row in wanted["linux_rows"]}
    own = {row["row"] for row in rows}  # told among the rows already
    cpu_counts = sorted({run.cpus for run in runs if not run.counted})
    result.counted = [_figure(row, row["unit"], row.get("cpus", _ONE_CPU), found, linux_rows) for row in rows]
    _ask_not_to_grow(rows, result.counted)
    for cpus in cpu_counts:
        timed = [_figure(row, "ns", cpus, found, linux_rows) for row in rows if row["unit"] == "instructions"]
        result.timed += [figure for figure in timed if figure.value is not None]
    for unit, cpus in [("instructions", _ONE_CPU), *(("ns", count) for count in cpu_counts)]:
        result.same_program += [figure for row in linux_rows_for(wanted, rows)
                                if row not in own and (figure := _same_program(row, linux_rows[row]["name"], unit, cpus, found)) is not None]
    for run in runs:
        _add_throughput(run, result)
        _add_curves(run, result)
        if run.system == "portico" and run.counted:
            result.overhead.update({row["row"]: row["value"] for row in run.rows if row["row"].startswith("overhead_")})
    return result


def _figure(row: dict, unit: str, cpus: int, found: Found, linux_rows: dict[str, dict]) -> Figure:
    figure = Figure(row["row"], row["name"], unit, cpus, absent=found.absent("portico", row["row"], cpus) or row.get("absent", ""))
    if measured := found.get("portico", row["row"], unit, cpus):
        figure.value, figure.minimum = measured["value"], measured.get("minimum", measured["value"])
    for name in row.get("linux", []):
        if measured := found.get("linux", name, unit, cpus):
            figure.peers.append(Peer(f"Linux {linux_rows[name]['short']}".strip(), _of_linux(measured), here=True))
    if unit == row["unit"]:
        figure.reach = row.get("reach")
        figure.peers += [Peer(peer["name"], peer["value"], here=False) for peer in row.get("peers", [])]
    return figure


def _same_program(row: str, name: str, unit: str, cpus: int, found: Found) -> Figure | None:
    here, there = found.get("portico", row, unit, cpus), found.get("linux", row, unit, cpus)
    absent = found.absent("portico", row, cpus)
    if here is None and there is None:
        return None
    figure = Figure(row, f"Linux program: {name}", unit, cpus, absent=absent)
    if here is not None:
        figure.value, figure.minimum = here["value"], here["minimum"]
    if there is not None:
        figure.peers.append(Peer("Linux", _of_linux(there), here=True))
    return figure


def _of_linux(measured: dict) -> float:
    """Its best batch: which of several ways its scheduler takes changes from boot to boot, and a peer is taken at its best."""
    return measured["minimum"]


def _ask_not_to_grow(rows: list[dict], figures: list[Figure]) -> None:
    by_row = {figure.row: figure for figure in figures}
    for row in rows:
        other = by_row.get(row.get("not_above", ""))
        if other is not None and other.value is not None:
            by_row[row["row"]].reach = round(other.value * _NOT_ABOVE_TOLERANCE)


def _add_throughput(run: Run, result: Report) -> None:
    for row in run.rows:
        if row["row"] == "placement_bytes":
            if run.counted:
                name = f"memory, {_placement(row)}, {row['ports']} port{'s' if row['ports'] > 1 else ''} for 16 objects"
                result.throughput.append(Figure("placement_bytes", name, "bytes", run.cpus, row["value"], row["value"]))
        elif row["row"] == "throughput":
            name = _throughput_name(row, _placement(row))
            # A virtual nanosecond is an instruction: what one message costs all who take part.
            value, unit = (1e9 / row["value"], "instructions/message") if run.counted else (row["value"], "messages/s")
            figure = Figure("throughput", name, unit, run.cpus, value, value)
            base = _one_port_figure(row, unit, run.cpus, result) or figure
            figure.peers.append(Peer(_ONE_PORT, base.value or value, here=True))
            result.throughput.append(figure)
            _add_point(result, f"throughput_{row['style']}", _placement(row), unit, run.cpus, row["senders"], value)


def _one_port_figure(row: dict, unit: str, cpus: int, result: Report) -> Figure | None:
    """The simplest placement under the same load, which is measured first: others are compared with it."""
    name = _throughput_name(row, _ONE_PORT)
    return next((figure for figure in result.throughput if (figure.name, figure.unit, figure.cpus) == (name, unit, cpus)), None)


def _throughput_name(row: dict, placement: str) -> str:
    return f"{row['style']}, {placement}, {row['senders']} sender{'s' if row['senders'] > 1 else ''}"


def _placement(row: dict) -> str:
    if row["placement"] != "one port":
        return row["placement"]
    return _ONE_PORT if row["servers"] == 1 else "one port, as many server threads as senders"


def _add_point(result: Report, plot: str, series: str, unit: str, cpus: int, x: float, y: float) -> None:
    for curve in result.curves:
        if (curve.plot, curve.series, curve.unit, curve.cpus) == (plot, series, unit, cpus):
            curve.x.append(x)
            curve.y.append(y)
            return
    result.curves.append(Curve(plot, series, unit, cpus, [x], [y]))


def _add_curves(run: Run, result: Report) -> None:
    if run.system == "portico":
        result.curves += [Curve(row["row"], row["series"], row["unit"], run.cpus, row["x"], row["y"]) for row in run.rows if "series" in row]


def json_rows(report_: Report) -> list[dict]:
    rows = [_json_row(figure) for figure in report_.figures()]
    for curve in report_.curves:
        if not curve.plot.startswith("throughput"):
            rows.append({"name": f"{report_.plots.get(curve.plot, {}).get('name', curve.plot)}: {curve.series}", "unit": curve.unit,
                         "value": curve.y[-1], "reach": None, "peer": None, "peer_value": None, "row": curve.plot, "cpus": curve.cpus,
                         "series": curve.series, "x": curve.x, "y": curve.y})
    return rows


def _json_row(figure: Figure) -> dict:
    peer = figure.peer
    return {"name": figure.name, "unit": figure.unit, "value": figure.value, "reach": figure.reach, "peer": peer.name if peer else None,
            "peer_value": peer.value if peer else None, "row": figure.row, "cpus": figure.cpus, "minimum": figure.minimum, "met": figure.met,
            "peers": [{"name": each.name, "value": each.value, "measured_here": each.here} for each in figure.peers],
            **({"absent": figure.absent or "not measured"} if figure.value is None else {})}
