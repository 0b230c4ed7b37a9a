"""The figures as text."""
from __future__ import annotations

import textwrap

from benchmarks.figures import Figure, Peer, Report

_WIDTH = 140


def text(report: Report) -> str:
    parts = [_counted(report)]
    if report.timed:
        parts.append(_by_cpus("time in nanoseconds", report.timed))
    if report.same_program:
        parts.append(_same_program(report.same_program))
    parts += [_throughput(report.throughput, unit) for unit in dict.fromkeys(figure.unit for figure in report.throughput)]
    missing = [figure.name for figure in report.counted if figure.value is None]
    if missing:
        parts.append(textwrap.fill("not measured: " + "; ".join(missing), _WIDTH, subsequent_indent="  ") + "\n")
    return "\n".join(parts)


def _counted(report: Report) -> str:
    lines = [("guest instructions (icount), one CPU", "Portico", "reach", "met", "best of Linux, here", "best measured elsewhere")]
    for figure in report.counted:
        lines.append((figure.name, value(figure), number(figure.reach), {None: "", True: "yes", False: "no"}[figure.met],
                      _best(figure.here()), _best(figure.elsewhere())))
    note = ""
    if report.overhead:
        note = (f"subtracted: {number(report.overhead.get('overhead_readings'))} instructions for the two readings around a batch, "
                f"{number(report.overhead.get('overhead_operation'))} for each round of its loop; Portico: the median of the batches, "
                "Linux: the best\n")
    return aligned(lines) + note


def _by_cpus(title: str, figures: list[Figure]) -> str:
    counts = sorted({figure.cpus for figure in figures})
    by_place = {(figure.row, figure.cpus): figure for figure in figures}
    lines = [(title, *(f"Portico, {_cpus(count)}" for count in counts), *(f"Linux, {_cpus(count)}" for count in counts))]
    for row in dict.fromkeys(figure.row for figure in figures):
        cells = [by_place.get((row, count)) for count in counts]
        name = next(figure.name for figure in cells if figure)
        lines.append((name, *(number(figure.value) if figure else "" for figure in cells),
                      *(_best(figure.here()) if figure else "" for figure in cells)))
    return aligned(lines)


def _same_program(figures: list[Figure]) -> str:
    kinds = list(dict.fromkeys((figure.unit, figure.cpus) for figure in figures))
    by_place = {(figure.row, figure.unit, figure.cpus): figure for figure in figures}
    lines = [("the same program on both", *(f"{system}, {unit}, {_cpus(cpus)}" for unit, cpus in kinds for system in ("Portico", "Linux")))]
    for row in dict.fromkeys(figure.row for figure in figures):
        cells = [by_place.get((row, unit, cpus)) for unit, cpus in kinds]
        name = next(figure.name for figure in cells if figure).removeprefix("Linux program: ")
        pairs = [(_there(figure), number(figure.peers[0].value) if figure and figure.peers else "") for figure in cells]
        lines.append((name, *(cell for pair in pairs for cell in pair)))
    return aligned(lines)


def _throughput(figures: list[Figure], unit: str) -> str:
    figures = [figure for figure in figures if figure.unit == unit]
    counts = sorted({figure.cpus for figure in figures})
    by_place = {(figure.name, figure.cpus): figure for figure in figures}
    title = {"bytes": "memory of each way to allocate ports, both processes"}.get(unit, f"ways to allocate ports, {unit}")
    lines = [(title, *(_cpus(count) for count in counts))]
    for name in dict.fromkeys(figure.name for figure in figures):
        lines.append((name, *(_with_ratio(by_place.get((name, count))) for count in counts)))
    return aligned(lines)


def _with_ratio(figure: Figure | None) -> str:
    """Beside one port with one server thread."""
    if figure is None or figure.value is None:
        return ""
    return number(figure.value) + (f" ×{figure.value / figure.peer.value:.2f}" if figure.peer else "")


def aligned(lines: list[tuple]) -> str:
    """Columns of text; the ones that hold numbers are set to the right, as is their heading."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    numeric = [i > 0 and any(line[i][:1].isdigit() for line in lines[1:]) and all(_is_number(line[i]) for line in lines[1:])
               for i in range(len(lines[0]))]
    shown = []
    for line in lines:
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric)]
        shown.append("  ".join(cells).rstrip() + "\n")
    return "".join([shown[0], "-" * min(_WIDTH, sum(widths) + 2 * len(widths) - 2) + "\n", *shown[1:]])


def _is_number(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell.startswith("not ")


def value(figure: Figure) -> str:
    """With its unit, unless that is the usual one; or why there is none."""
    if figure.value is None:
        return figure.absent or "not measured"
    return number(figure.value) + {"bytes": " B", "ms": " ms"}.get(figure.unit, "")


def _there(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return "not there" if figure.value is None and figure.absent else value(figure)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _cpus(count: int) -> str:
    return f"{count} CPU" + ("s" if count > 1 else "")


def _best(peers: list[Peer]) -> str:
    """The peer that needs least; the JSON and the page have all."""
    if not peers:
        return ""
    best = min(peers, key=lambda peer: peer.value)
    return f"{best.name} {number(best.value)}"
